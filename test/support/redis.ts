import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { createClient } from '@redis/client';
import { vi } from 'vitest';

/** A real Redis of the test's own, which keeps nothing on disk. */
export interface RedisServer {
  url: string;
  /** Sends a command, such as `CLIENT KILL`, on a connection of its own. */
  send(...command: string[]): Promise<unknown>;
  /** Hears what is published from now on. */
  listen(channel: string): Promise<{ heard: string[]; close(): void }>;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>;
}

/** Starts one on a free port, with a password where one is given; the test ends it by `kill`. */
export async function startRedis(password = ''): Promise<RedisServer> {
  const port = await freePort();
  const url = `redis://${password && `:${password}@`}127.0.0.1:${port}`;
  let running: ChildProcess;
  const open = () => {
    const client = createClient({ url, RESP: 2, socket: { reconnectStrategy: false } });
    return client.on('error', () => undefined);
  };
  const redis: RedisServer = {
    url,
    async send(...command) {
      const client = open();
      try {
        await client.connect();
        return await client.sendCommand(command);
      } finally {
        client.destroy();
      }
    },
    async listen(channel) {
      const client = open();
      await client.connect();
      const heard: string[] = [];
      await client.subscribe(channel, (message) => heard.push(message));
      return { heard, close: () => client.destroy() };
    },
    async kill() {
      if (running.exitCode !== null || running.signalCode !== null) return;
      running.kill('SIGKILL');
      await once(running, 'exit');
    },
    async start() {
      running = spawn('redis-server', toArguments(port, password), { cwd: tmpdir(), stdio: 'ignore' });
      const failed = once(running, 'error').then(([error]) => {
        throw new Error('Expected redis-server on this machine, such as from apt-get install redis-server.', {
          cause: error,
        });
      });
      await Promise.race([failed, vi.waitFor(() => redis.send('PING'), { timeout: 20_000, interval: 20 })]);
    },
  };
  await redis.start();
  return redis;
}

const toArguments = (port: number, password: string) => [
  ...['--port', String(port), '--bind', '127.0.0.1'],
  ...['--save', '', '--appendonly', 'no', '--daemonize', 'no'],
  ...(password ? ['--requirepass', password] : []),
];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
