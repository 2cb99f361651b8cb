import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startEmbeddedPostgres } from '../src/platform/embedded-postgres.ts';
import { applyMigrations } from '../src/platform/migrations.ts';
import { extraData } from './extra-data.ts';
import { runCommand } from './run-command.ts';
import { say } from './say.ts';
import type { DataSize } from './sizes.ts';

/** This is about work, not about disks: all is in memory, nobody waits for a disk, and nothing is vacuumed meanwhile. */
const settings = {
  shared_buffers: '4GB',
  max_wal_size: '4GB',
  fsync: 'off',
  full_page_writes: 'off',
  autovacuum: 'off',
  max_connections: '200',
};

const root = fileURLToPath(new URL('..', import.meta.url));

/** To be raised when seeding changes, so that folders seeded before aren't taken for these. */
const generation = 1;

/** A PostgreSQL with a seeded database, for one run. */
export interface BenchDatabase {
  url: string;
  /** For the bench's own questions, which no candidate answers for. */
  client: pg.Client;
  close(): Promise<void>;
}

/** Where seeded data are kept for the next run: VISAGE_BENCH_CACHE, else a folder for temporary files. */
export const cacheFolder = (): string => process.env.VISAGE_BENCH_CACHE ?? join(tmpdir(), 'visage-bench');

/** Starts PostgreSQL on the data of that size, which are made the first time. */
export async function openDatabase(size: DataSize): Promise<BenchDatabase> {
  const folder = join(cacheFolder(), `${size.users}-${size.follows}-${size.events}-${size.heavyUsers}-${generation}`);
  const seededMark = join(folder, 'seeded');
  const isSeeded = await exists(seededMark);
  if (!isSeeded) await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o711 });
  const postgres = await startEmbeddedPostgres({ folder: join(folder, 'postgres'), settings });
  const client = new pg.Client({ connectionString: postgres.connectionString });
  const database = {
    url: postgres.connectionString,
    client,
    close: async () => {
      await client.end();
      await postgres.close();
    },
  };
  try {
    await client.connect();
    if (isSeeded) await applyMigrations({ connectionString: database.url, folder: join(root, 'prisma/migrations') });
    else await fill(database, size);
    await writeFile(seededMark, '');
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

const exists = (path: string) =>
  readFile(path).then(
    () => true,
    () => false,
  );

async function fill({ url, client }: BenchDatabase, size: DataSize): Promise<void> {
  say(`Seeding ${size.users.toLocaleString('en')} users; the next run finds them in ${cacheFolder()}.`);
  const { users, follows, events } = size;
  const args = ['--users', users, '--follows', follows, '--events', events].map(String);
  await runCommand('npm', ['run', '--silent', 'seed', '--', ...args], {
    cwd: root,
    env: { DATABASE_URL: url, NODE_ENV: 'development' },
  });
  for (const statement of extraData(size)) await client.query(statement);
}
