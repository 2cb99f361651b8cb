import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { findFreePort } from '../src/platform/postmaster.ts';
import { openConnection } from './connection.ts';

/** How a server is started. */
export interface Launch {
  command: string;
  args: string[];
  cwd: string;
  /** It gets PORT besides. */
  env: NodeJS.ProcessEnv;
  /** Where its output goes. */
  log: string;
}

/** A server that listens on 127.0.0.1. */
export interface Server {
  pid: number;
  port: number;
  stop(): Promise<void>;
}

const patienceMs = 60_000;

/** Starts a server and waits until it listens. */
export async function startServer({ command, args, cwd, env, log }: Launch): Promise<Server> {
  const port = await findFreePort();
  const output = openSync(log, 'w');
  const child = spawn(command, args, { cwd, env: { ...env, PORT: String(port) }, stdio: ['ignore', output, output] });
  const ended = once(child, 'exit');
  await untilListening(child, port, log);
  return {
    pid: child.pid as number,
    port,
    stop: async () => {
      if (isAlive(child) && child.kill('SIGTERM')) await ended;
    },
  };
}

const isAlive = ({ exitCode, signalCode }: ChildProcess) => exitCode === null && signalCode === null;

async function untilListening(child: ChildProcess, port: number, log: string): Promise<void> {
  for (const since = Date.now(); ; await delay(50)) {
    try {
      const connection = await openConnection(port);
      return connection.close();
    } catch {
      if (isAlive(child) && Date.now() - since < patienceMs) continue;
      child.kill('SIGKILL');
      throw new Error(`Expected ${child.spawnargs.join(' ')} to listen, and it doesn't; see ${log}`);
    }
  }
}
