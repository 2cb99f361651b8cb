import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/platform/embedded-postgres.ts';
import { applyMigrations } from '../../src/platform/migrations.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Of the database that the others are made from; nobody may be connected to `templateDatabase`. */
    adminConnectionString: string;
    templateDatabase: string;
  }
}

const templateDatabase = 'visage_template';

// What a crash would lose doesn't matter here.
const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '300' };

/** One PostgreSQL for the whole run, with a migrated template from which each test file copies its database. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'visage-test-'));
  // mkdtemp locks everybody out; where tests run as root, PostgreSQL runs as somebody else.
  await chmod(folder, 0o711);
  const postgres = await startEmbeddedPostgres({ folder: join(folder, 'postgres'), settings });
  const teardown = async () => {
    await postgres.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await createTemplate(postgres);
  } catch (error) {
    await teardown();
    throw error;
  }
  project.provide('adminConnectionString', postgres.connectionString);
  project.provide('templateDatabase', templateDatabase);
  return teardown;
}

async function createTemplate({ connectionString }: EmbeddedPostgres): Promise<void> {
  const admin = new pg.Client({ connectionString });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${templateDatabase}`);
  await admin.end();
  const template = new URL(connectionString);
  template.pathname = templateDatabase;
  await applyMigrations({
    connectionString: template.href,
    folder: join(import.meta.dirname, '../../prisma/migrations'),
  });
}
