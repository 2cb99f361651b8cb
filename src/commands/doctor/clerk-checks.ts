import type { Config } from '../../config.ts';
import { ClerkKeyRefusedError } from '../../platform/clerk.ts';
import { createClerk } from '../../platform/clerk-client.ts';
import { fetchKeys, staticKey } from '../../platform/clerk-keys.ts';
import { readClockSkew } from '../../platform/clock-skew.ts';
import { type Finding, failed, ok, skipped, warning } from './examination.ts';

type ClerkConfig = Config['clerk'];

const reachAdvice =
  'Clerk is down, or this machine has no way to its API (https://api.clerk.com, or CLERK_API_URL): try again, look at the firewall';
const keyAdvice = 'Copy the secret key of the right instance from the dashboard of Clerk, under API keys';

/** Whether session tokens can be verified. */
export async function checkKeys({ jwtKey, secretKey, apiUrl }: ClerkConfig): Promise<Finding> {
  if (!secretKey) {
    return jwtKey
      ? ok('CLERK_JWT_KEY is an RSA key; whether it is of the right instance, only a token can tell')
      : skipped('neither CLERK_JWT_KEY nor CLERK_SECRET_KEY: tokens of the development key are taken');
  }
  const published = await fetchKeys({ secretKey, apiUrl }).catch((error: ClerkError) => error);
  if (published instanceof Error) return toKeysFailure(published, jwtKey !== null);
  if (!jwtKey) return ok(`Clerk publishes ${published.size}`);
  const own = await staticKey(jwtKey).find(undefined);
  if ([...published.values()].includes(own ?? '')) return ok('CLERK_JWT_KEY is a key that Clerk publishes');
  const advice = 'It is of another instance, or was rotated: every token is refused. Copy it anew, or leave it out';
  return failed('CLERK_JWT_KEY is none of the keys that Clerk publishes', advice);
}

/** As Clerk's client throws it: where Clerk said why, the message is empty. */
type ClerkError = Error & { status?: number; errors?: { message: string }[] };

function toKeysFailure({ status, message, errors }: ClerkError, hasOwnKey: boolean): Finding {
  if (status === 401 || status === 403) return failed("Clerk doesn't take CLERK_SECRET_KEY", keyAdvice);
  const found = `Clerk's keys could not be fetched (${message || errors?.[0]?.message || status})`;
  // Tokens are verified all the same.
  return hasOwnKey ? warning(found, reachAdvice) : failed(found, reachAdvice);
}

/** Whether Clerk takes the secret key. */
export async function checkApi({ secretKey, apiUrl }: ClerkConfig): Promise<Finding> {
  if (!secretKey) return skipped('no CLERK_SECRET_KEY: names and e-mail addresses come by webhooks alone');
  try {
    const { totalCount } = await createClerk({ secretKey, apiUrl }).listUsers({ limit: 1 });
    return ok(`Clerk takes CLERK_SECRET_KEY, and has ${totalCount} users`);
  } catch (error) {
    if (error instanceof ClerkKeyRefusedError) return failed("Clerk doesn't take CLERK_SECRET_KEY", keyAdvice);
    return failed((error as Error).message, reachAdvice);
  }
}

const clockLimitMs = 5_000;
/** Tokens are forgiven 5 seconds, and live for a minute. */
const forgivenSkewMs = 5_000;

/** Whether this machine's clock agrees with the one by which Clerk dates its tokens. */
export async function checkClock({ secretKey, apiUrl }: ClerkConfig): Promise<Finding> {
  if (!secretKey) return skipped('no CLERK_SECRET_KEY: Clerk is not asked for the time');
  const skewMs = await readClockSkew(apiUrl ?? 'https://api.clerk.com', clockLimitMs).catch(() => null);
  if (skewMs === null) return skipped('Clerk did not tell the time');
  if (skewMs < forgivenSkewMs) return ok("this machine's clock agrees with Clerk's");
  const found = `this machine's clock differs from Clerk's by ${(skewMs / 1_000).toFixed(1)} s`;
  return failed(found, 'Set it by NTP: tokens are refused');
}

const dayMs = 86_400_000;
/** Among a few hundred users something changes within it. */
const longSilenceMs = 7 * dayMs;

/** Whether Clerk's webhooks arrive. */
export function checkWebhooks({ clerk, isProduction, publicUrl }: Config, lastAt: Date | null): Finding {
  const count = clerk.webhookSigningSecrets.length;
  if (count === 0) {
    const found = 'no CLERK_WEBHOOK_SIGNING_SECRET: what changes in Clerk does not arrive';
    return isProduction ? warning(found, 'Add an endpoint in the dashboard of Clerk, under Webhooks') : skipped(found);
  }
  const secrets = count === 1 ? 'one signing secret' : `${count} signing secrets`;
  const endpoint = `${publicUrl ?? 'PUBLIC_URL'}/api/webhooks/clerk`;
  const advice = `Look at the endpoint ${endpoint} in the dashboard of Clerk, under Webhooks, and send a test from there`;
  if (!lastAt) return warning(`${secrets}, and no webhook came yet`, advice);
  const found = `${secrets}, the last webhook came ${toAge(Date.now() - lastAt.getTime())} ago`;
  return Date.now() - lastAt.getTime() > longSilenceMs ? warning(found, advice) : ok(found);
}

function toAge(ms: number): string {
  const minutes = Math.max(0, Math.round(ms / 60_000));
  if (minutes < 120) return `${minutes} min`;
  return minutes < 2 * 24 * 60 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 60 / 24)} days`;
}
