import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestApp, type TestApp } from '../support/app.ts';
import { untilReady } from '../support/between-servers.ts';
import { createCuttable } from '../support/cuttable.ts';
import { postJson, sendGraphQL } from '../support/http.ts';
import { createPerson, type Person, toMultipart } from '../support/person.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';

let redis: RedisServer;
let app: TestApp;
let other: TestApp;
beforeAll(async () => {
  redis = await startRedis();
  const env = { RATE_LIMITS: 'on', REDIS_URL: redis.url };
  app = await createTestApp({ env });
  other = await createTestApp({ beside: app, env });
  await bothAreReady();
});
afterAll(async () => {
  await other.close();
  await app.close();
  await redis.kill();
});

const bothAreReady = () => Promise.all([untilReady(app, 200), untilReady(other, 200)]);

/** An upload of nothing, which counts all the same. */
const upload = (server: TestApp, { token }: Person) =>
  sendGraphQL(server, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: toMultipart(
      'mutation ($file: File!) { uploadProfilePicture(file: $file) { __typename } }',
      {},
      new File(['x'], 'x'),
    ),
  });

/** Uploads that many times, one after the other: the statuses of the answers, each once. */
async function uploadTimes(times: number, server: TestApp, person: Person): Promise<number[]> {
  const statuses = new Set<number>();
  for (let time = 0; time < times; time++) statuses.add((await upload(server, person)).status);
  return [...statuses];
}

test('30 uploads in a minute pass, whichever servers they go to, and the next is refused by all', async () => {
  const ada = await createPerson(app);
  expect(await uploadTimes(20, app, ada)).toEqual([200]);
  expect(await uploadTimes(10, other, ada)).toEqual([200]);
  for (const server of [app, other, other]) {
    const { status, headers, body } = await upload(server, ada);
    expect([status, body.errors?.[0]?.extensions.code]).toEqual([429, 'RATE_LIMITED']);
    expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(60);
  }
});

test('nothing of that stays in Redis for longer than it counts', async () => {
  const ada = await createPerson(app);
  const key = `visage:requests:${ada.id}`;
  expect(await redis.send('GET', key)).toBe('1');
  expect(Number(await redis.send('TTL', key))).toBeLessThanOrEqual(60);
  expect(Number(await redis.send('TTL', key))).toBeGreaterThan(0);
});

test('while Redis is away each server counts for itself, and afterwards all count together again', async () => {
  const ada = await createPerson(app);
  await redis.kill();
  await untilReady(app, 503);
  expect(await uploadTimes(30, app, ada)).toEqual([200]);
  expect(await uploadTimes(1, app, ada)).toEqual([429]);
  expect(await uploadTimes(1, other, ada)).toEqual([200]);
  await redis.start();
  await bothAreReady();
  expect(await uploadTimes(15, app, ada)).toEqual([200]);
  expect(await uploadTimes(15, other, ada)).toEqual([200]);
  expect(await uploadTimes(1, app, ada)).toEqual([429]);
});

test('a Redis that answers nothing holds up nobody', async () => {
  const medium = await createCuttable(redis.url);
  const held = await createTestApp({ beside: app, env: { RATE_LIMITS: 'on', REDIS_URL: medium.connectionString } });
  await untilReady(held, 200);
  const { token } = await createPerson(held);
  medium.freeze();
  const answer = await postJson(held, { query: '{ me { id } }' }, { authorization: `Bearer ${token}` });
  expect(answer.status).toBe(200);
  await medium.cut();
  await held.close();
});
