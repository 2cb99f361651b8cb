import { createClient } from '@redis/client';
import type { Connection } from './kept-connection.ts';

/** One connection to Redis, which is never made anew. What is asked before it is ready, or after its end, is refused at once. */
export interface RedisConnection extends Connection {
  /**
   * What the processes of one database of Redis tell each other. Redis passes messages on to all its databases alike, so that
   * the number is part of the name.
   */
  channel: string;
  publish(channel: string, message: string): Promise<unknown>;
  subscribe(channel: string, onMessage: (message: string) => void): Promise<void>;
  runScript(script: string, call: { keys: string[]; arguments: string[] }): Promise<unknown>;
}

const connectLimitMs = 1_000;

export interface RedisConnectionOptions {
  /** redis:// or rediss://, with user, password and number of the database where there are any. */
  url: string;
  /** By which `CLIENT LIST` shows it. */
  name: string;
  onLost?(): void;
}

/** Begins to connect. */
export function openRedis({ url, name, onLost = () => undefined }: RedisConnectionOptions): RedisConnection {
  const client = createClient({
    url,
    name,
    // What every Redis and each of its relatives speaks.
    RESP: 2,
    disableOfflineQueue: true,
    maintNotifications: 'disabled',
    // None: it would be a timer for each command, and who asks has a limit of their own.
    commandOptions: { timeout: 0 },
    socket: { reconnectStrategy: false, connectTimeout: connectLimitMs },
  });
  let isDestroyed = false;
  // An 'error' that nobody hears ends the process.
  client.on('error', onLost);
  client.on('end', onLost);
  const connect = async () => {
    try {
      await client.connect();
    } finally {
      // The client goes on with a socket that was being made when it was destroyed.
      if (isDestroyed) client.destroy();
    }
  };
  return {
    channel: `visage:${client.options?.database ?? 0}`,
    ready: connect(),
    probe: () => client.ping(),
    publish: (channel, message) => client.publish(channel, message),
    subscribe: async (channel, onMessage) => void (await client.subscribe(channel, onMessage)),
    runScript: (script, call) => client.eval(script, call),
    async destroy() {
      isDestroyed = true;
      client.destroy();
    },
  };
}
