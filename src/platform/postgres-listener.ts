import { Socket } from 'node:net';
import pg from 'pg';
import type { Log } from './log.ts';

/** Hears what other processes, and this one, announce by `pg_notify`. */
export interface PostgresListener {
  /** Whether announcements arrive at this moment. */
  isListening(): boolean;
  close(): Promise<void>;
}

export interface PostgresListenerOptions {
  connectionString: string;
  log: Log;
  onMessage(payload: string): void;
  /** What was announced after this moment of `performance.now()`, and before now, may not have arrived. */
  onReady(missedSinceMs: number): void;
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
export function createPostgresListener(options: PostgresListenerOptions): PostgresListener {
  let listening: pg.Client | null = null;
  let socket = new Socket();
  /** What was announced by then has arrived: the connection answered what it was asked at that moment. */
  let heardUntilMs = Number.NEGATIVE_INFINITY;
  let retryMs = firstRetryMs;
  let retryTimer: NodeJS.Timeout | undefined;
  let isClosed = false;

  const connect = async () => {
    socket = new Socket();
    try {
      const client = createClient(options.connectionString, socket);
      // pg tells of one lost connection more than once, and an 'error' that nobody hears ends the process.
      client.on('error', () => lose(client));
      client.on('end', () => lose(client));
      client.on('notification', ({ payload }) => payload && options.onMessage(payload));
      await client.connect();
      const askedAtMs = performance.now();
      await client.query(`listen ${notificationChannel}`);
      if (!isClosed) ready(client, askedAtMs);
    } catch (error) {
      options.log.debug({ error }, 'the connection that listens could not be made');
      retry();
    }
  };

  const ready = (client: pg.Client, askedAtMs: number) => {
    const missedSinceMs = heardUntilMs;
    listening = client;
    heardUntilMs = askedAtMs;
    retryMs = firstRetryMs;
    options.onReady(missedSinceMs);
  };

  const lose = (lost: pg.Client) => {
    if (listening !== lost) return;
    listening = null;
    options.log.warn('the connection that listens was lost; connecting again');
    retry();
  };

  const retry = () => {
    // Not `end()`: it waits for the other end, which may be gone without a word.
    socket.destroy();
    if (isClosed) return;
    retryTimer = setTimeout(() => void connect(), retryMs);
    retryMs = Math.min(retryMs * 2, longestRetryMs);
  };

  const probe = async () => {
    const probed = listening;
    const askedAtMs = performance.now();
    try {
      await probed?.query('select 1');
      if (probed && listening === probed) heardUntilMs = askedAtMs;
    } catch {
      if (probed) lose(probed);
    }
  };
  const probeTimer = setInterval(() => void probe(), probeEveryMs);
  void connect();

  return {
    isListening: () => listening !== null,
    async close() {
      isClosed = true;
      listening = null;
      clearInterval(probeTimer);
      clearTimeout(retryTimer);
      await closed(socket);
    },
  };
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) return resolve();
    socket.once('close', () => resolve());
    socket.destroy();
  });
}

/** The socket is ours, so that a connection can be let go of at any moment, while it is being made too. */
const createClient = (connectionString: string, socket: Socket) =>
  new pg.Client({
    connectionString,
    connectionTimeoutMillis: probeTimeoutMs,
    query_timeout: probeTimeoutMs,
    keepAlive: true,
    application_name: 'visage listener',
    stream: () => socket,
  });
