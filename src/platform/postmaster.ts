import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { link, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { platform } from 'node:os';
import { join } from 'node:path';
import { kill } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Binaries, environment, type Launcher } from './embedded-postgres-binaries.ts';

const execute = promisify(execFile);

/** What `postmaster.pid` says of a data folder. Stale: its process is gone, or is somebody else's by now. */
export type PostmasterState =
  | { is: 'absent' }
  | { is: 'stale'; text: string }
  | { is: 'running'; pid: number; port: number; status: string };

/** Reads `postmaster.pid` in `data` (an absolute path without links) and looks at the process it names. */
export async function findPostmaster(data: string): Promise<PostmasterState> {
  const path = join(data, 'postmaster.pid');
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return { is: 'absent' };
  const lines = text.split('\n');
  const [pid, port, status = ''] = [Number(lines[0]), Number(lines[3]), lines[7]?.trim()];
  if (pid > 0) return (await runsIn(pid, data)) ? { is: 'running', pid, port, status } : { is: 'stale', text };
  // PostgreSQL makes the file first and fills it then; what stays empty is the rest of a full disk or a power cut.
  const isOld = await stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs > 5_000,
    () => false,
  );
  return isOld ? { is: 'stale', text } : { is: 'running', pid: 0, port: 0, status };
}

/** True if `pid` is alive and a PostgreSQL server whose data is in `data`. */
export async function runsIn(pid: number, data: string): Promise<boolean> {
  try {
    const command = await commandLine(pid);
    return command === undefined || `${command} `.includes(` -D ${data} `);
  } catch {
    return false;
  }
}

// Undefined: alive, but not to be asked. A zombie is dead, and only its parent's slowness keeps its number.
async function commandLine(pid: number): Promise<string | undefined> {
  if (platform() === 'linux') {
    const state = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /s, '')[0];
    if (state === 'Z' || state === 'X') throw new Error('zombie');
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
  }
  kill(pid, 0);
  if (platform() === 'win32') return undefined;
  return (await execute('ps', ['-ww', '-o', 'args=', '-p', String(pid)])).stdout.trim();
}

/**
 * Takes a stale `postmaster.pid` away. Two may do this at once, and one of them may already have started PostgreSQL
 * anew: what we took is looked at, and a fresh file is put back. Should a third start in between, PostgreSQL's own
 * lock on the shared memory of the folder refuses it.
 */
export async function removeStalePidFile(data: string, staleText: string): Promise<void> {
  const path = join(data, 'postmaster.pid');
  const aside = `${path}.stale-${randomBytes(4).toString('hex')}`;
  try {
    await rename(path, aside);
    if ((await readFile(aside, 'utf8')) !== staleText) await link(aside, path);
  } catch (error) {
    if (!['ENOENT', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

/** How a server that we started ended: what it wrote, and whether it was stopped by somebody (and didn't fail). */
export interface LaunchEnd {
  words: string;
  wasStopped: boolean;
}

/** A server that we started, and which need not be the one that serves: another start may have been faster. */
export interface Launch {
  /** Undefined while it lives. */
  end: () => LaunchEnd | undefined;
}

/** What to start: the server's program and data, how, and where it writes its log. */
export interface LaunchOptions {
  binaries: Binaries;
  launcher: Launcher;
  data: string;
  log: string;
  port: number;
  settings: Record<string, string>;
}

/** Starts PostgreSQL in a session of its own (Ctrl-C must not reach it before we have drained), and doesn't wait for it. */
export async function launchPostmaster(options: LaunchOptions): Promise<Launch> {
  const [file = '', ...args] = [...options.launcher.prefix, options.binaries.postgres, ...toArguments(options)];
  const log = await open(options.log, 'a', 0o600);
  let end: LaunchEnd | undefined;
  const child = spawn(file, args, {
    ...options.launcher.owner,
    env: environment,
    cwd: options.data,
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  child.on('error', (error) => {
    end = { words: error.message, wasStopped: false };
  });
  child.on('exit', async (code) => {
    // A fast shutdown ends with 0, a kill without a code, and a failed start with 1.
    end = { words: await readFile(options.log, 'utf8').catch(() => ''), wasStopped: !code };
  });
  child.unref();
  await log.close();
  return { end: () => end };
}

function toArguments({ data, port, settings }: LaunchOptions): string[] {
  const all: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    timezone: 'UTC',
    log_timezone: 'UTC',
    // Errors are the application's to log; PostgreSQL's lines would quote values, e-mail addresses among them.
    log_min_messages: 'log',
    log_checkpoints: 'off',
    ...settings,
  };
  return [
    '-D',
    data,
    '-p',
    String(port),
    ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
}

/** A port on 127.0.0.1 that was free a moment ago. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** Stops the server `pid` of `data` (open sessions are ended, everything is written) and waits until it is gone. */
export async function stopPostmaster(pid: number, data: string, binaries: Binaries): Promise<void> {
  const graceMs = 10_000;
  const startedAt = Date.now();
  let isUrgent = false;
  if (await runsIn(pid, data)) await signal(pid, 'fast', data, binaries);
  while (await runsIn(pid, data)) {
    if (!isUrgent && Date.now() - startedAt > graceMs) {
      isUrgent = true;
      await signal(pid, 'immediate', data, binaries);
    }
    await delay(10);
  }
}

async function signal(pid: number, mode: 'fast' | 'immediate', data: string, { pg_ctl }: Binaries): Promise<void> {
  if (platform() === 'win32') {
    // Windows has no signals: kill() would cut it off.
    await execute(pg_ctl, ['stop', '-D', data, '-m', mode, '--no-wait']).catch(() => undefined);
    return;
  }
  try {
    kill(pid, mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
