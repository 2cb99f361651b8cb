import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestApp, type TestApp } from './support/app.ts';
import { postJson, send, sendGraphQL } from './support/http.ts';
import { createPerson, type Person, toMultipart } from './support/person.ts';

let app: TestApp;
let ada: Person;
beforeAll(async () => {
  app = await createTestApp();
  ada = await createPerson(app);
});
afterAll(() => app.close());

const asSearch = (params: Record<string, string>) => `?${new URLSearchParams(params)}`;

describe('a request that a page of another site could send without asking', () => {
  const query = '{ me { id } }';
  const multipart = () =>
    toMultipart(
      'mutation ($file: File!) { uploadProfilePicture(file: $file) { __typename } }',
      {},
      new File(['x'], 'x'),
    );
  const requests: Record<string, () => RequestInit & { search?: string }> = {
    GET: () => ({ search: asSearch({ query }) }),
    'a form': () => ({ method: 'POST', body: new URLSearchParams({ query }) }),
    multipart: () => ({ method: 'POST', body: multipart() }),
  };

  test.each(Object.entries(requests))('%s is refused without one of the headers', async (_, make) => {
    const reply = await sendGraphQL(app, make());
    expect([reply.status, reply.code]).toEqual([403, 'FORBIDDEN']);
    expect(
      (await sendGraphQL(app, { ...make(), headers: { cookie: '__session=x', 'x-requested-with': 'x' } })).status,
    ).toBe(403);
  });

  test.each(Object.entries(requests))('%s passes with each of the headers', async (name, make) => {
    for (const header of ['apollo-require-preflight', 'graphql-preflight']) {
      const reply = await sendGraphQL(app, { ...make(), headers: { [header]: 'true' } });
      // An upload without a user is refused for another reason.
      expect(reply.status).toBe(name === 'multipart' ? 401 : 200);
    }
    expect((await sendGraphQL(app, { ...make(), headers: { authorization: `Bearer ${ada.token}` } })).status).toBe(200);
  });

  test('JSON needs none: a browser asks first', async () => {
    expect((await postJson(app, { query }, { origin: 'https://evil.test' })).status).toBe(200);
  });
});

describe('pages of other origins', () => {
  const friend = 'https://app.visage.test';
  const evil = 'https://evil.test';
  let configured: TestApp;
  beforeAll(async () => {
    configured = await createTestApp({ env: { CORS_ORIGINS: `${friend},https://other.visage.test:8443` } });
  });
  afterAll(() => configured.close());

  const preflight = (server: TestApp, origin: string, headers = 'authorization,content-type') =>
    send(server, '/graphql', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': headers },
    });
  const corsHeaders = (headers: Headers) =>
    Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-')));

  test('may send what they ask for if they are listed', async () => {
    for (const origin of [friend, 'https://other.visage.test:8443']) {
      const { status, text, headers } = await preflight(configured, origin, 'authorization,visage-view-as');
      expect([status, text, headers.get('vary')]).toEqual([204, '', 'Origin']);
      expect(corsHeaders(headers)).toEqual({
        'access-control-allow-origin': origin,
        'access-control-allow-methods': 'GET, POST, PUT, DELETE, OPTIONS',
        'access-control-allow-headers': 'authorization,visage-view-as',
        'access-control-max-age': '86400',
      });
    }
  });

  test('may read answers if they are listed, refusals too', async () => {
    const answers = [{ authorization: `Bearer x` }, {}].map((headers) =>
      postJson(configured, { query: '{ me { id } }' }, { origin: friend, ...headers }),
    );
    for (const { headers } of await Promise.all(answers)) {
      expect(headers.get('vary')).toBe('Origin');
      expect(corsHeaders(headers)).toEqual({
        'access-control-allow-origin': friend,
        'access-control-expose-headers': 'Content-Disposition, Retry-After, X-Request-Id',
      });
    }
  });

  test.each([
    evil,
    'null',
    `${friend}.evil.test`,
    `${friend}:444`,
    'http://app.visage.test',
    'https://APP.visage.test',
  ])('get nothing from %s', async (origin) => {
    expect(corsHeaders((await preflight(configured, origin)).headers)).toEqual({});
    const answer = await postJson(configured, { query: '{ me { id } }' }, { origin });
    expect(corsHeaders(answer.headers)).toEqual({});
    expect(answer.headers.get('vary')).toBe('Origin');
  });

  test('of this machine may call in development, and no others', async () => {
    for (const origin of ['http://localhost:3000', 'http://127.0.0.1:5173', 'http://[::1]:80', 'https://localhost']) {
      expect((await preflight(app, origin)).headers.get('access-control-allow-origin')).toBe(origin);
    }
    for (const origin of [
      evil,
      'http://localhost.evil.test',
      'http://evil.test/localhost',
      'http://127.0.0.1.evil.test',
    ]) {
      expect(corsHeaders((await preflight(app, origin)).headers)).toEqual({});
    }
  });

  test('may show pictures, wherever they are', async () => {
    for (const origin of [friend, evil]) {
      const { status, headers } = await send(configured, '/pictures/initials/-0.svg', { headers: { origin } });
      expect([status, headers.get('access-control-allow-origin')]).toEqual([200, '*']);
    }
  });
});
