import { randomUUID } from 'node:crypto';
import { createDatabase } from '../../platform/database.ts';
import { createLog } from '../../platform/log.ts';
import { openRedis, type RedisConnection } from '../../platform/redis-connection.ts';
import { within } from '../../platform/time-limit.ts';
import { type Finding, failed, ok, skipped } from './examination.ts';

const limitMs = 5_000;

/** Whether Redis does what servers need of it. Leaves nothing behind. */
export async function checkRedis(redisUrl: string | null): Promise<Finding> {
  if (redisUrl === null) return skipped('no REDIS_URL: instances talk through PostgreSQL');
  const [speaker, hearer] = [0, 1].map(() => openRedis({ url: redisUrl, name: 'visage-doctor' })) as [
    RedisConnection,
    RedisConnection,
  ];
  try {
    return (await findUnreachable([speaker, hearer])) ?? (await tryOut(speaker, hearer));
  } finally {
    await Promise.all([speaker.destroy(), hearer.destroy()]);
  }
}

async function findUnreachable(connections: RedisConnection[]): Promise<Finding | null> {
  try {
    await within(limitMs, Promise.all(connections.map(({ ready }) => ready)));
    return null;
  } catch (error) {
    const advice =
      'Look at host, port, user, password and number of the database in REDIS_URL, at rediss:// for TLS, and at the firewall';
    return failed(`Redis can't be reached (${toReason(error)})`, advice);
  }
}

async function tryOut(speaker: RedisConnection, hearer: RedisConnection): Promise<Finding> {
  try {
    const pingMs = await timed(() => speaker.probe());
    await within(limitMs, count(speaker));
    const messageMs = await timed(() => talk(speaker, hearer));
    return ok(`answered after ${pingMs} ms, a message arrived after ${messageMs} ms; channel ${speaker.channel}`);
  } catch (error) {
    const advice =
      'The user needs PING, SUBSCRIBE and PUBLISH on channels visage:*, and EVAL, SET, INCRBY, PTTL and EXPIRE on keys visage:*';
    return failed(`Redis doesn't do what is needed (${toReason(error)})`, advice);
  }
}

/** As rate limits count; the key is gone a second later. */
const count = (redis: RedisConnection) =>
  redis.runScript(
    `redis.call('set', KEYS[1], 0, 'EX', 1) redis.call('expire', KEYS[1], 1)
     return { redis.call('incrby', KEYS[1], 1), redis.call('pttl', KEYS[1]) }`,
    { keys: [`visage:doctor:${randomUUID()}`], arguments: [] },
  );

async function talk(speaker: RedisConnection, hearer: RedisConnection): Promise<void> {
  const channel = `visage:doctor:${randomUUID()}`;
  let hear = () => {};
  const heard = new Promise<void>((resolve) => {
    hear = resolve;
  });
  await hearer.subscribe(channel, hear);
  await speaker.publish(channel, 'x');
  await heard;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now();
  await within(limitMs, work());
  return Math.round(performance.now() - startedAtMs);
}

/** Whoever tries several addresses in vain says so by a code alone. */
const toReason = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  return message || code || 'no reason was given';
};

/** Whether what servers write is kept for Redis: a setting of the session says so, which a pooler may swallow. */
export async function checkAnnouncements(connectionString: string): Promise<Finding> {
  const db = createDatabase({ connectionString, log: createLog('silent'), poolSize: 1, announcesByRedis: true });
  try {
    const [session] = await db.query<{ way: string | null }>(
      { name: 'announcements_way', text: `select current_setting('visage.announcements', true) as way` },
      [],
    );
    if (session?.way === 'redis') return ok('what is announced waits in the database until Redis has it');
    const advice = `Behind a pooler, make it the database's: ALTER DATABASE … SET visage.announcements = 'redis'`;
    return failed('the setting visage.announcements of a session is lost on the way to the database', advice);
  } finally {
    await db.close();
  }
}
