import { hash } from 'node:crypto';
import { verifyToken } from '@clerk/backend';
import { decodeJwt } from '@clerk/backend/jwt';
import { unauthenticated } from '../errors.ts';
import type { SigningKeys } from './clerk-keys.ts';

/** What a valid session token says. */
export interface Session {
  userId: string;
  /** Clerk's session id; null in tokens without `sid`. */
  sessionId: string | null;
  /** When the token stops to hold, in milliseconds since 1970. */
  expiresAtMs: number;
  claims: Readonly<Record<string, unknown>>;
}

export interface SessionTokens {
  /** Throws UNAUTHENTICATED for any token that doesn't hold, saying why. */
  verify(token: string): Promise<Session>;
  /** Forgets what was verified for a user, so that their tokens are looked at anew. */
  forget(userId: string): void;
}

/** Seconds that clocks may differ. */
const clockSkewMs = 5_000;
/** Clerk's tokens are about 1 kB, and browsers' cookies hold 4; this leaves room for many custom claims. */
const maxTokenLength = 16_384;
/** Verifying costs as much as the rest of a small request. */
const cacheLimit = 10_000;
/** Clerk's ids are short ASCII; anything else could not be told from the ids of other types. */
const userIdPattern = /^(?!(profile|preferences|privacy|picture|event|crew|studio)_)[\x21-\x7e]{1,255}$/;

/** Verifies Clerk's session tokens by `@clerk/backend`, and the claims that it leaves unlooked at. */
export function createSessionTokens(options: {
  keys: SigningKeys;
  issuer: string | null;
  authorizedParties: readonly string[];
}): SessionTokens {
  const verified = new Map<string, Session>();

  const verifyAnew = async (token: string): Promise<Session> => {
    const { header, payload } = decoded(token);
    if (header.alg !== 'RS256') throw refused('Expected a token signed with RS256.');
    if ('crit' in header) throw refused('Expected a token without a "crit" header.');
    const key = await options.keys.find(header.kid);
    if (!key) throw refused('The token is signed with a key that is not known.');
    const claims = await checkedByClerk(token, key);
    assertClaims(claims, options);
    return {
      userId: claims.sub,
      sessionId: typeof claims.sid === 'string' && claims.sid !== '' ? claims.sid : null,
      expiresAtMs: payload.exp * 1000,
      claims: claims as unknown as Record<string, unknown>,
    };
  };

  return {
    async verify(token) {
      if (token.length > maxTokenLength) throw refused(`Expected a token of at most ${maxTokenLength} characters.`);
      const key = hash('sha256', token, 'base64');
      const known = verified.get(key);
      if (known && known.expiresAtMs + clockSkewMs > Date.now()) return known;
      verified.delete(key);
      const session = await verifyAnew(token);
      const oldest = verified.size >= cacheLimit ? verified.keys().next().value : undefined;
      if (oldest !== undefined) verified.delete(oldest);
      verified.set(key, session);
      return session;
    },
    forget(userId) {
      for (const [key, session] of verified) if (session.userId === userId) verified.delete(key);
    },
  };
}

const refused = (reason: string) => unauthenticated(`The token was refused. ${reason}`);

function decoded(token: string) {
  try {
    const { header, payload } = decodeJwt(token);
    if (typeof header === 'object' && header && typeof payload === 'object' && payload) return { header, payload };
  } catch {
    // Whatever is wrong with it, the answer is the same.
  }
  throw refused('Expected a JSON Web Token.');
}

async function checkedByClerk(token: string, jwtKey: string) {
  try {
    return await verifyToken(token, { jwtKey, clockSkewInMs: clockSkewMs });
  } catch (error) {
    throw refused(error instanceof Error ? firstSentence(error.message) : 'It could not be verified.');
  }
}

/** Clerk's reasons go on with dates and advice for its own middleware. */
const firstSentence = (message: string) => `${message.split(/\.\s|\.$/)[0]}.`;

/** `verifyToken` looks at neither issuer nor status, and lets a token without `azp` pass. */
function assertClaims(
  claims: { sub?: unknown; exp?: unknown; iss?: unknown; azp?: unknown; sts?: unknown },
  { issuer, authorizedParties }: { issuer: string | null; authorizedParties: readonly string[] },
) {
  if (typeof claims.sub !== 'string' || !userIdPattern.test(claims.sub))
    throw refused('Expected the user\'s id as "sub".');
  if (typeof claims.exp !== 'number') throw refused('Expected an expiry as "exp".');
  if (issuer !== null && claims.iss !== issuer) throw refused('It is of another issuer.');
  if (authorizedParties.length > 0 && !authorizedParties.includes(claims.azp as string)) {
    throw refused('It is of another authorized party.');
  }
  if (claims.sts !== undefined && claims.sts !== 'active') throw refused('Its session is not active.');
}
