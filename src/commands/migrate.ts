import { fileURLToPath } from 'node:url';
import { StartError } from '../errors.ts';
import { applyMigrations } from '../platform/migrations.ts';
import type { CommandContext } from './command.ts';

/** The migrations that this version of the server goes with. */
export const migrationsFolder = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));

/** Applies the pending migrations to DATABASE_URL. */
export async function migrate({ config, print }: CommandContext): Promise<void> {
  if (config.databaseUrl === null) {
    throw new StartError(
      'DATABASE_URL: expected, to know what to migrate; the embedded database is migrated at each start.',
    );
  }
  const applied = await applyMigrations({ connectionString: config.databaseUrl, folder: migrationsFolder });
  for (const name of applied) print(`applied ${name}`);
  if (applied.length === 0) print('nothing to apply');
}
