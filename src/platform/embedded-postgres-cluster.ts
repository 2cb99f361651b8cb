import { randomBytes } from 'node:crypto';
import { access, chown, mkdir, open, readdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { join, resolve } from 'node:path';
import { kill, pid } from 'node:process';
import { StartError } from '../errors.ts';
import { prepareFolder } from './data-folder.ts';
import {
  type Binaries,
  chooseLauncher,
  firstLine,
  type Launcher,
  loadBinaries,
  noEmbeddedPostgres,
  run,
} from './embedded-postgres-binaries.ts';

/** PostgreSQL's data, complete and ready to be served. Everything in `data` belongs to `launcher`'s user. */
export interface Cluster {
  folder: string;
  data: string;
  password: string;
  binaries: Binaries;
  launcher: Launcher;
}

/** The superuser that initdb makes, and the name of the application's database. */
export const databaseName = 'visage';

const passwordFile = 'visage.password';

/**
 * Finds the data in `folder`, or makes it. Any number of processes may do so at once, and each may be killed at any
 * moment: the data is made aside and comes into its place complete, by one rename.
 *
 * @throws StartError naming DATA_DIR or DATABASE_URL.
 */
export async function prepareCluster(path: string): Promise<Cluster> {
  await prepareFolder(path);
  const folder = await realpath(resolve(path));
  const data = join(folder, 'data');
  const binaries = await loadBinaries();
  await removeLeftovers(folder);
  const launcher = await chooseLauncher(folder, data, binaries.postgres);
  if (!(await exists(join(data, 'PG_VERSION')))) await createData({ folder, data, binaries, launcher });
  return { folder, data, binaries, launcher, password: await readPassword(data) };
}

// In a container the numbers of processes begin anew: this tells our files from those of a former life of our number.
const life = `${pid}-${randomBytes(4).toString('hex')}`;

/** A name in `folder` that belongs to this process, and that a later one removes if this one can't. */
export function temporaryPath(folder: string, ending = ''): string {
  return join(folder, `tmp-${life}-${randomBytes(4).toString('hex')}${ending}`);
}

async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const maker = Number(/^tmp-(\d+)-/.exec(name)?.[1]);
    if (!maker || name.startsWith(`tmp-${life}-`) || (maker !== pid && isAlive(maker))) continue;
    // An initdb whose parent was killed may still be writing; what stays now is removed by a later start.
    await rm(join(folder, name), { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
  }
}

function isAlive(maker: number): boolean {
  try {
    return kill(maker, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

async function createData({ folder, data, binaries, launcher }: Omit<Cluster, 'password'>): Promise<void> {
  const temporary = temporaryPath(folder);
  const owned = async (path: string) => launcher.owner && (await chown(path, launcher.owner.uid, launcher.owner.gid));
  try {
    await mkdir(temporary, { mode: 0o700 });
    await owned(temporary);
    const password = join(temporary, passwordFile);
    await writeFile(password, randomBytes(32).toString('hex'), { mode: 0o600, flush: true });
    await owned(password);
    await initialize({ data: join(temporary, 'data'), password, binaries, launcher });
    await rename(password, join(temporary, 'data', passwordFile));
    await moveIntoPlace(join(temporary, 'data'), data);
  } finally {
    await rm(temporary, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function initialize(options: { data: string; password: string; binaries: Binaries; launcher: Launcher }) {
  const { data, password, binaries, launcher } = options;
  const args = [
    `--username=${databaseName}`,
    '--auth=scram-sha-256',
    `--pwfile=${password}`,
    '-E',
    'UTF8',
    '--locale=C',
  ];
  try {
    await run(launcher, binaries.initdb, ['-D', data, ...args]);
  } catch (error) {
    throw noEmbeddedPostgres(firstLine(error), error);
  }
}

async function moveIntoPlace(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    // Another process was faster: its data is as good as ours.
    if (await exists(join(to, 'PG_VERSION'))) return;
    throw new StartError(`DATA_DIR: expected PostgreSQL's data or nothing in "${to}", and got something else.`, {
      cause: error,
    });
  }
  await syncFolder(resolve(to, '..'));
}

// Else a power cut could forget the rename, and with it whatever was written since.
async function syncFolder(folder: string): Promise<void> {
  if (platform() === 'win32') return;
  const handle = await open(folder);
  await handle.sync().finally(() => handle.close());
}

async function readPassword(data: string): Promise<string> {
  try {
    return (await readFile(join(data, passwordFile), 'utf8')).trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new StartError(`DATA_DIR: expected to read "${join(data, passwordFile)}", and got ${code}.`, {
      cause: error,
    });
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
