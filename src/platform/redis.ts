import { keepConnection } from './kept-connection.ts';
import { createListener, type Listener, type ListenerOptions } from './listener.ts';
import type { Log } from './log.ts';
import { openRedis, type RedisConnection } from './redis-connection.ts';
import { within } from './time-limit.ts';

/** Redis between processes: nothing is kept there that somebody would miss. */
export interface Redis {
  isReady(): boolean;
  /** Tells whoever listens; when it resolves, Redis has all of it. Throws RedisAwayError or TimeLimitError. */
  publish(messages: string[]): Promise<void>;
  listen(options: ListenerOptions): Listener;
  /** Throws RedisAwayError or TimeLimitError, in a quarter of a second at most: a request waits for it. */
  runScript: RedisConnection['runScript'];
  close(): Promise<void>;
}

/** There is no connection to Redis at this moment. */
export class RedisAwayError extends Error {
  override name = 'RedisAwayError';
}

const publishLimitMs = 1_000;
const scriptLimitMs = 250;

/** Begins to connect, and does so again whenever the connection is lost. */
export function createRedis({ url, log }: { url: string; log: Log }): Redis {
  const kept = keepConnection({
    name: 'redis',
    log,
    open: (onLost) => openRedis({ url, name: 'visage', onLost }),
  });
  const connected = () => {
    const connection = kept.current();
    if (!connection) throw new RedisAwayError('Redis is away.');
    return connection;
  };
  return {
    isReady: () => kept.current() !== null,
    async publish(messages) {
      const connection = connected();
      const sending = messages.map((message) => connection.publish(connection.channel, message));
      await within(publishLimitMs, Promise.all(sending));
    },
    listen: (options) => createListener(options, (onLost) => openListening(url, { ...options, onLost })),
    runScript: async (script, call) => within(scriptLimitMs, connected().runScript(script, call)),
    close: kept.close,
  };
}

function openListening(url: string, { onMessage, onLost }: Pick<ListenerOptions, 'onMessage'> & { onLost(): void }) {
  const connection = openRedis({ url, name: 'visage-listener', onLost });
  const subscribe = async () => {
    await connection.ready;
    await connection.subscribe(connection.channel, onMessage);
  };
  return { ...connection, ready: subscribe() };
}
