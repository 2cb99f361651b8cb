import { createPublicKey, type KeyObject } from 'node:crypto';
import { createClerkClient } from '@clerk/backend';
import { serviceUnavailable } from '../errors.ts';
import type { Log } from './log.ts';
import { within } from './time-limit.ts';

/** Finds the public key that a token names by its `kid`, in the form of `verifyToken`'s `jwtKey`. */
export interface SigningKeys {
  /** Null where no such key is known. Throws SERVICE_UNAVAILABLE while Clerk is away and no key was ever fetched. */
  find(kid: string | undefined): Promise<string | null>;
}

/** The one key of CLERK_JWT_KEY, or of development. */
export function staticKey(pem: string): SigningKeys {
  const jwtKey = toJwtKey(createPublicKey(pem));
  return { find: async () => jwtKey };
}

/** A look-up of an unknown `kid` costs Clerk a request: garbage tokens may cause one in this time, no more. */
const refreshEveryMs = 30_000;
const fetchTimeoutMs = 3_000;

export interface ClerkKeysOptions {
  secretKey: string;
  /** Null: Clerk's own. */
  apiUrl: string | null;
}

/** The keys that Clerk publishes now, by `kid`, in the form of `verifyToken`'s `jwtKey`. Throws where there is none to be had. */
export async function fetchKeys({ secretKey, apiUrl }: ClerkKeysOptions): Promise<ReadonlyMap<string, string>> {
  const { jwks } = createClerkClient({ secretKey, ...(apiUrl && { apiUrl }) });
  const { keys } = await within(fetchTimeoutMs, jwks.getJwks());
  const usable = new Map(keys?.flatMap(readJwk));
  // Clerk always has a key: an answer without one is an outage too.
  if (usable.size === 0) throw new Error('the answer has no RSA key');
  return usable;
}

/**
 * Clerk's JWKS, fetched when a token names a key that isn't known yet. Known keys stay through an outage of Clerk's;
 * `verifyToken`'s own fetching would forget them after five minutes, ask for each unknown `kid`, and wait without a limit.
 */
export function remoteKeys(options: ClerkKeysOptions & { log: Log }): SigningKeys {
  let known: ReadonlyMap<string, string> = new Map();
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let fetching: Promise<void> | null = null;

  const refresh = async () => {
    fetchedAt = performance.now();
    try {
      known = await fetchKeys(options);
    } catch (error) {
      options.log.warn({ error }, "Clerk's signing keys could not be fetched; known ones stay in use");
    }
  };

  return {
    async find(kid) {
      if (!kid) return null;
      if (!known.has(kid) && (fetching || performance.now() - fetchedAt >= refreshEveryMs)) {
        fetching ??= refresh().finally(() => {
          fetching = null;
        });
        await fetching;
      }
      if (known.size === 0) throw serviceUnavailable("Clerk's signing keys");
      return known.get(kid) ?? null;
    },
  };
}

/** Nothing for a key that can't be used: it must not take the others with it. */
function readJwk(jwk: { kid: string }): [kid: string, jwtKey: string][] {
  try {
    return jwk.kid ? [[jwk.kid, toJwtKey(createPublicKey({ key: { ...jwk }, format: 'jwk' }))]] : [];
  } catch {
    return [];
  }
}

/**
 * `verifyToken` cuts the modulus out of a PEM by the fixed first and last bytes that 2,048-bit keys have. Given the bare
 * modulus it finds nothing to cut, so that RSA keys of any size work.
 */
function toJwtKey(key: KeyObject): string {
  const { n, e } = key.export({ format: 'jwk' });
  if (!n || e !== 'AQAB') throw new Error('Expected an RSA public key with the exponent 65537.');
  return n;
}
