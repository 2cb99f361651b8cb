import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config.ts';
import { startEmbeddedPostgres } from '../../platform/embedded-postgres.ts';
import { FolderTakenError } from '../../platform/embedded-postgres-hold.ts';
import type { Running } from '../open-database.ts';

/** There is no database to be looked at now, and nothing is wrong with that. */
export class NothingToSeeError extends Error {}

/**
 * The connection string of DATABASE_URL, or of an embedded PostgreSQL that was made before, which it starts. Throws
 * NothingToSeeError where none was made yet, and while a server uses it.
 */
export async function openExistingDatabase(config: Config, running: Running): Promise<string> {
  if (config.databaseUrl) return config.databaseUrl;
  const folder = join(config.dataDir, 'postgres');
  if (!(await isThere(join(folder, 'data')))) {
    throw new NothingToSeeError(`"${config.dataDir}" has no embedded database yet: npm start makes it`);
  }
  try {
    const postgres = await startEmbeddedPostgres({ folder });
    running.stops.push(() => postgres.close());
    return postgres.connectionString;
  } catch (error) {
    if (!(error instanceof FolderTakenError)) throw error;
    throw new NothingToSeeError('a server uses the embedded database: stop it, and ask again');
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
