import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
  type SqlQuery,
  type SqlResultSet,
} from '@prisma/driver-adapter-utils';
import type {
  DiagnoseMigrationHistoryOutput,
  DiffResult,
  MigrationList,
  SchemaEngine,
  SchemasContainer,
} from '@prisma/schema-engine-wasm';
import pg from 'pg';

/** A database, and the folder of its migrations. */
export interface Subject {
  connectionString: string;
  folder: string;
}

const filters = { externalTables: [], externalEnums: [] };

/** What Prisma itself thinks of the migrations that a database records. */
export async function diagnoseHistory({ connectionString, folder }: Subject): Promise<DiagnoseMigrationHistoryOutput> {
  const migrationsList = await readMigrationList(folder);
  return withEngine({ connectionString }, (engine) =>
    engine.diagnoseMigrationHistory({ migrationsList, optInToShadowDatabase: true, filters }),
  );
}

/** The SQL that leads from all migrations to the schema; the exit code is 2 if there is any. */
export async function diffMigrationsToSchema({ connectionString, folder }: Subject, path: string): Promise<DiffResult> {
  const schema: SchemasContainer = { files: [{ path, content: await readFile(path, 'utf8') }] };
  const from = { tag: 'migrations' as const, ...(await readMigrationList(folder)) };
  const to = { tag: 'schemaDatamodel' as const, ...schema };
  return withEngine({ connectionString, schema }, (engine) =>
    engine.diff({ from, to, script: true, exitCode: true, filters }),
  );
}

async function readMigrationList(folder: string): Promise<MigrationList> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return {
    baseDir: folder,
    lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(names.sort().map((name) => readMigration(folder, name))),
  };
}

async function readMigration(folder: string, name: string) {
  const value = await readFile(join(folder, name, 'migration.sql'), 'utf8');
  return { path: name, migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value } } };
}

async function withEngine<Result>(
  { connectionString, schema }: { connectionString: string; schema?: SchemasContainer },
  work: (engine: SchemaEngine) => Promise<Result>,
): Promise<Result> {
  loaded ??= loadEngine();
  const Engine = await loaded;
  const opened: SqlDriverAdapter[] = [];
  const factory = bindMigrationAwareSqlAdapterFactory(createAdapterFactory(connectionString, opened));
  const datamodels = schema?.files.map(({ path, content }): [string, string] => [path, content]);
  const engine = await Engine.new({ datamodels }, () => undefined, factory);
  try {
    return await work(engine);
  } finally {
    engine.free();
    // The engine leaves its connections open, and its lock with them.
    await Promise.all(opened.map((adapter) => adapter.dispose()));
  }
}

// Node's types leave it to the browser's, which we don't load.
const { WebAssembly: webAssembly } = globalThis as unknown as {
  WebAssembly: {
    instantiate(
      bytes: Uint8Array,
      imports: object,
    ): Promise<{ instance: { exports: { __wbindgen_start: () => void } } }>;
  };
};

// The glue keeps views of the memory of its one instance: a second one would be read as if it were the first.
let loaded: Promise<typeof SchemaEngine> | undefined;

async function loadEngine(): Promise<typeof SchemaEngine> {
  const glue = await import('@prisma/schema-engine-wasm/schema_engine_bg');
  const path = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const { instance } = await webAssembly.instantiate(await readFile(path.replace(/\.js$/, '.wasm')), {
    './schema_engine_bg.js': glue,
  });
  // A panic of the engine ends in a TypeError without it.
  Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: { set_message: () => undefined } });
  glue.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  return glue.SchemaEngine;
}

function createAdapterFactory(connectionString: string, opened: SqlDriverAdapter[]) {
  const { provider, adapterName } = new PrismaPg({ connectionString });
  const open = async (url: string, release?: () => Promise<void>) => {
    const adapter = await openAdapter(url, release);
    opened.push(adapter);
    return adapter;
  };
  const connectToShadowDb = async () => {
    const shadow = await createShadow(connectionString);
    return open(shadow.url, shadow.drop);
  };
  const factory: SqlMigrationAwareDriverAdapterFactory = {
    provider,
    adapterName,
    connect: () => open(connectionString),
    connectToShadowDb,
  };
  return factory;
}

async function createShadow(connectionString: string) {
  const name = `shadow_${randomBytes(8).toString('hex')}`;
  const url = new URL(connectionString);
  url.pathname = name;
  await execute(connectionString, `CREATE DATABASE ${name}`);
  return { url: url.href, drop: () => execute(connectionString, `DROP DATABASE ${name} WITH (FORCE)`) };
}

async function execute(connectionString: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query(sql).finally(() => client.end());
}

async function openAdapter(connectionString: string, release = async () => {}): Promise<SqlDriverAdapter> {
  const pool = new pg.Pool({ connectionString, options: '-c TimeZone=UTC' });
  const query = pool.query.bind(pool);
  const adapter = await new PrismaPg(
    Object.assign(pool, { query: async (config: pg.QueryConfig) => markChars(await query(config)) }),
  ).connect();
  const queryRaw = adapter.queryRaw.bind(adapter);
  let disposed: Promise<void> | undefined;
  return Object.assign(adapter, {
    // The adapter cuts scripts at every semicolon, those in function bodies too.
    executeScript: async (sql: string) => void (await query(sql)),
    queryRaw: async (statement: SqlQuery) => unmarkChars(await queryRaw(statement)),
    dispose: () => {
      disposed ??= pool.end().then(release);
      return disposed;
    },
  });
}

// The adapter doesn't know the type "char" of PostgreSQL's catalogue: it gets text under a marked name instead.
const charMark = '\0char';

function markChars(result: pg.QueryResult): pg.QueryResult {
  const chars = result.fields.filter((field) => field.dataTypeID === pg.types.builtins.CHAR);
  for (const field of chars) {
    field.name += charMark;
    field.dataTypeID = pg.types.builtins.TEXT;
  }
  return result;
}

function unmarkChars({ columnNames, columnTypes, rows }: SqlResultSet): SqlResultSet {
  const isChar = columnNames.map((name) => name.endsWith(charMark));
  return {
    rows,
    columnNames: columnNames.map((name) => name.replace(charMark, '')),
    columnTypes: columnTypes.map((type, index) => (isChar[index] ? ColumnTypeEnum.Character : type)),
  };
}
