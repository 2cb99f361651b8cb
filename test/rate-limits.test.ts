import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestApp, type TestApp } from './support/app.ts';
import { answerTypes, postJson, send, sendGraphQL } from './support/http.ts';
import { createPerson, type Person, toMultipart } from './support/person.ts';

let app: TestApp;
let ada: Person;
let grace: Person;
beforeAll(async () => {
  app = await createTestApp({ env: { RATE_LIMITS: 'on' } });
  [ada, grace] = await Promise.all([createPerson(app), createPerson(app)]);
});
afterAll(() => app.close());

const askMe = (headers: Record<string, string>) => postJson(app, { query: '{ me { id } }' }, headers);
const as = ({ token }: Person) => ({ authorization: `Bearer ${token}` });
const upload = (person: Person) => {
  const query = 'mutation ($file: File!) { uploadProfilePicture(file: $file) { __typename } }';
  const body = toMultipart(query, {}, new File(['x'], 'x'));
  return sendGraphQL(app, { method: 'POST', headers: as(person), body });
};
/** Sends until it is too often, at most that many times; answers how many passed. */
async function exhaust(ask: () => Promise<{ status: number }>, most: number) {
  for (let passed = 0; passed <= most; passed++) if ((await ask()).status === 429) return passed;
  return Number.POSITIVE_INFINITY;
}

test('600 requests in a minute pass, and the next is told when to come back', async () => {
  // The person's own first request counts.
  expect(await exhaust(() => askMe(as(ada)), 600)).toBe(599);
  for (const accept of Object.values(answerTypes)) {
    const { status, headers, body } = await askMe({ ...as(ada), accept });
    const { retryAfter } = body.errors?.[0]?.extensions ?? {};
    expect([status, body]).toEqual([
      429,
      { errors: [{ message: expect.any(String), extensions: { code: 'RATE_LIMITED', retryAfter } }] },
    ]);
    expect(retryAfter).toBeGreaterThanOrEqual(1);
    expect(retryAfter).toBeLessThanOrEqual(60);
    expect(headers.get('retry-after')).toBe(String(retryAfter));
  }
});

test('nobody else is held up by that', async () => {
  expect((await askMe(as(grace))).status).toBe(200);
  expect((await askMe({})).status).toBe(200);
});

test('a bad token is refused as such, however often it comes', async () => {
  expect((await askMe({ authorization: 'Bearer x' })).status).toBe(401);
});

test('30 uploads in a minute pass, and requests go on', async () => {
  expect(await exhaust(() => upload(grace), 30)).toBe(30);
  expect((await askMe(as(grace))).status).toBe(200);
});

test('pictures and health are for everyone at any time', async () => {
  expect(await exhaust(() => askMe({}), 600)).toBeLessThanOrEqual(600);
  expect((await send(app, '/health/live')).status).toBe(200);
  expect((await send(app, '/pictures/initials/-0.svg')).status).toBe(200);
});

test('switched off, nothing is counted', async () => {
  const unlimited = await createTestApp({ env: { RATE_LIMITS: 'off' } });
  const ask = () => postJson(unlimited, { query: '{ __typename }' });
  expect(await exhaust(ask, 700)).toBe(Number.POSITIVE_INFINITY);
  await unlimited.close();
});
