import pg from 'pg';
import type { Log } from './log.ts';

/** Hears what other processes, and this one, announce by `pg_notify`. */
export interface PostgresListener {
  /** Whether announcements arrive at this moment. */
  isListening(): boolean;
  close(): Promise<void>;
}

/** PostgreSQL's name for what the processes of one database tell each other. */
export const notificationChannel = 'visage';

const firstRetryMs = 100;
const longestRetryMs = 2_000;
/** A connection whose other end is gone without a word is found by asking it. */
const probeEveryMs = 5_000;
const probeTimeoutMs = 2_000;

/**
 * Listens on a connection of its own and makes a new one whenever it is lost. What was announced in between is gone, so
 * `onReady` runs after every LISTEN: whoever follows something reads its current state there.
 */
export function createPostgresListener(options: {
  connectionString: string;
  log: Log;
  onMessage(payload: string): void;
  onReady(): void;
}): PostgresListener {
  let client: pg.Client | null = null;
  let retryMs = firstRetryMs;
  let retryTimer: NodeJS.Timeout | undefined;
  let isClosed = false;

  const connect = async () => {
    const candidate = new pg.Client({
      connectionString: options.connectionString,
      connectionTimeoutMillis: probeTimeoutMs,
      query_timeout: probeTimeoutMs,
      keepAlive: true,
    });
    // pg tells of one lost connection more than once, and an 'error' that nobody hears ends the process.
    candidate.on('error', () => lose(candidate));
    candidate.on('end', () => lose(candidate));
    candidate.on('notification', ({ payload }) => payload && options.onMessage(payload));
    try {
      await candidate.connect();
      await candidate.query(`listen ${notificationChannel}`);
    } catch (error) {
      options.log.debug({ error }, 'the connection that listens could not be made');
      await candidate.end().catch(() => undefined);
      return retry();
    }
    if (isClosed) return void candidate.end().catch(() => undefined);
    client = candidate;
    retryMs = firstRetryMs;
    options.onReady();
  };

  const lose = (lost: pg.Client) => {
    if (client !== lost) return;
    client = null;
    options.log.warn('the connection that listens was lost; connecting again');
    void lost.end().catch(() => undefined);
    retry();
  };

  const retry = () => {
    if (isClosed) return;
    retryTimer = setTimeout(() => void connect(), retryMs);
    retryMs = Math.min(retryMs * 2, longestRetryMs);
  };

  const probe = setInterval(() => {
    const probed = client;
    probed?.query('select 1').catch(() => lose(probed));
  }, probeEveryMs);
  void connect();

  return {
    isListening: () => client !== null,
    async close() {
      isClosed = true;
      clearInterval(probe);
      clearTimeout(retryTimer);
      const closing = client;
      client = null;
      await closing?.end().catch(() => undefined);
    },
  };
}
