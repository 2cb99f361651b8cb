import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from '../errors.ts';

/** One folder of prisma/migrations. */
export interface Migration {
  name: string;
  sql: string;
  /** As Prisma records it: SHA-256 of the file, in hexadecimal. */
  checksum: string;
}

/**
 * Reads the migrations below `folder`, in the order in which they apply.
 *
 * @throws StartError if the folder, or a `migration.sql` in it, is missing.
 */
export async function readMigrations(folder: string): Promise<Migration[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    return await Promise.all(names.sort().map((name) => readMigration(folder, name)));
  } catch (error) {
    const { path = folder, code } = error as NodeJS.ErrnoException;
    throw new StartError(`Expected the database's migrations in "${path}", and got ${code}.`, { cause: error });
  }
}

async function readMigration(folder: string, name: string): Promise<Migration> {
  const sql = await readFile(join(folder, name, 'migration.sql'), 'utf8');
  return { name, sql, checksum: toChecksum(sql) };
}

/** True if `checksum` is of this migration's text; git may have changed its line ends, which Prisma forgives too. */
export function isUnchanged({ sql, checksum }: Migration, recorded: string): boolean {
  const lf = sql.replaceAll('\r\n', '\n');
  return [checksum, toChecksum(lf), toChecksum(lf.replaceAll('\n', '\r\n'))].includes(recorded);
}

function toChecksum(sql: string): string {
  return createHash('sha256').update(sql).digest('hex');
}
