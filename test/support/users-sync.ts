import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { syncUsers } from '../../src/commands/users-sync.ts';
import { readConfig } from '../../src/config.ts';
import { StartError } from '../../src/errors.ts';
import type { TestApp } from './app.ts';
import type { ClerkApi } from './clerk-api.ts';
import { program } from './program.ts';

/** What users:sync said, and, where it ended with exit code 1, its last line. */
export interface SyncOutcome {
  lines: string[];
  failure: string | null;
}

export interface SyncOptions {
  /** Stops the run, as a signal would, once it says this. */
  stopAt?: RegExp;
  /** Clerk's secret key instead of the right one; null for none. */
  secretKey?: string | null;
  terminal?: NodeJS.WritableStream;
}

function toEnv(app: TestApp, clerk: ClerkApi): Record<string, string> {
  return {
    NODE_ENV: 'test',
    LOG_LEVEL: 'silent',
    DATABASE_URL: app.database.connectionString,
    ...clerk.env,
  };
}

/** Runs the command on an app's database. Anything but success and one clear line fails the test. */
export async function runSync(
  app: TestApp,
  clerk: ClerkApi,
  args: string[] = [],
  { stopAt, secretKey = clerk.secretKey, terminal }: SyncOptions = {},
): Promise<SyncOutcome> {
  const lines: string[] = [];
  let stop = () => {};
  try {
    await syncUsers({
      config: readConfig({ ...toEnv(app, clerk), CLERK_SECRET_KEY: secretKey ?? '' }),
      args,
      terminal,
      print(line) {
        lines.push(line);
        if (stopAt?.test(line)) stop();
      },
      onceAskedToStop(callback) {
        stop = callback;
      },
    });
    return { lines, failure: null };
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return { lines, failure: error.message };
  }
}

/** The command as a process of its own, which can be killed. */
export function spawnSync(app: TestApp, clerk: ClerkApi): ChildProcess & { kill9(): Promise<void> } {
  const env = { PATH: process.env.PATH, ...toEnv(app, clerk) };
  const child = spawn(process.execPath, [...program, 'users:sync'], { env, stdio: 'ignore' });
  return Object.assign(child, {
    async kill9() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  });
}

/** Everything that the database holds, sequences included, by table. */
export async function dump(app: TestApp): Promise<Record<string, unknown>> {
  const { prisma } = app.platform.db;
  const tables = await prisma.$queryRaw<{ name: string }[]>`
    select format('%I.%I', schemaname, relname) as name from pg_stat_user_tables order by 1`;
  const rows = await Promise.all(
    tables.map(async ({ name }) => [
      name,
      await prisma.$queryRawUnsafe(`select to_jsonb(row) as row from ${name} as row order by 1`),
    ]),
  );
  const sequences = await prisma.$queryRaw`select sequencename, last_value from pg_sequences order by 1`;
  return { ...Object.fromEntries(rows), sequences };
}
