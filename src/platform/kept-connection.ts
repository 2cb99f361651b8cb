import type { Log } from './log.ts';
import { within } from './time-limit.ts';

/** A connection to somebody outside, from the first attempt on. */
export interface Connection {
  /** Resolves once it can be used; rejects where it can't be made. */
  ready: Promise<void>;
  /** Resolves once the other end has answered. */
  probe(): Promise<unknown>;
  /** Lets go of it, at any moment, without waiting for the other end. */
  destroy(): Promise<void>;
}

/** A connection that is made anew whenever it is lost. */
export interface KeptConnection<Kept extends Connection> {
  /** The one that can be used; null while there is none. */
  current(): Kept | null;
  close(): Promise<void>;
}

export interface KeptConnectionOptions<Kept extends Connection> {
  /** For the log. */
  name: string;
  log: Log;
  /** Begins to make one, which calls `onLost` when it ends, as often as it likes. */
  open(onLost: () => void): Kept;
  /** What the other end said after this moment of `performance.now()`, and before now, may not have arrived. */
  onReady?(missedSinceMs: number): void;
}

const firstRetryMs = 100;
/** With `connectLimitMs` below the 2 s after which whoever follows something is to have its newest state again. */
const longestRetryMs = 500;
const connectLimitMs = 1_500;
/** A connection whose other end is gone without a word is found by asking it. */
const probeEveryMs = 1_000;
const probeLimitMs = 2_000;

export function keepConnection<Kept extends Connection>({
  name,
  log,
  open,
  onReady,
}: KeptConnectionOptions<Kept>): KeptConnection<Kept> {
  let newest: Kept;
  let isReady = false;
  /** What was said by then has arrived: the connection answered what it was asked at that moment. */
  let heardUntilMs = Number.NEGATIVE_INFINITY;
  let retryMs = firstRetryMs;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  const connect = async () => {
    const askedAtMs = performance.now();
    const connection = open(() => lose(connection));
    newest = connection;
    try {
      await within(connectLimitMs, connection.ready);
      if (!isClosed) begin(connection, askedAtMs);
    } catch (error) {
      log.debug({ error, connection: name }, 'a connection could not be made');
      retry(connection);
    }
  };
  const begin = (connection: Kept, askedAtMs: number) => {
    const missedSinceMs = heardUntilMs;
    isReady = true;
    heardUntilMs = askedAtMs;
    retryMs = firstRetryMs;
    timer = setTimeout(() => void probe(connection), probeEveryMs);
    onReady?.(missedSinceMs);
  };
  const probe = async (connection: Kept) => {
    const askedAtMs = performance.now();
    try {
      await within(probeLimitMs, connection.probe());
      if (!isReady || newest !== connection) return;
      heardUntilMs = askedAtMs;
      timer = setTimeout(() => void probe(connection), probeEveryMs);
    } catch {
      lose(connection);
    }
  };
  const lose = (lost: Kept) => {
    if (!isReady || newest !== lost) return;
    isReady = false;
    log.warn({ connection: name }, 'a connection was lost; connecting again');
    retry(lost);
  };
  const retry = (failed: Kept) => {
    clearTimeout(timer);
    void failed.destroy();
    if (isClosed) return;
    timer = setTimeout(() => void connect(), retryMs);
    retryMs = Math.min(retryMs * 2, longestRetryMs);
  };
  void connect();

  return {
    current: () => (isReady ? newest : null),
    async close() {
      isClosed = true;
      isReady = false;
      clearTimeout(timer);
      await newest.destroy();
    },
  };
}
