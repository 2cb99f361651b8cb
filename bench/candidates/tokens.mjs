import { createHash, createPublicKey, verify } from 'node:crypto';

/** As many as Visage remembers. */
const cacheLimit = 10_000;
const key = createPublicKey(process.env.PUBLIC_KEY);

/** Users of tokens that were verified, by hash. */
const verified = new Map();

/**
 * The id of the user of an Authorization header, checked as Visage checks it: RS256, expiry, and a bounded cache of what was
 * verified. Throws for any other.
 *
 * @param {string | undefined} authorization
 */
export function readViewer(authorization) {
  const token = authorization?.startsWith('Bearer ') && authorization.slice(7);
  if (!token) throw new Error('Expected a session token.');
  const hash = createHash('sha256').update(token).digest('base64');
  const known = verified.get(hash);
  if (known && known.expiresAtMs > Date.now()) return known.userId;
  const session = verifyAnew(token);
  if (verified.size >= cacheLimit) verified.delete(verified.keys().next().value);
  verified.set(hash, session);
  return session.userId;
}

/** @param {string} token */
function verifyAnew(token) {
  const [header, payload, signature] = token.split('.');
  const { alg } = JSON.parse(Buffer.from(header, 'base64url').toString());
  const isSigned = verify('RSA-SHA256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'));
  const { sub, exp } = JSON.parse(Buffer.from(payload, 'base64url').toString());
  if (alg !== 'RS256' || !isSigned || exp * 1_000 <= Date.now()) throw new Error('The token was refused.');
  return { userId: sub, expiresAtMs: exp * 1_000 };
}
