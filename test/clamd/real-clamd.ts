import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { vi } from 'vitest';
import { readClamdVersion } from '../../src/platform/clamd.ts';

/** Debian's clamd, as an ordinary process that knows one signature. */
export interface RealClamd {
  env: Record<string, string>;
  /** Resolves once it answers. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Stops it, and removes what it had. */
  close(): Promise<void>;
}

export interface RealClamdOptions {
  /** The bytes that it takes for malware. */
  virus: string;
  /** In the words of its configuration. */
  streamMaxLength?: string;
}

/** Prepares a clamd on a port and in a folder of its own. */
export async function createRealClamd({ virus, streamMaxLength = '25M' }: RealClamdOptions): Promise<RealClamd> {
  const folder = await mkdtemp(join(tmpdir(), 'visage-clamd-'));
  const port = await findPort();
  const signatures = join(folder, 'signatures');
  await mkdir(signatures);
  await writeFile(join(signatures, 'test.ndb'), `Visage.Test:0:*:${Buffer.from(virus).toString('hex')}\n`);
  const settings = join(folder, 'clamd.conf');
  await writeFile(
    settings,
    ['Foreground yes', `DatabaseDirectory ${signatures}`, 'TCPAddr 127.0.0.1', `TCPSocket ${port}`]
      .concat(`StreamMaxLength ${streamMaxLength}`, '')
      .join('\n'),
  );
  let child: ChildProcess | null = null;
  const stop = async () => {
    if (!child) return;
    const isGone = once(child, 'exit');
    child.kill('SIGKILL');
    child = null;
    await isGone;
  };
  return {
    env: { CLAMAV_HOST: `127.0.0.1:${port}` },
    async start() {
      const PATH = `${process.env.PATH}:/usr/sbin:/usr/local/sbin`;
      child = spawn('clamd', ['--config-file', settings], { env: { PATH }, stdio: 'ignore' });
      await once(child, 'spawn');
      await vi.waitFor(() => readClamdVersion({ host: '127.0.0.1', port }), { timeout: 30_000 });
    },
    stop,
    async close() {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function findPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
