import { join } from 'node:path';
import type { Config } from '../config.ts';
import { StartError } from '../errors.ts';
import { prepareFolder } from '../platform/data-folder.ts';
import { startEmbeddedPostgres } from '../platform/embedded-postgres.ts';
import { applyMigrations, pendingMigrations } from '../platform/migrations.ts';
import { migrationsFolder } from './migrate.ts';

/** What runs: how to stop each part, to be done in the opposite order, and what ends all of it when it is lost. */
export interface Running {
  stops: (() => Promise<void>)[];
  lost: Promise<StartError>[];
}

export async function stopAll({ stops }: Running): Promise<void> {
  for (const stop of stops.toReversed()) await stop();
}

/**
 * The connection string of DATABASE_URL, or of the embedded PostgreSQL, which it starts. Migrated, but in production, where
 * a migration that is pending is refused.
 */
export async function openDatabase(config: Config, running: Running): Promise<string> {
  const connectionString = config.databaseUrl ?? (await startEmbedded(config, running));
  const options = { connectionString, folder: migrationsFolder };
  if (!config.isProduction) await applyMigrations(options);
  const pending = await pendingMigrations(options);
  if (pending.length > 0) {
    throw new StartError(
      `DATABASE_URL: migrations are pending (${pending.join(', ')}). Apply them first: npm run migrate, or node dist/main.js migrate.`,
    );
  }
  return connectionString;
}

async function startEmbedded(config: Config, { stops, lost }: Running): Promise<string> {
  await prepareFolder(config.dataDir, 0o711);
  const postgres = await startEmbeddedPostgres({ folder: join(config.dataDir, 'postgres') });
  stops.push(() => postgres.close());
  lost.push(postgres.lost);
  return postgres.connectionString;
}
