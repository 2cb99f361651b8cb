import { createHmac, createPublicKey, generateKeyPairSync, sign as signBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { staticKey } from '../src/platform/clerk-keys.ts';
import { createTestApp, generateKeys, randomId, signToken, type TestApp } from './support/app.ts';
import { type GraphQLReply, postJson } from './support/http.ts';

const issuer = 'https://clerk.visage.test';
const party = 'https://app.visage.test';
const keys = generateKeys();
let app: TestApp;
/** With CLERK_ISSUER and CLERK_AUTHORIZED_PARTIES. */
let strict: TestApp;
beforeAll(async () => {
  app = await createTestApp({ parts: { keys: staticKey(keys.publicKey) } });
  strict = await createTestApp({
    env: { CLERK_ISSUER: issuer, CLERK_AUTHORIZED_PARTIES: `${party},https://other.visage.test` },
    parts: { keys: staticKey(keys.publicKey) },
  });
});
afterAll(() => Promise.all([app.close(), strict.close()]));

const nowS = () => Math.floor(Date.now() / 1000);
const newId = () => `user_${randomId()}`;
const sign = (claims: Record<string, unknown> = {}, header?: Record<string, unknown>) =>
  signToken({ sub: newId(), ...claims }, keys.privateKey, header);
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token that the test's own key doesn't sign. */
const forge = (header: unknown, signature: (signed: string) => string | Buffer, claims: object = {}) => {
  const payload = { sub: newId(), iat: nowS(), nbf: nowS(), exp: nowS() + 3600, ...claims };
  const signed = `${encode(header)}.${encode(payload)}`;
  return `${signed}.${Buffer.from(signature(signed)).toString('base64url')}`;
};
/** Clerk's own signer says RS256 and the present time whatever it is given. */
const rsa = (hash: string) => (signed: string) => signBytes(hash, Buffer.from(signed), keys.privateKey);
const hs256 = (secret: string) => (signed: string) => createHmac('sha256', secret).update(signed).digest();

const askMe = (server: TestApp, authorization?: string) =>
  postJson(server, { query: '{ me { id } }' }, authorization === undefined ? {} : { authorization });

function expectRefused({ status, body }: GraphQLReply) {
  expect({ status, body }).toEqual({
    status: 401,
    body: { errors: [{ message: expect.any(String), extensions: { code: 'UNAUTHENTICATED' } }] },
  });
}

test('whoever sends no Authorization header is anonymous', async () => {
  expect((await askMe(app)).body).toEqual({ data: { me: null } });
});

test('a session token signs its user in, with whatever else it says', async () => {
  const sub = newId();
  const token = await sign({ sub, sid: undefined, azp: 'https://any.test', sts: 'active', org: { id: 'org_1' } });
  for (const authorization of [`Bearer ${token}`, `bearer ${token}`, `BEARER   ${token} `]) {
    expect((await askMe(app, authorization)).body).toEqual({ data: { me: { id: sub } } });
  }
});

describe('nothing runs with', () => {
  const tokens: Record<string, () => string | Promise<string>> = {
    'an unsigned token (alg none)': () => forge({ typ: 'JWT', alg: 'none' }, () => ''),
    'an unsigned token that says RS256': () => forge({ typ: 'JWT', alg: 'RS256' }, () => ''),
    'HS256, with the public key as its secret': () => forge({ typ: 'JWT', alg: 'HS256' }, hs256(keys.publicKey)),
    'an HMAC that says RS256': () => forge({ typ: 'JWT', alg: 'RS256', kid: 'test' }, hs256(keys.publicKey)),
    RS512: () => forge({ typ: 'JWT', alg: 'RS512' }, rsa('sha512')),
    'RS256 that says RS512': () => forge({ typ: 'JWT', alg: 'RS512' }, rsa('sha256')),
    'no algorithm': () => forge({ typ: 'JWT' }, rsa('sha256')),
    'a list of algorithms': () => forge({ typ: 'JWT', alg: ['RS256'] }, rsa('sha256')),
    'another key': () => signToken({ sub: newId() }, generateKeys().privateKey),
    'another key that the token brings along': () => {
      const other = generateKeys();
      const jwk = createPublicKey(other.publicKey).export({ format: 'jwk' });
      return signToken({ sub: newId() }, other.privateKey, {
        jwk,
        jku: 'https://evil.test/jwks',
        x5u: 'https://evil.test',
      });
    },
    'an elliptic key': () => {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      return forge({ typ: 'JWT', alg: 'ES256' }, () => privateKey.export({ format: 'der', type: 'pkcs8' }));
    },
    'an expired token': () => sign({ exp: nowS() - 6 }),
    'a token that holds from later on': () => sign({ nbf: nowS() + 10 }),
    'a token issued in the future': () => forge({ typ: 'JWT', alg: 'RS256' }, rsa('sha256'), { iat: nowS() + 10 }),
    'no expiry': () => sign({ exp: undefined }),
    'an expiry that is no number': () => sign({ exp: String(nowS() + 3600) }),
    'a crit header': () => sign({}, { crit: ['exp'] }),
    'an empty crit header': () => sign({}, { crit: [] }),
    'a pending session': () => sign({ sts: 'pending' }),
    'a session status of null': () => sign({ sts: null }),
    'no user': () => sign({ sub: undefined }),
    'an empty user': () => sign({ sub: '' }),
    'a user that is no text': () => sign({ sub: 42 }),
    'a list of users': () => sign({ sub: [newId()] }),
    'a user with white space': () => sign({ sub: 'user one' }),
    'a user with U+0000': () => sign({ sub: 'user_\u0000' }),
    'a user beyond ASCII': () => sign({ sub: 'user_é' }),
    'a user of 256 characters': () => sign({ sub: 'u'.repeat(256) }),
    "a user that looks like a profile's id": () => sign({ sub: 'profile_user_1' }),
    'a truncated token': async () => (await sign()).slice(0, -10),
    'a token without its signature': async () => (await sign()).split('.').slice(0, 2).join('.'),
    'a token of four parts': async () => `${await sign()}.AAAA`,
    'claims that were changed': async () => {
      const [header, , signature] = (await sign()).split('.');
      return `${header}.${encode({ sub: newId(), exp: nowS() + 3600, iat: nowS() })}.${signature}`;
    },
    'a token of 100 kB': () => sign({ pad: 'x'.repeat(100_000) }),
    'null for claims': () => `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode(null)}.AAAA`,
    'null for a header': () => `${encode(null)}.${encode({ sub: newId() })}.AAAA`,
    'parts that are no JSON': () => 'AAAA.BBBB.CCCC',
    'parts that are lists': () => `${encode([])}.${encode([])}.AAAA`,
    garbage: () => '%%%.%%%.%%%',
    dots: () => '..',
    'one word': () => 'token',
  };
  test.each(Object.entries(tokens))('%s', async (_, make) => {
    expectRefused(await askMe(app, `Bearer ${await make()}`));
  });

  test.each(['', 'Bearer', 'Bearer ', 'Basic dXNlcjpwYXNz', 'Token abc', 'Bearer a b', 'Bearer a, Bearer b'])(
    'the header "%s"',
    async (authorization) => expectRefused(await askMe(app, authorization)),
  );

  test('a good token under another scheme, or bare', async () => {
    const token = await sign();
    for (const authorization of [`Token ${token}`, `Clerk ${token}`, token, `Bearer${token}`]) {
      expectRefused(await askMe(app, authorization));
    }
  });
});

test('what was refused creates nobody', async () => {
  const sub = newId();
  expectRefused(
    await postJson(
      app,
      { query: 'mutation { upsertPrivacy(input: {}) { id } }' },
      {
        authorization: `Bearer ${await sign({ sub, sts: 'pending' })}`,
      },
    ),
  );
  const { body } = await postJson(app, {
    query: 'query ($by: UserBy!) { user(by: $by) { id } }',
    variables: { by: { id: sub } },
  });
  expect(body).toEqual({ data: { user: null } });
});

test('a bad token comes before what else is wrong with the request', async () => {
  for (const query of ['{ nope', '{ nope }', '']) {
    expectRefused(await postJson(app, { query }, { authorization: 'Bearer x' }));
  }
});

test('the answer is a GraphQL error in each of the types that a client accepts', async () => {
  for (const accept of ['application/json', 'application/graphql-response+json']) {
    const reply = await postJson(app, { query: '{ me { id } }' }, { authorization: 'Bearer x', accept });
    expectRefused(reply);
    expect(reply.headers.get('content-type')).toBe(`${accept}; charset=utf-8`);
  }
});

test('5 seconds of clock skew are forgiven', async () => {
  for (const claims of [{ exp: nowS() - 3 }, { nbf: nowS() + 4 }, { iat: nowS() + 4 }]) {
    const sub = newId();
    const token = forge({ typ: 'JWT', alg: 'RS256' }, rsa('sha256'), { sub, ...claims });
    const { body } = await askMe(app, `Bearer ${token}`);
    expect(body).toEqual({ data: { me: { id: sub } } });
  }
});

test('a token that was verified before is refused once it has expired', async () => {
  const sub = newId();
  const authorization = `Bearer ${await sign({ sub, exp: nowS() - 3 })}`;
  expect((await askMe(app, authorization)).body).toEqual({ data: { me: { id: sub } } });
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_000 });
  try {
    expectRefused(await askMe(app, authorization));
  } finally {
    vi.useRealTimers();
  }
});

test('a user id of any printable ASCII is one', async () => {
  for (const sub of [`u"'$!~|${randomId()}`, `${randomId()}${'x'.repeat(237)}`]) {
    expect((await askMe(app, `Bearer ${await sign({ sub })}`)).body).toEqual({ data: { me: { id: sub } } });
  }
});

test('where they are configured, another issuer and another authorized party are refused', async () => {
  const good = { iss: issuer, azp: party };
  expect((await askMe(strict, `Bearer ${await sign({ ...good, azp: 'https://other.visage.test' })}`)).status).toBe(200);
  for (const claims of [
    { azp: 'https://evil.test' },
    { azp: undefined },
    { azp: null },
    { azp: [party] },
    { azp: `${party}/` },
    { iss: 'https://evil.test' },
    { iss: `${issuer}/` },
    { iss: undefined },
    { iss: [issuer] },
  ]) {
    expectRefused(await askMe(strict, `Bearer ${await sign({ ...good, ...claims })}`));
  }
});
