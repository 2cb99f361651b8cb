import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { remoteKeys, staticKey } from '../src/platform/clerk-keys.ts';
import { createTestApp, generateKeys, randomId, signToken, type TestApp } from './support/app.ts';
import { type ClerkApi, createClerkApi } from './support/clerk-api.ts';
import { toJwks } from './support/clerk-routes.ts';
import { postJson } from './support/http.ts';
import { createTestLog } from './support/log.ts';

// Where CLERK_SECRET_KEY is given and no CLERK_JWT_KEY, the keys are Clerk's.

const [first, second] = [generateKeys(), generateKeys()];
let clerk: ClerkApi;
let app: TestApp;
beforeEach(async () => {
  // Moved by hand, so that half a minute passes at once; timers stay real.
  vi.useFakeTimers({ toFake: ['performance'] });
  clerk = await createClerkApi();
  clerk.jwks = toJwks({ ins_1: first.publicKey });
  const keys = remoteKeys({ secretKey: clerk.secretKey, apiUrl: clerk.url, log: createTestLog().log });
  app = await createTestApp({ parts: { keys } });
});
afterEach(async () => {
  vi.useRealTimers();
  await app.close();
  await clerk.close();
});

const halfAMinute = () => vi.advanceTimersByTime(30_000);
/** The status of a request with a fresh token, and its error's code. */
async function signIn(kid: string | undefined, { privateKey } = first) {
  const sub = `user_${randomId()}`;
  const token = await signToken({ sub }, privateKey, { kid });
  const { status, code } = await postJson(app, { query: '{ me { id } }' }, { authorization: `Bearer ${token}` });
  return code ? `${status} ${code}` : status;
}

test("a token signed with one of Clerk's keys signs in, and the keys are fetched once", async () => {
  expect(await Promise.all(Array.from({ length: 20 }, () => signIn('ins_1')))).toEqual(Array(20).fill(200));
  expect(await signIn('ins_1')).toBe(200);
  expect(clerk.requests).toMatchObject([{ method: 'GET', path: '/v1/jwks' }]);
});

test('a token with the name of a known key and the signature of another is refused', async () => {
  expect(await signIn('ins_1', second)).toBe('401 UNAUTHENTICATED');
  expect(await signIn(undefined)).toBe('401 UNAUTHENTICATED');
  expect(await signIn(42 as never)).toBe('401 UNAUTHENTICATED');
  expect(await signIn({ toString: 'ins_1' } as never)).toBe('401 UNAUTHENTICATED');
});

test('after a rotation new tokens hold, and the old key no longer does', async () => {
  expect(await signIn('ins_1')).toBe(200);
  clerk.jwks = toJwks({ ins_1: first.publicKey, ins_2: second.publicKey });
  halfAMinute();
  expect(await signIn('ins_2', second)).toBe(200);
  expect(await signIn('ins_1')).toBe(200);
  clerk.jwks = toJwks({ ins_2: second.publicKey, ins_3: first.publicKey });
  halfAMinute();
  expect(await signIn('ins_3')).toBe(200);
  expect(await signIn('ins_1')).toBe('401 UNAUTHENTICATED');
});

test('unknown keys cost Clerk one request in 30 seconds', async () => {
  const garbage = () => Promise.all(Array.from({ length: 50 }, (_, index) => signIn(`ins_${randomId()}_${index}`)));
  expect(new Set(await garbage())).toEqual(new Set(['401 UNAUTHENTICATED']));
  expect(new Set(await garbage())).toEqual(new Set(['401 UNAUTHENTICATED']));
  expect(clerk.requests).toHaveLength(1);
  halfAMinute();
  await garbage();
  expect(clerk.requests).toHaveLength(2);
  expect(await signIn('ins_1')).toBe(200);
});

test('known keys live on while Clerk is away, whatever it answers then', async () => {
  expect(await signIn('ins_1')).toBe(200);
  const outages = [{}, { keys: [] }, { keys: {} }, null, 'x', [[]]];
  for (const jwks of ['down', ...outages]) {
    if (jwks === 'down') clerk.failWith({ status: 503 }, { times: 1 });
    else clerk.jwks = jwks;
    halfAMinute();
    expect(await signIn('ins_unknown')).toBe('401 UNAUTHENTICATED');
    expect(await signIn('ins_1')).toBe(200);
  }
  expect(clerk.requests).toHaveLength(2 + outages.length);
});

test('while Clerk is away and no key is known yet, the answer is to try again', async () => {
  clerk.failWith({ status: 503 }, { times: 1 });
  expect(await signIn('ins_1')).toBe('503 SERVICE_UNAVAILABLE');
  expect((await postJson(app, { query: '{ me { id } }' })).status).toBe(200);
  clerk.jwks = toJwks({ ins_1: first.publicKey });
  halfAMinute();
  expect(await signIn('ins_1')).toBe(200);
});

test('a key that cannot be used takes no other with it', async () => {
  const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
  const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  const odd = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).publicKey;
  const bad = [...toJwks({ ins_ec: pem(elliptic), ins_odd: pem(odd) }).keys, { kid: 'ins_no', kty: 'RSA' }, null, 'x'];
  clerk.jwks = { keys: [...bad, ...toJwks({ ins_1: first.publicKey }).keys] };
  expect(await signIn('ins_1')).toBe(200);
  expect(await signIn('ins_odd')).toBe('401 UNAUTHENTICATED');
});

test('a Clerk that never answers has a time limit', async () => {
  clerk.failWith('hanging');
  expect(await signIn('ins_1')).toBe('503 SERVICE_UNAVAILABLE');
});

test('a hanging Clerk holds up nobody whose key is known', async () => {
  expect(await signIn('ins_1')).toBe(200);
  clerk.failWith('hanging');
  halfAMinute();
  const waiting = signIn('ins_unknown');
  expect(await signIn('ins_1')).toBe(200);
  expect(await waiting).toBe('401 UNAUTHENTICATED');
});

test('keys of 4,096 bits work, fetched or given', async () => {
  const large = generateKeyPairSync('rsa', {
    modulusLength: 4096,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  clerk.jwks = toJwks({ ins_large: large.publicKey });
  expect(await signIn('ins_large', large)).toBe(200);
  const given = await createTestApp({ parts: { keys: staticKey(large.publicKey) } });
  const authorization = `Bearer ${await signToken({ sub: 'user_large' }, large.privateKey)}`;
  const { body } = await postJson(given, { query: '{ me { id } }' }, { authorization });
  await given.close();
  expect(body).toEqual({ data: { me: { id: 'user_large' } } });
});
