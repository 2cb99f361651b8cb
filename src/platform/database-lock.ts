import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { serviceUnavailable } from '../errors.ts';

/** What one process has to itself, whoever else uses the database. */
export interface DatabaseLock {
  /** Aborted once the lock was lost with its connection. */
  lost: AbortSignal;
  release(): Promise<void>;
}

// The session of a process that was killed a moment ago needs some milliseconds to end.
const patienceMs = 1_000;

/**
 * Takes a lock by its name, on a connection of its own: it ends with the process, however that ends. Null where another
 * process has it. Throws SERVICE_UNAVAILABLE if the database can't be reached.
 */
export async function takeDatabaseLock(connectionString: string, name: string): Promise<DatabaseLock | null> {
  const session = new pg.Client({ connectionString, connectionTimeoutMillis: 10_000, keepAlive: true });
  const lost = new AbortController();
  const lose = (cause?: unknown) => lost.abort(serviceUnavailable('The database', cause));
  // pg reports a killed session twice, and an error that nobody hears ends the process.
  session.on('error', lose);
  session.on('end', () => lose());
  const release = () => session.end().catch(() => undefined);
  try {
    await session.connect();
    if (await takeLock(session, `visage.lock.${name}`)) return { lost: lost.signal, release };
  } catch (error) {
    await release();
    throw serviceUnavailable('The database', error);
  }
  await release();
  return null;
}

async function takeLock(session: pg.Client, key: string): Promise<boolean> {
  for (const since = performance.now(); ; await delay(50)) {
    const { rows } = await session.query('select pg_try_advisory_lock(hashtextextended($1, 0)) as taken', [key]);
    if (rows[0].taken || performance.now() - since > patienceMs) return rows[0].taken;
  }
}
