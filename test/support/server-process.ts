import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { program } from './program.ts';

/** A server in a process of its own, as in production. */
export interface ServerProcess {
  url: string;
  pid: number;
  /** What it has logged, a line of JSON each. */
  lines: string[];
  /** `kill -9`. */
  kill(): Promise<void>;
  /** Asks it to stop, and answers its exit code. */
  stop(): Promise<number | null>;
}

/** What Node is to run, and where. */
export interface Start {
  program: readonly string[];
  folder: string;
}

const usual: Start = { program, folder: join(import.meta.dirname, '../..') };

/** Starts one, and answers once it listens. The test stops it, or kills it. */
export async function startServer(env: Record<string, string>, start: Start = usual): Promise<ServerProcess> {
  const child = spawn(process.execPath, start.program, {
    cwd: start.folder,
    env: { PATH: process.env.PATH, NODE_ENV: 'production', HOST: '127.0.0.1', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const exited = once(child, 'exit');
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      lines.push(line);
      const { msg, url } = line.startsWith('{') ? JSON.parse(line) : {};
      if (msg === 'ready') resolve(url);
    });
    child.once('exit', (code) => reject(new Error(`The server ended with ${code}:\n${lines.join('\n')}`)));
  });
  const end = async (signal: 'SIGKILL' | 'SIGTERM') => {
    child.kill(signal);
    const [code] = await exited;
    return code as number | null;
  };
  return { url, pid: child.pid ?? 0, lines, kill: async () => void (await end('SIGKILL')), stop: () => end('SIGTERM') };
}
