import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { StartError } from '../src/errors.ts';
import { applyMigrations, pendingMigrations } from '../src/platform/migrations.ts';
import { createDatabase } from './support/database.ts';
import { diagnoseHistory, diffMigrationsToSchema } from './support/schema-engine.ts';

const prisma = join(import.meta.dirname, '../prisma');

/** An empty database and a folder of migrations to write, both gone after the test. */
async function createSubject() {
  const { connectionString, drop } = await createDatabase({ empty: true });
  const folder = await mkdtemp(join(tmpdir(), 'visage-migrations-'));
  onTestFinished(async () => {
    await drop();
    await rm(folder, { recursive: true });
  });
  const write = async (name: string, sql: string) => {
    await mkdir(join(folder, name), { recursive: true });
    await writeFile(join(folder, name, 'migration.sql'), sql);
  };
  const remove = (name: string) => rm(join(folder, name), { recursive: true });
  return { connectionString, folder, write, remove, query: (sql: string) => query(connectionString, sql) };
}

async function query(connectionString: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  return await client
    .query(sql)
    .then(({ rows }) => rows)
    .finally(() => client.end());
}

/** The one line that stops the server. */
async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StartError);
  const { message } = error as StartError;
  expect(message).not.toContain('\n');
  return message;
}

describe('applying migrations', () => {
  test('an empty database gets all of them in order, and nothing the second time', async () => {
    const subject = await createSubject();
    await subject.write('2_more', 'ALTER TABLE a ADD COLUMN more text;');
    await subject.write('1_first', 'CREATE TABLE a (id int);');
    expect(await pendingMigrations(subject)).toEqual(['1_first', '2_more']);
    expect(await applyMigrations(subject)).toEqual(['1_first', '2_more']);
    expect(await applyMigrations(subject)).toEqual([]);
    expect(await pendingMigrations(subject)).toEqual([]);
    expect(await subject.query('SELECT id, more FROM a')).toEqual([]);
  });

  test('asking what is pending changes nothing', async () => {
    const subject = await createSubject();
    await subject.write('1_first', 'CREATE TABLE a (id int);');
    await pendingMigrations(subject);
    expect(await subject.query(`SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace`)).toEqual([]);
  });

  test('five servers that start at once apply each migration once', async () => {
    const subject = await createSubject();
    await subject.write('1_first', 'CREATE TABLE a (id int); INSERT INTO a VALUES (1);');
    await subject.write('2_more', 'INSERT INTO a VALUES (2);');
    const applied = await Promise.all(Array.from({ length: 5 }, () => applyMigrations(subject)));
    expect(applied.flat().sort()).toEqual(['1_first', '2_more']);
    expect(await subject.query('SELECT id FROM a ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }]);
  });

  test('function bodies, strings and comments keep their semicolons', async () => {
    const subject = await createSubject();
    await subject.write(
      '1_function',
      `-- a comment; with one
       CREATE FUNCTION answer() RETURNS text LANGUAGE plpgsql AS $$
       DECLARE words text;
       BEGIN
         words := 'a;b';
         RETURN words;
       END $$;`,
    );
    await applyMigrations(subject);
    expect(await subject.query('SELECT answer()')).toEqual([{ answer: 'a;b' }]);
  });

  test('a migration sees the time in UTC, whatever the database is set to', async () => {
    const subject = await createSubject();
    const name = new URL(subject.connectionString).pathname.slice(1);
    await subject.query(`ALTER DATABASE ${name} SET TimeZone = 'Asia/Tokyo'`);
    await subject.write('1_zone', `CREATE TABLE zone AS SELECT current_setting('TimeZone') AS name`);
    await applyMigrations(subject);
    expect(await subject.query('SELECT name FROM zone')).toEqual([{ name: 'UTC' }]);
  });
});

describe('a migration that fails', () => {
  test('is named with the reason and the line, leaves nothing, and works once it is corrected', async () => {
    const subject = await createSubject();
    await subject.write('1_first', 'CREATE TABLE a (id int);');
    await subject.write('2_broken', 'CREATE TABLE b (id int);\n-- 🦉\nINSERT INTO nope VALUES (1);');
    await subject.write('3_after', 'CREATE TABLE c (id int);');
    expect(await refusal(applyMigrations(subject))).toBe(
      'Migration 2_broken failed and left nothing behind: relation "nope" does not exist (42P01) in line 3.',
    );
    expect(await subject.query(`SELECT to_regclass('b') AS b`)).toEqual([{ b: null }]);
    expect(await pendingMigrations(subject)).toEqual(['2_broken', '3_after']);

    await subject.write('2_broken', 'CREATE TABLE b (id int);');
    expect(await applyMigrations(subject)).toEqual(['2_broken', '3_after']);
    expect(await diagnoseHistory(subject)).toMatchObject({ failedMigrationNames: [], history: null });
  });

  test('is refused by name where Prisma left it half-way', async () => {
    const subject = await createSubject();
    await subject.write('1_first', 'CREATE TABLE a (id int);');
    await applyMigrations(subject);
    await subject.query('UPDATE _prisma_migrations SET finished_at = NULL');
    expect(await refusal(applyMigrations(subject))).toContain('Migration 1_first failed half-way');
    await subject.query('UPDATE _prisma_migrations SET rolled_back_at = now(); DROP TABLE a');
    expect(await applyMigrations(subject)).toEqual(['1_first']);
  });
});

test('a role that may not create tables is told so in one line', async () => {
  const subject = await createSubject();
  await subject.write('1_first', 'CREATE TABLE a (id int);');
  const role = `reader_${Date.now()}`;
  await subject.query(`CREATE ROLE ${role} LOGIN PASSWORD 'p'`);
  onTestFinished(() => subject.query(`DROP ROLE ${role}`).then(() => undefined));
  const url = Object.assign(new URL(subject.connectionString), { username: role, password: 'p' });
  expect(await refusal(applyMigrations({ ...subject, connectionString: url.href }))).toBe(
    'DATABASE_URL: expected a database to migrate, and got: permission denied for schema public (42501).',
  );
});

describe('a history that does not fit', () => {
  test('an edited migration is refused by name', async () => {
    const subject = await createSubject();
    await subject.write('1_first', 'CREATE TABLE a (id int);');
    await applyMigrations(subject);
    await subject.write('1_first', 'CREATE TABLE a (id bigint);');
    expect(await refusal(applyMigrations(subject))).toContain('Migration 1_first was edited');
    expect(await refusal(pendingMigrations(subject))).toContain('Migration 1_first was edited');
  });

  test("a migration with another system's line ends counts as unchanged", async () => {
    const subject = await createSubject();
    await subject.write('1_first', 'CREATE TABLE a (\n  id int\n);\n');
    await applyMigrations(subject);
    await subject.write('1_first', 'CREATE TABLE a (\r\n  id int\r\n);\r\n');
    expect(await applyMigrations(subject)).toEqual([]);
  });

  test('an older server does not start on a newer database', async () => {
    const subject = await createSubject();
    await subject.write('1_first', 'CREATE TABLE a (id int);');
    await subject.write('2_newer', 'CREATE TABLE b (id int);');
    await applyMigrations(subject);
    await subject.remove('2_newer');
    const line = 'The database is newer than this server: it has migration 2_newer. Start a newer version.';
    expect(await refusal(applyMigrations(subject))).toBe(line);
    expect(await refusal(pendingMigrations(subject))).toBe(line);
  });

  test('a folder without its file is named', async () => {
    const subject = await createSubject();
    await mkdir(join(subject.folder, '1_empty'));
    expect(await refusal(applyMigrations(subject))).toMatch(/1_empty.*migration\.sql.*ENOENT/);
  });
});

describe('a DATABASE_URL that leads nowhere', () => {
  const secret = 'hunter2';

  test.each([
    ['another kind of database', `mysql://u:${secret}@localhost/d`, 'postgresql://'],
    ['no URL', secret, 'postgresql://'],
    ['a port that is no number', `postgresql://u:${secret}@localhost:nope/d`, 'postgresql://'],
    ['a host that is unknown', `postgresql://u:${secret}@host.invalid/d`, 'host.invalid'],
    ['a port where nobody listens', `postgresql://u:${secret}@127.0.0.1:1/d`, 'ECONNREFUSED'],
  ])('%s is one line without the password', async (_, connectionString, reason) => {
    const line = await refusal(applyMigrations({ connectionString, folder: join(prisma, 'migrations') }));
    expect(line).toMatch(/^DATABASE_URL: /);
    expect(line).toContain(reason);
    expect(line).not.toContain(secret);
  });

  test('a wrong password and a missing database are told apart', async () => {
    const subject = await createSubject();
    const url = new URL(subject.connectionString);
    url.password = secret;
    const wrong = await refusal(applyMigrations({ ...subject, connectionString: url.href }));
    expect(wrong).toMatch(/^DATABASE_URL: .*password authentication failed/);
    expect(wrong).not.toContain(secret);
    url.password = new URL(subject.connectionString).password;
    url.pathname = 'nowhere';
    expect(await refusal(applyMigrations({ ...subject, connectionString: url.href }))).toMatch(
      /^DATABASE_URL: .*"nowhere" does not exist/,
    );
  });

  test('a server that hangs up before it answers is one line', async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const connectionString = `postgresql://u:${secret}@127.0.0.1:${port}/d`;
    expect(await refusal(applyMigrations({ connectionString, folder: join(prisma, 'migrations') }))).toMatch(
      /^DATABASE_URL: /,
    );
  });
});

test('a PostgreSQL that is too old is refused in one line', async () => {
  const answers = ['R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I', toAnswer('server_version_num', '130011')];
  const server = createServer((socket) => {
    socket.on('data', () => void socket.write(answers.shift() ?? '', 'latin1'));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const work = applyMigrations({
    connectionString: `postgresql://u:p@127.0.0.1:${port}/d`,
    folder: join(prisma, 'migrations'),
  });
  expect(await refusal(work)).toBe('DATABASE_URL: expected PostgreSQL 14 or newer, and got 13.');
});

/** One row of one column, as PostgreSQL's protocol has it. */
function toAnswer(column: string, value: string): string {
  const toMessage = (type: string, body: string) => type + toInt32(body.length + 4) + body;
  const field = `\0\x01${column}\0${toInt32(0)}\0\0${toInt32(25)}\xff\xff${toInt32(-1)}\0\0`;
  const row = `\0\x01${toInt32(value.length)}${value}`;
  return toMessage('T', field) + toMessage('D', row) + toMessage('C', 'SHOW\0') + toMessage('Z', 'I');
}

function toInt32(number: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(number);
  return bytes.toString('latin1');
}

describe("the project's own migrations", () => {
  const folder = join(prisma, 'migrations');
  let database: Awaited<ReturnType<typeof createDatabase>>;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database.drop());

  test('Prisma sees the history that we record as clean and complete', async () => {
    expect(await diagnoseHistory({ ...database, folder })).toEqual({
      editedMigrationNames: [],
      failedMigrationNames: [],
      hasMigrationsTable: true,
      history: null,
    });
  });

  test('a row of the history is what Prisma writes', async () => {
    const [row] = await query(database.connectionString, 'SELECT * FROM _prisma_migrations LIMIT 1');
    expect(row).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      checksum: expect.stringMatching(/^[0-9a-f]{64}$/),
      finished_at: expect.any(Date),
      migration_name: expect.any(String),
      logs: null,
      rolled_back_at: null,
      started_at: expect.any(Date),
      applied_steps_count: 1,
    });
  });

  test('they lead to what schema.prisma says', async () => {
    const diff = await diffMigrationsToSchema({ ...database, folder }, join(prisma, 'schema.prisma'));
    expect(diff).toEqual({ exitCode: 0, stdout: expect.stringContaining('This is an empty migration.') });
  });

  test('a schema that says more than they do is noticed', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'visage-schema-')), 'schema.prisma');
    onTestFinished(() => rm(join(path, '..'), { recursive: true }));
    await writeFile(path, `${await readFile(join(prisma, 'schema.prisma'), 'utf8')}\nmodel Extra {\n  id Int @id\n}\n`);
    const diff = await diffMigrationsToSchema({ ...database, folder }, path);
    expect(diff).toEqual({ exitCode: 2, stdout: expect.stringContaining('CREATE TABLE "Extra"') });
  });
});
