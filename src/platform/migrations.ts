import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { StartError } from '../errors.ts';
import { isUnchanged, type Migration, readMigrations } from './migration-folder.ts';
import { describe, lockMigrations, withSession } from './migration-session.ts';

/** Which database, and the folder of its migrations (prisma/migrations). */
export interface MigrationOptions {
  connectionString: string;
  folder: string;
}

interface HistoryRow {
  migration_name: string;
  checksum: string;
  finished_at: Date | null;
}

/**
 * Applies the migrations that are missing, each as a whole or not at all, and records them as Prisma does. Any number
 * of processes may call it at once.
 *
 * @returns the names of those that were applied now.
 * @throws StartError naming DATABASE_URL (no way in, too old), or the migration that failed, was edited, or is
 * unknown here since the database belongs to a newer version.
 */
export function applyMigrations({ connectionString, folder }: MigrationOptions): Promise<string[]> {
  return withSession(connectionString, async (session) => {
    const migrations = await readMigrations(folder);
    await lockMigrations(session);
    const pending = toPending(migrations, await readHistory(session));
    if (pending.length > 0) await createHistory(session);
    for (const migration of pending) await apply(session, migration);
    return pending.map(({ name }) => name);
  });
}

/**
 * The names of the migrations that are missing; changes nothing.
 *
 * @throws StartError as `applyMigrations` does.
 */
export function pendingMigrations({ connectionString, folder }: MigrationOptions): Promise<string[]> {
  return withSession(connectionString, async (session) => {
    const pending = toPending(await readMigrations(folder), await readHistory(session));
    return pending.map(({ name }) => name);
  });
}

async function readHistory(session: pg.Client): Promise<HistoryRow[]> {
  const table = await session.query(`SELECT to_regclass('_prisma_migrations') AS found`);
  if (!table.rows[0].found) return [];
  const history = await session.query<HistoryRow>(
    'SELECT migration_name, checksum, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY started_at',
  );
  return history.rows;
}

function toPending(migrations: Migration[], history: HistoryRow[]): Migration[] {
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const row of history) assertAccepted(known.get(row.migration_name), row);
  const applied = new Set(history.map((row) => row.migration_name));
  return migrations.filter(({ name }) => !applied.has(name));
}

function assertAccepted(migration: Migration | undefined, row: HistoryRow): void {
  const name = row.migration_name;
  if (!row.finished_at) {
    throw new StartError(`Migration ${name} failed half-way in the past. Mend it with "prisma migrate resolve".`);
  }
  if (!migration) {
    throw new StartError(`The database is newer than this server: it has migration ${name}. Start a newer version.`);
  }
  if (!isUnchanged(migration, row.checksum)) {
    throw new StartError(`Migration ${name} was edited after it was applied. Undo that, and add a new migration.`);
  }
}

// Word for word what Prisma's engine creates.
async function createHistory(session: pg.Client): Promise<void> {
  await session.query(`CREATE TABLE IF NOT EXISTS _prisma_migrations (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
  )`);
}

async function apply(session: pg.Client, { name, sql, checksum }: Migration): Promise<void> {
  try {
    await session.query('BEGIN');
    await session.query(sql);
    await session.query(
      `INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, started_at, applied_steps_count)
       VALUES ($1, $2, clock_timestamp(), $3, now(), 1)`,
      [randomUUID(), checksum, name],
    );
    await session.query('COMMIT');
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    await session.query('ROLLBACK').catch(() => undefined);
    const where = toLine(sql, error.position);
    throw new StartError(`Migration ${name} failed and left nothing behind: ${describe(error)}${where}.`, {
      cause: error,
    });
  }
}

function toLine(sql: string, position: string | undefined): string {
  if (!position) return '';
  // PostgreSQL counts characters, from 1; a string's index counts halves of some.
  const before = [...sql].slice(0, Number(position) - 1);
  return ` in line ${before.filter((character) => character === '\n').length + 1}`;
}
