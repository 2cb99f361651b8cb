import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { importUsersFromFile } from '../../src/commands/users-import.ts';
import { readConfig } from '../../src/config.ts';
import { StartError } from '../../src/errors.ts';
import { randomId, type TestApp } from './app.ts';

/** What the command said and how it ended. */
export interface ImportRun {
  exitCode: 0 | 1;
  /** All that was printed, the message at the end too. */
  output: string;
  /** The table at the end: created, changed, unchanged and left out, by kind. */
  counts: Record<string, number[]>;
}

export interface ImportFolder {
  path: string;
  /** The file `users.ndjson` in it. */
  file: string;
  /** Puts a file there. */
  add(name: string, content: string | Buffer): Promise<void>;
  /** Writes the file and imports it; a line that isn't text is written as JSON. */
  run(lines: (object | string)[], options?: RunOptions): Promise<ImportRun>;
  /** What was refused, a row for each line. */
  refused(): Promise<
    { line: number; id: string | null; problems: { path: string; message: string }[]; content: unknown }[]
  >;
}

export interface RunOptions {
  flags?: string[];
  /** Asks the command to stop as soon as it listens. */
  stopAtOnce?: boolean;
  env?: Record<string, string>;
}

/** The environment in which the command meets a test's server. */
export const importEnv = ({ database, folder }: TestApp): Record<string, string> => ({
  NODE_ENV: 'test',
  LOG_LEVEL: 'silent',
  DATABASE_URL: database.connectionString,
  STORAGE_URL: `file://${folder}`,
});

/** A folder for a file to import, and its pictures; the test's end removes it. */
export async function createImportFolder(app: TestApp): Promise<ImportFolder> {
  const path = await mkdtemp(join(tmpdir(), 'visage-import-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  const file = join(path, 'users.ndjson');
  const add: ImportFolder['add'] = async (name, content) => {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), content);
  };
  return {
    path,
    file,
    add,
    async run(lines, options = {}) {
      await add(
        'users.ndjson',
        lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''),
      );
      return runImport(app, [file, ...(options.flags ?? [])], options);
    },
    async refused() {
      const text = await readFile(join(path, 'users.refused.ndjson'), 'utf8').catch(() => '');
      return text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line));
    },
  };
}

/** The command, as `npm run users:import` runs it. */
export async function runImport(
  app: TestApp,
  args: string[],
  { stopAtOnce, env }: RunOptions = {},
): Promise<ImportRun> {
  const printed: string[] = [];
  const context = {
    config: readConfig({ ...importEnv(app), ...env }),
    args,
    print: (line: string) => void printed.push(line),
    onceAskedToStop: (stop: () => void) => stopAtOnce && stop(),
  };
  try {
    await importUsersFromFile(context);
    return { exitCode: 0, ...toRun(printed) };
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return { exitCode: 1, ...toRun([...printed, error.message]) };
  }
}

function toRun(printed: string[]) {
  const rows = printed.flatMap((line) => {
    const [, name, numbers] = /^([a-z ]+?)((?: +[\d,]+){4})$/.exec(line) ?? [];
    return name && numbers
      ? [
          [
            name,
            numbers
              .trim()
              .split(/ +/)
              .map((cell) => Number(cell.replaceAll(',', ''))),
          ],
        ]
      : [];
  });
  return { output: printed.join('\n'), counts: Object.fromEntries(rows) };
}

/** An id of Clerk's that nobody has. */
export const newId = (): string => `user_${randomId()}`;
export const newUsername = (): string => `u${randomId()}`;

/** Every row that an import may write, without what moves by itself. */
export async function snapshot({ platform: { db } }: TestApp) {
  const { prisma } = db;
  return {
    users: await prisma.user.findMany({
      orderBy: { id: 'asc' },
      include: { profile: true, preferences: true, privacy: true, pictures: true, usernames: true },
    }),
    follows: await prisma.follow.findMany({ orderBy: [{ followerId: 'asc' }, { followeeId: 'asc' }] }),
    requests: await prisma.followRequest.findMany({ orderBy: [{ requesterId: 'asc' }, { requesteeId: 'asc' }] }),
    blocks: await prisma.block.findMany({ orderBy: [{ blockerId: 'asc' }, { blockedId: 'asc' }] }),
    crewMembers: await prisma.crewMemberFollow.findMany({ orderBy: [{ userId: 'asc' }, { tmdbId: 'asc' }] }),
    studios: await prisma.studioFollow.findMany({ orderBy: [{ userId: 'asc' }, { tmdbId: 'asc' }] }),
    events: await prisma.event.findMany({ orderBy: { id: 'asc' } }),
    audit: await prisma.auditEntry.findMany({ orderBy: { id: 'asc' } }),
  };
}
