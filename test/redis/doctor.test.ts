import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkAnnouncements, checkRedis } from '../../src/commands/doctor/redis-checks.ts';
import { createDatabase } from '../support/database.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';

const password = 'open-sesame';
let redis: RedisServer;
/** With its password. */
let url: URL;
beforeAll(async () => {
  redis = await startRedis(password);
  url = new URL(redis.url);
});
afterAll(() => redis.kill());

const at = (changed: Partial<URL>) => Object.assign(new URL(url), changed).href;

test('a Redis that does what is needed is found to be so, and nothing is left in it', async () => {
  expect(await checkRedis(at({ pathname: '/3' }))).toMatchObject({
    status: 'ok',
    found: expect.stringContaining('channel visage:3'),
  });
  expect(await redis.send('PUBSUB', 'CHANNELS')).toEqual([]);
});

test.each([
  ['of which the password is wrong', { password: 'hunter2' }, 'WRONGPASS'],
  ['that asks for a password', { password: '' }, 'NOAUTH'],
  ['that has no such database', { pathname: '/99' }, 'DB index is out of range'],
  ['that is not there', { port: '1' }, 'ECONNREFUSED'],
])('a Redis %s is told as such, without a secret', async (_, changed, reason) => {
  const finding = await checkRedis(at(changed));
  expect(finding).toMatchObject({ status: 'failed', advice: expect.stringContaining('REDIS_URL') });
  expect(finding.found).toContain(reason);
  expect(JSON.stringify(finding)).not.toMatch(/hunter2|open-sesame/);
});

test('a user of Redis who may not do what is needed is told as such', async () => {
  await redis.send('ACL', 'SETUSER', 'visage', 'on', '>locked', '+@all', '~*', 'resetchannels');
  expect(await checkRedis(at({ username: 'visage', password: 'locked' }))).toMatchObject({
    status: 'failed',
    found: expect.stringContaining('NOPERM'),
    advice: expect.stringContaining('SUBSCRIBE'),
  });
});

test('a setting that is lost on the way to the database is told as such', async () => {
  const { connectionString, drop } = await createDatabase();
  expect(await checkAnnouncements(connectionString)).toMatchObject({ status: 'ok' });
  // As a pooler does that drops what comes with the start of a session: what stands in the address wins.
  const withoutSettings = new URL(connectionString);
  withoutSettings.searchParams.set('options', '-c TimeZone=UTC');
  expect(await checkAnnouncements(withoutSettings.href)).toMatchObject({
    status: 'failed',
    advice: expect.stringContaining('ALTER DATABASE'),
  });
  await drop();
});
