import { realpath, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { StartError } from '../errors.ts';
import { firstLine, noEmbeddedPostgres } from './embedded-postgres-binaries.ts';
import { type Cluster, databaseName, temporaryPath } from './embedded-postgres-cluster.ts';
import {
  findFreePort,
  findPostmaster,
  type Launch,
  launchPostmaster,
  type PostmasterState,
  removeStalePidFile,
} from './postmaster.ts';

/** A running server, and the session whose advisory lock makes it ours: nobody else's while the session lives. */
export interface Hold {
  pid: number;
  port: number;
  session: pg.Client;
}

/** What to take hold of: the data, PostgreSQL's settings if it has to be started, and a port if only one will do. */
export interface HoldOptions {
  cluster: Cluster;
  settings: Record<string, string>;
  port?: number;
}

interface Search extends HoldOptions {
  since: number;
  launch?: Launch & { log: string };
  lastFailure?: string;
}

/** Another Visage has the lock. */
export class FolderTakenError extends StartError {
  constructor(folder: string) {
    super(
      `DATA_DIR: expected a folder of this server's own, and another Visage uses "${folder}". Stop it, or choose another.`,
    );
  }
}

// "visage", read as a number.
const lockKey = 130195279406949;
// A killed PostgreSQL counts as alive until its parent has taken note; where PID 1 is slow that is 2 s.
const patienceMs = 5_000;
// Recovery after a crash, and the last checkpoint of one that stops, take as long as they take.
const changingMs = 120_000;
// The session of a process that was killed a moment ago needs some milliseconds to end.
const lockPatienceMs = 1_000;

/** The address of `database` on the server at `port`, with the password. */
export function toConnectionString({ password }: Cluster, port: number, database: string): string {
  return `postgresql://${databaseName}:${password}@127.0.0.1:${port}/${database}`;
}

/**
 * Starts PostgreSQL on the data, or finds it running, and takes its lock.
 *
 * @throws StartError if another Visage has the lock, or PostgreSQL doesn't start or answer.
 */
export async function takeHold(options: HoldOptions): Promise<Hold> {
  const search: Search = { ...options, since: Date.now() };
  for (;;) {
    const state = await findPostmaster(options.cluster.data);
    const hold = state.is === 'running' ? await tryToHold(search, state) : await makeWay(search, state);
    if (hold) return hold;
    if (Date.now() - search.since > (isChanging(search, state) ? changingMs : patienceMs)) throw givenUp(search, state);
    await delay(20);
  }
}

function isChanging({ launch }: Search, state: PostmasterState): boolean {
  if (state.is === 'running') return ['starting', 'stopping'].includes(state.status);
  return launch !== undefined && !launch.end();
}

function givenUp({ cluster, lastFailure = 'no answer' }: Search, state: PostmasterState): StartError {
  const who =
    state.is === 'running' ? `process ${state.pid}, which serves "${cluster.data}", gave no access` : 'it failed';
  return noEmbeddedPostgres(`${who} (${lastFailure})`);
}

async function makeWay(search: Search, state: PostmasterState): Promise<undefined> {
  const { cluster, settings, launch } = search;
  if (state.is === 'stale') return removeStalePidFile(cluster.data, state.text).then(() => undefined);
  if (launch && !launch.end()) return undefined;
  if (launch) await judgeEnd(search, launch);
  if (Date.now() - search.since > patienceMs) throw givenUp(search, state);
  const log = temporaryPath(cluster.folder, '.log');
  const port = search.port ?? (await findFreePort());
  search.launch = { log, ...(await launchPostmaster({ ...cluster, settings, log, port })) };
  return undefined;
}

// The port was taken in the meantime, or another start on this data was faster, or the last server isn't quite gone.
const passing =
  /could not bind|could not create any TCP|lock file .* (already exists|is empty)|pre-existing shared memory/;

async function judgeEnd(search: Search, { log, end }: Launch & { log: string }): Promise<void> {
  await rm(log, { force: true });
  const { words = '', wasStopped = false } = end() ?? {};
  search.lastFailure = firstLine({ message: words });
  if (!wasStopped && !passing.test(words)) throw noEmbeddedPostgres(search.lastFailure);
}

async function tryToHold(search: Search, server: { pid: number; port: number }): Promise<Hold | undefined> {
  if (!server.port) return undefined;
  const session = openSession(toConnectionString(search.cluster, server.port, 'postgres'));
  try {
    await session.connect();
    await assertServes(session, search.cluster.data);
    await takeLock(session, search.cluster.folder);
    await createDatabaseIfMissing(session);
    await settleLog(search);
    return { pid: server.pid, port: server.port, session };
  } catch (error) {
    await session.end().catch(() => undefined);
    if (error instanceof StartError) throw error;
    // Not up yet, or on its way down, or cut off between two statements: all of these pass.
    search.lastFailure = firstLine({ message: (error as Error).message });
    return undefined;
  }
}

function openSession(connectionString: string): pg.Client {
  const session = new pg.Client({ connectionString, connectionTimeoutMillis: 2_000, application_name: 'visage owner' });
  // pg reports a killed session twice, and an error that nobody hears ends the process.
  return session.on('error', () => undefined);
}

async function assertServes(session: pg.Client, data: string): Promise<void> {
  const { rows } = await session.query('SHOW data_directory');
  const served = await realpath(rows[0].data_directory);
  if (served !== data) throw new Error(`the server on its port serves "${served}"`);
}

async function takeLock(session: pg.Client, folder: string): Promise<void> {
  for (const since = Date.now(); ; await delay(20)) {
    const { rows } = await session.query('SELECT pg_try_advisory_lock($1) AS taken', [lockKey]);
    if (rows[0].taken) return;
    if (Date.now() - since > lockPatienceMs) throw new FolderTakenError(folder);
  }
}

async function createDatabaseIfMissing(session: pg.Client): Promise<void> {
  const { rowCount } = await session.query('SELECT 1 FROM pg_database WHERE datname = $1', [databaseName]);
  if (!rowCount) await session.query(`CREATE DATABASE ${databaseName}`);
}

// A start writes into a file of its own, since two starts at once must not read each other's reasons.
async function settleLog({ cluster: { folder }, launch }: Search): Promise<void> {
  if (!launch) return;
  if (launch.end()) return rm(launch.log, { force: true });
  const log = join(folder, 'server.log');
  await rename(log, join(folder, 'server.previous.log')).catch(() => undefined);
  await rename(launch.log, log).catch(() => undefined);
}
