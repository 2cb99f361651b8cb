import pg from 'pg';
import type { Statement } from './database.ts';
import type { Log } from './log.ts';
import type { Redis } from './redis.ts';
import { createWorker, polling, type WorkDone } from './worker.ts';

/** How soon what a process left behind when it was killed is passed on by another, or what Redis didn't take is tried again. */
const pollMs = 1_000;
/** While Redis is away: how soon after its return it has what is new. */
const awayPauseMs = 250;
const batchSize = 500;
const limitMs = 5_000;

/** Whether anything waits. By primary key. */
const nextAnnouncement: Statement = {
  name: 'next_announcement',
  text: `${polling}
select id from announcements order by id limit 1`,
};

/** Takes what has waited longest, but what another process is passing on. By primary key. */
const takeAnnouncements: Statement = {
  name: 'take_announcements',
  text: `${polling}
delete from announcements
where id in (select id from announcements order by id limit ${batchSize} for update skip locked)
returning id, message`,
};

/**
 * While nobody can pass anything on, what has waited for half a minute gives way to one row, which says that something was
 * missed: so the table stays short, and nobody's id stays in it. It is short, and read whole.
 */
const giveUpOldAnnouncements: Statement = {
  name: 'give_up_old_announcements',
  text: `${polling}
with old as (
  delete from announcements
  where id in (
    select id from announcements where announced_at < now() - interval '30 seconds' for update skip locked
  )
  returning id
)
insert into announcements (message) select '{"missed":true}' where exists (select from old)`,
};

/** Passes on what transactions have announced. */
export interface AnnouncementRelay {
  /** There is something new. */
  wake(): void;
  close(): Promise<void>;
}

export interface AnnouncementRelayOptions {
  connectionString: string;
  redis: Pick<Redis, 'isReady' | 'publish'>;
  log: Log;
}

/**
 * Passes on to Redis what transactions have announced in the database. A row is gone once Redis has its message: whoever is
 * killed before that leaves it to the others, and whoever is killed in between has told it twice.
 */
export function createAnnouncementRelay({ connectionString, redis, log }: AnnouncementRelayOptions): AnnouncementRelay {
  const pool = createPool(connectionString, log);
  const worker = createWorker({
    name: 'announcement relay',
    log,
    pollMs,
    async work() {
      if (redis.isReady()) return relaySome(pool, redis);
      await pool.query({ ...giveUpOldAnnouncements });
      return { pauseMs: awayPauseMs };
    },
  });
  return {
    wake: worker.wake,
    async close() {
      await worker.close();
      await pool.end();
    },
  };
}

/** A connection of its own: of those that requests share, it would have to wait for one when all are busy. */
function createPool(connectionString: string, log: Log): pg.Pool {
  const pool = new pg.Pool({
    connectionString,
    max: 1,
    connectionTimeoutMillis: limitMs,
    query_timeout: limitMs,
    idleTimeoutMillis: 0,
    application_name: 'visage relay',
  });
  return pool.on('error', (error) => log.debug({ error }, 'the connection of the announcement relay was lost'));
}

async function relaySome(pool: pg.Pool, redis: Pick<Redis, 'publish'>): Promise<WorkDone> {
  const { rowCount } = await pool.query({ ...nextAnnouncement });
  if (!rowCount) return 'idle';
  const client = await pool.connect();
  try {
    await client.query('begin');
    const { rows } = await client.query<{ id: string; message: string }>({ ...takeAnnouncements });
    const inOrder = rows.toSorted((one, other) => Number(one.id) - Number(other.id));
    await redis.publish(inOrder.map(({ message }) => message));
    await client.query('commit');
    client.release();
    return rows.length === batchSize ? 'more' : 'idle';
  } catch (error) {
    // Without its connection nothing of it was done.
    client.release(true);
    await pool.query({ ...giveUpOldAnnouncements });
    throw error;
  }
}
