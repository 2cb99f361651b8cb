import pg from 'pg';
import { StartError } from '../errors.ts';

const connectTimeoutMs = 10_000;
// Another server that starts at the same moment may have an index to build.
const lockTimeoutMs = 60_000;
// The lock that Prisma's own `migrate` takes, so that it and we don't migrate at the same time.
const prismaLockKey = 72_707_369;
const oldestMajor = 14;

/**
 * Runs `work` with a connection of its own, in UTC and without a time limit for statements, and closes it.
 *
 * @throws StartError naming DATABASE_URL, never with the password, if there is no PostgreSQL 14 or newer to be had.
 */
export async function withSession<Result>(
  connectionString: string,
  work: (session: pg.Client) => Promise<Result>,
): Promise<Result> {
  const session = await connect(connectionString);
  try {
    await assertVersion(session);
    await session.query(`SET TimeZone = 'UTC'; SET statement_timeout = 0`);
    return await work(session);
  } catch (error) {
    if (!isFromDatabase(error)) throw error;
    throw new StartError(`DATABASE_URL: expected a database to migrate, and got: ${describe(error)}.`, {
      cause: error,
    });
  } finally {
    await session.end().catch(() => undefined);
  }
}

function isFromDatabase(error: unknown): boolean {
  return error instanceof pg.DatabaseError || /^Connection terminated/.test((error as Error).message);
}

async function connect(connectionString: string): Promise<pg.Client> {
  const session = createClient(connectionString);
  // An error between two statements comes back with the next one; one that nobody hears would end the process.
  session.on('error', () => undefined);
  try {
    await session.connect();
    return session;
  } catch (error) {
    await session.end().catch(() => undefined);
    throw new StartError(`DATABASE_URL: expected a PostgreSQL to connect to, and got: ${describe(error)}.`, {
      cause: error,
    });
  }
}

function createClient(connectionString: string): pg.Client {
  try {
    if (!/^postgres(ql)?:\/\//.test(connectionString)) throw new Error('not a PostgreSQL URL');
    return new pg.Client({ connectionString, connectionTimeoutMillis: connectTimeoutMs });
  } catch {
    // Without what was given and without the cause: both may show a password.
    throw new StartError(
      'DATABASE_URL: expected postgresql://user:password@host:port/database, and got something else.',
    );
  }
}

/** What an error of PostgreSQL, or of the way to it, says, in one line with its code. */
export function describe(error: unknown): string {
  // "localhost" has two addresses: the error of both has no message of its own.
  const first = error instanceof AggregateError ? error.errors[0] : error;
  const { message, code } = first as Error & { code?: string };
  const line = message.replace(/\s+/g, ' ').trim();
  return code && !line.includes(code) ? `${line} (${code})` : line;
}

async function assertVersion(session: pg.Client): Promise<void> {
  const { rows } = await session.query('SHOW server_version_num');
  const version = Number(rows[0].server_version_num);
  if (version >= oldestMajor * 10_000) return;
  throw new StartError(
    `DATABASE_URL: expected PostgreSQL ${oldestMajor} or newer, and got ${Math.floor(version / 10_000)}.`,
  );
}

/** Waits, at most a minute, until no other process migrates this database, and keeps it so until the session ends. */
export async function lockMigrations(session: pg.Client): Promise<void> {
  try {
    await session.query(`SET lock_timeout = ${lockTimeoutMs}`);
    await session.query('SELECT pg_advisory_lock($1)', [prismaLockKey]);
    await session.query('SET lock_timeout = 0');
  } catch (error) {
    if ((error as pg.DatabaseError).code !== '55P03') throw error;
    throw new StartError(`DATABASE_URL: another process has been migrating for ${lockTimeoutMs / 1000} s.`, {
      cause: error,
    });
  }
}
