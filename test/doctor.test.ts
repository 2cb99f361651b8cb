import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { doctor } from '../src/commands/doctor.ts';
import { inspectConfig } from '../src/config.ts';
import { StartError } from '../src/errors.ts';
import { startEmbeddedPostgres } from '../src/platform/embedded-postgres.ts';
import { createTestApp, generateKeys, randomId, type TestApp } from './support/app.ts';
import { type ClerkApi, createClerkApi } from './support/clerk-api.ts';
import { toJwks } from './support/clerk-routes.ts';
import { createDatabase } from './support/database.ts';
import { onDatabase } from './support/events.ts';
import { createPerson } from './support/person.ts';
import { stubKeys } from './support/picture-shelves.ts';
import { photo } from './support/pictures.ts';
import { program } from './support/program.ts';
import { createS3Server, type S3Server } from './support/s3-server.ts';

const keys = generateKeys();
let app: TestApp;
let clerk: ClerkApi;
/** The variables of a deployment with which nothing is wrong. */
let env: Record<string, string>;
beforeAll(async () => {
  clerk = await createClerkApi();
  clerk.jwks = toJwks({ current: keys.publicKey });
  app = await createTestApp();
  await (await createPerson(app)).upload(await photo([100, 80]));
  await app.platform.db.prisma.webhookDelivery.create({
    data: { id: 'msg_1', type: 'session.created', outcome: 'IGNORED' },
  });
  env = {
    NODE_ENV: 'production',
    ...clerk.env,
    DATABASE_URL: app.database.connectionString,
    STORAGE_URL: pathToFileURL(app.folder).href,
    PUBLIC_URL: 'https://visage.example.com',
    CORS_ORIGINS: 'https://app.example.com',
    CLERK_AUTHORIZED_PARTIES: 'https://app.example.com',
    METRICS_TOKEN: 'opens-metrics-to-who-has-it',
  };
});
afterAll(async () => {
  await app.close();
  await clerk.close();
});

const checks = [
  ...['variables', 'public url', 'cors', 'metrics', 'redis', 'database', 'rights', 'notifications', 'database clock'],
  ...[
    'migrations',
    'triggers',
    'counters',
    'store',
    'files',
    'webhooks',
    'scanner',
    'signing keys',
    'clerk api',
    'clock',
    'tokens',
  ],
];

interface Diagnosis {
  /** What was printed for a check, as `status: text`. */
  of(check: string): string;
  /** Names of the checks, in their order, and what came of each. */
  statuses: Record<string, string>;
  printed: string[];
  /** What the command ends with; null where nothing is wrong. */
  verdict: string | null;
}

/** Asks the doctor of a deployment of which some variables are others. */
async function examine(changed: Record<string, string> = {}): Promise<Diagnosis> {
  const printed: string[] = [];
  const verdict = await doctor({
    print: (line) => printed.push(line),
    inspectConfig: () => inspectConfig({ ...env, ...changed }),
  }).then(
    () => null,
    (error) => (error instanceof StartError ? error.message : Promise.reject(error)),
  );
  const lines = printed
    .filter((line) => line !== 'Nothing is wrong.')
    .map((line) => ({ status: line.slice(0, 8).trim(), name: line.slice(9, 23).trim(), found: line.slice(24) }));
  return {
    printed,
    verdict,
    statuses: Object.fromEntries(lines.map(({ name, status }) => [name, status])),
    of: (check) =>
      lines
        .filter(({ name }) => name === check)
        .map(({ status, found }) => `${status}: ${found}`)
        .join('\n'),
  };
}

/** What stands in the way of every check but those. */
const allOk = (but: Record<string, string> = {}) => ({
  ...Object.fromEntries(checks.map((check) => [check, ['redis', 'scanner'].includes(check) ? 'skipped' : 'ok'])),
  ...but,
});

const skippedChecks = (...names: string[]) => Object.fromEntries(names.map((name) => [name, 'skipped']));

/** A database like that of the deployment, for a test to break. */
async function createBroken(...sql: string[]): Promise<{ DATABASE_URL: string }> {
  const database = await createDatabase();
  onTestFinished(() => database.drop());
  await onDatabase({ database }, async (client) => {
    for (const statement of sql) await client.query(statement);
  });
  return { DATABASE_URL: database.connectionString };
}

const runOn = (connectionString: string, sql: string) =>
  onDatabase({ database: { connectionString, drop: async () => undefined } }, (client) => client.query(sql));

/** A deployment with an empty database has no pictures and no webhooks yet. */
const newDatabase = { files: 'skipped', webhooks: 'warning' };

describe('a deployment with which nothing is wrong', () => {
  test('has a line for each check, without a secret, and nothing is left behind', async () => {
    const before = await tableNames();
    const { statuses, printed, verdict, of } = await examine();
    expect([verdict, statuses]).toEqual([null, allOk()]);
    expect(Object.keys(statuses)).toEqual(checks);
    expect(printed).toHaveLength(checks.length + 1);
    expect(of('database')).toMatch(/PostgreSQL \d+.*role ".*UTF8/);
    expect(of('webhooks')).toContain('the last webhook came 0 min ago');
    const secrets = [new URL(env.DATABASE_URL ?? '').password, clerk.secretKey, clerk.webhookSecret, env.METRICS_TOKEN];
    for (const secret of secrets) {
      expect(secret).toBeTruthy();
      expect(printed.join('\n')).not.toContain(secret);
    }
    expect(await tableNames()).toEqual(before);
  });

  test('may verify tokens by a key that Clerk publishes, and needs no secret key then', async () => {
    expect((await examine({ CLERK_JWT_KEY: keys.publicKey })).of('signing keys')).toMatch(/^ok: .*publishes/);
    const { verdict, statuses } = await examine({ CLERK_JWT_KEY: keys.publicKey, CLERK_SECRET_KEY: '' });
    expect([verdict, statuses]).toEqual([null, allOk(skippedChecks('clerk api', 'clock'))]);
  });

  test('is asked for by its name, and answers with its exit code', async () => {
    const [fine, broken] = await Promise.all([run({}), run({ PORT: 'none' })]);
    expect(fine).toEqual({ code: 0, lines: expect.arrayContaining(['Nothing is wrong.']), errors: '' });
    expect([broken.code, broken.errors]).toEqual([1, 'Something is wrong: variables.\n']);
    expect(broken.lines).toHaveLength(checks.length);
  }, 120_000);

  const tableNames = () =>
    onDatabase(app, async (client) => (await client.query('select relname from pg_class order by 1')).rows);
});

describe('variables', () => {
  test('that are wrong are told one by one, and what does not need them is looked at all the same', async () => {
    const { of, statuses, verdict } = await examine({
      PORT: 'none',
      STORAGE_URL: 's3://bucket?key=Geheimnis',
      REDIS_URL: 'localhost:6379',
    });
    const lines = of('variables').split('\n');
    expect(lines.map((line) => /^failed: (\w+): expected/.exec(line)?.[1])).toEqual([
      'PORT',
      'REDIS_URL',
      'STORAGE_URL',
    ]);
    expect(statuses).toEqual(allOk({ variables: 'failed', ...skippedChecks('notifications', 'store', 'files') }));
    expect(of('redis')).toContain('without REDIS_URL');
    expect(verdict).toBe('Something is wrong: variables.');
  });

  test('that are missing are told, and what is unwise is a warning', async () => {
    const { of, statuses, verdict } = await examine({
      ...{ DATABASE_URL: '', CLERK_SECRET_KEY: '', CLERK_WEBHOOK_SIGNING_SECRET: '', METRICS_TOKEN: '' },
      ...{ PUBLIC_URL: 'http://visage.example.com', CORS_ORIGINS: '', CLERK_AUTHORIZED_PARTIES: '' },
    });
    expect(of('variables')).toMatch(/DATABASE_URL: missing.*\n.*CLERK_JWT_KEY: missing/);
    expect(statuses).toMatchObject({ database: 'skipped', 'signing keys': 'skipped', metrics: 'skipped' });
    expect(statuses).toMatchObject({ 'public url': 'warning', cors: 'warning', tokens: 'warning' });
    expect(verdict).toBe('Something is wrong: variables.');
  });
});

describe('a database', () => {
  const unseen = skippedChecks(
    ...['rights', 'notifications', 'database clock', 'migrations', 'triggers', 'counters', 'files', 'webhooks'],
  );

  test.each([
    ['of which the password is wrong', (url: URL) => Object.assign(url, { password: 'Geheimnis' }), '28P01'],
    ['that is not there', (url: URL) => Object.assign(url, { pathname: '/nowhere' }), '3D000'],
    ['behind a closed port', (url: URL) => Object.assign(url, { port: '9' }), 'ECONNREFUSED'],
  ])('%s hides what it holds, and nothing else', async (_, change, reason) => {
    const { of, statuses, verdict, printed } = await examine({
      DATABASE_URL: change(new URL(env.DATABASE_URL ?? '')).href,
    });
    expect(statuses).toEqual(allOk({ database: 'failed', ...unseen }));
    expect(of('database')).toContain(reason);
    expect(printed.join('\n')).not.toContain('Geheimnis');
    expect(verdict).toBe('Something is wrong: database.');
  });

  test('of another encoding will not do', async () => {
    const name = `ascii_${randomId()}`;
    await onDatabase(app, (client) => client.query(`create database ${name} encoding 'SQL_ASCII' template template0`));
    onTestFinished(async () => void (await runOn(env.DATABASE_URL ?? '', `drop database ${name} with (force)`)));
    const url = Object.assign(new URL(env.DATABASE_URL ?? ''), { pathname: `/${name}` });
    expect((await examine({ DATABASE_URL: url.href })).of('database')).toMatch(/^failed: .*SQL_ASCII/);
  });

  test('in which the role may do too little is told by what is missing', async () => {
    const role = `reader_${randomId()}`;
    const broken = await createBroken(`create role ${role} login password 'reads'`, `grant select on users to ${role}`);
    onTestFinished(async () => void (await runOn(env.DATABASE_URL ?? '', `drop role ${role}`)));
    const url = Object.assign(new URL(broken.DATABASE_URL), { username: role, password: 'reads' });
    expect((await examine({ DATABASE_URL: url.href })).of('rights')).toMatch(
      /^failed: .*may not create.*permission denied.*GRANT/,
    );
    await runOn(broken.DATABASE_URL, `grant create, usage on schema public to ${role}`);
    const { of } = await examine({ DATABASE_URL: url.href });
    expect(of('rights')).toMatch(/^failed: .*_prisma_migrations.*events.*users.*OWNER/);
    await runOn(broken.DATABASE_URL, `drop owned by ${role}`);
  });

  test('with a migration that is pending, failed, edited or unknown says so, and what to do', async () => {
    const last = `(select max(migration_name) from _prisma_migrations)`;
    const inHistory = async (sql: string) => (await examine(await createBroken(sql))).of('migrations');
    expect(await inHistory(`delete from _prisma_migrations where migration_name = ${last}`)).toMatch(
      /^failed: 1 of \d+ are pending \(\d+_\w+\)\. .*npm run migrate/,
    );
    expect(await inHistory(`update _prisma_migrations set checksum = 'x' where migration_name = ${last}`)).toMatch(
      /^failed: .*edited/,
    );
    expect(await inHistory(`update _prisma_migrations set finished_at = null where migration_name = ${last}`)).toMatch(
      /^failed: .*failed half-way/,
    );
    expect(
      await inHistory(`update _prisma_migrations set migration_name = '9_later' where migration_name = ${last}`),
    ).toMatch(/^failed: .*newer/);
  });

  test('without any migration is not looked at any further', async () => {
    const database = await createDatabase({ empty: true });
    onTestFinished(() => database.drop());
    const { of, statuses } = await examine({ DATABASE_URL: database.connectionString });
    expect(of('migrations')).toMatch(/^failed: (\d+) of \1 are pending/);
    expect(statuses).toEqual(
      allOk({ migrations: 'failed', ...skippedChecks('triggers', 'counters', 'files', 'webhooks') }),
    );
  });

  test('that lacks a trigger, or has one switched off, is named with it', async () => {
    const dropped = await examine(await createBroken('drop trigger follows_count_deleted on follows'));
    expect(dropped.of('triggers')).toMatch(/^failed: missing: follows_count_deleted on follows\./);
    expect(dropped.statuses).toEqual(allOk({ triggers: 'failed', ...newDatabase }));
    const disabled = await examine(await createBroken('alter table users disable trigger users_complete'));
    expect(disabled.of('triggers')).toMatch(/^failed: disabled: users_complete on users\..*ENABLE TRIGGER/);
  });

  test('with counters that are wrong is told', async () => {
    const { of } = await examine(await createBroken(`insert into users (id, follower_count) values ('user_wrong', 3)`));
    expect(of('counters')).toMatch(/^failed: wrong for 1 of 1 users, such as user_wrong\./);
  });

  test('of which webhooks have not come for long, or never, is a warning', async () => {
    const old = `insert into webhook_deliveries (id, type, outcome, received_at)
      values ('msg_old', 'user.updated', 'APPLIED', now() - interval '30 days')`;
    expect((await examine(await createBroken(old))).of('webhooks')).toMatch(
      /^warning: .* 30 days ago\..*\/api\/webhooks\/clerk/,
    );
    expect((await examine(await createBroken())).of('webhooks')).toMatch(/^warning: .*no webhook came yet/);
    expect((await examine({ CLERK_WEBHOOK_SIGNING_SECRET: '' })).of('webhooks')).toMatch(/^warning: no CLERK_WEBHOOK/);
  });
});

describe('a picture store', () => {
  test('that can not be written is told with its folder', async () => {
    const { of, statuses } = await examine({ STORAGE_URL: 'file:///proc/self' });
    expect(of('store')).toMatch(/^failed: "\/proc\/self" can't be written and read \(\w+\)\./);
    expect(statuses).toEqual(allOk({ store: 'failed', files: 'skipped' }));
  });

  test('that is another than the one that has the files is told', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'visage-other-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const { of } = await examine({ STORAGE_URL: pathToFileURL(folder).href });
    expect(of('files')).toMatch(/^failed: (\d+) of \1 files .* are missing\. STORAGE_URL/);
  });

  test('that is not there yet is a warning, and is not made', async () => {
    const folder = join(tmpdir(), `visage-absent-${randomId()}`);
    for (const _ of [1, 2]) {
      expect((await examine({ STORAGE_URL: pathToFileURL(folder).href })).of('store')).toMatch(
        /^warning: .*not there yet/,
      );
    }
  });
});

describe('a bucket', () => {
  let s3: S3Server;
  beforeAll(async () => {
    s3 = await createS3Server();
  });
  beforeEach(() => stubKeys(s3));
  afterEach(() => s3.recover());
  afterAll(async () => {
    vi.unstubAllEnvs();
    await s3.close();
  });
  const inBucket = async () => (await examine({ STORAGE_URL: s3.url() })).of('store');

  test('that works is looked at from all sides, and nothing is left in it', async () => {
    expect(await inBucket()).toBe('ok: bucket "visage-pictures" can be written, read and listed.');
    const asked = s3.requests.map((request) => request.split(' ')[0]);
    expect(asked.slice(0, 5)).toEqual(['PUT', 'GET', 'DELETE', 'GET', 'GET']);
    expect(s3.objects.size).toBe(0);
  });

  test.each([
    ['AccessDenied', 403, 's3:ListBucket on the bucket, and s3:GetObject'],
    ['NoSuchBucket', 404, 'Make it'],
    ['PermanentRedirect', 301, "region in STORAGE_URL has to be the bucket's"],
    ['RequestTimeTooSkewed', 403, 'clock'],
    ['Oddity', 418, 'Look at bucket, endpoint and pathStyle'],
  ])('that answers %s is told, with what to do', async (code, status, advice) => {
    s3.failWith({ code, status });
    const found = await inBucket();
    expect(found).toMatch(/^failed: bucket "visage-pictures" can't be written, read and listed \(/);
    expect(found).toContain(code);
    expect(found).toContain(advice);
  });

  test('that may be written but not listed is told', async () => {
    s3.failWith({ code: 'AccessDenied', status: 403 }, { method: 'GET', skip: 1 });
    expect(await inBucket()).toContain('(AccessDenied: ');
  });

  test('for which there are wrong keys, or none, is told without them', async () => {
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'Geheimnis');
    const wrong = await inBucket();
    expect(wrong).toMatch(/^failed: .*SignatureDoesNotMatch.* have to be keys for where STORAGE_URL leads\.$/);
    expect(wrong).not.toContain('Geheimnis');
    vi.stubEnv('AWS_ACCESS_KEY_ID', '');
    expect(await inBucket()).toMatch(/^failed: .*CredentialsProviderError.* Set AWS_ACCESS_KEY_ID/);
  });

  test('that is nowhere is told', async () => {
    const { of } = await examine({ STORAGE_URL: 's3://visage?endpoint=http://127.0.0.1:9' });
    expect(of('store')).toMatch(/^failed: bucket "visage" .*ECONNREFUSED.* Look at bucket, endpoint/);
  });
});

describe('Clerk', () => {
  test('that is away is told, and is not needed where tokens are verified by a key of our own', async () => {
    await clerk.goAway();
    onTestFinished(() => clerk.comeBack());
    const { statuses } = await examine();
    expect(statuses).toEqual(allOk({ 'signing keys': 'failed', 'clerk api': 'failed', clock: 'skipped' }));
    const other = await examine({ CLERK_JWT_KEY: keys.publicKey });
    expect(other.statuses).toMatchObject({ 'signing keys': 'warning', 'clerk api': 'failed' });
    expect(other.verdict).toBe('Something is wrong: clerk api.');
  });

  test('that answers with errors is told', async () => {
    clerk.failWith({ status: 503 });
    onTestFinished(() => clerk.recover());
    expect((await examine()).statuses).toMatchObject({ 'signing keys': 'failed', 'clerk api': 'failed' });
  });

  test('that does not take the secret key is told without the key', async () => {
    const { of, printed } = await examine({ CLERK_SECRET_KEY: 'sk_test_of_another_instance' });
    expect(of('signing keys')).toMatch(/^failed: Clerk doesn't take CLERK_SECRET_KEY\./);
    expect(of('clerk api')).toMatch(/^failed: Clerk doesn't take CLERK_SECRET_KEY\./);
    expect(printed.join('\n')).not.toContain('of_another_instance');
  });

  test('that publishes other keys than CLERK_JWT_KEY is of another instance', async () => {
    const { of } = await examine({ CLERK_JWT_KEY: generateKeys().publicKey });
    expect(of('signing keys')).toMatch(/^failed: CLERK_JWT_KEY is none of the keys/);
  });
});

describe('an embedded database', () => {
  test('is looked at where it is there and no server uses it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'visage-doctor-'));
    await chmod(folder, 0o711);
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const embedded = { NODE_ENV: 'development', DATABASE_URL: '', DATA_DIR: folder, STORAGE_URL: '' };
    expect((await examine(embedded)).of('database')).toMatch(/^skipped: .*no embedded database yet/);

    const server = await startEmbeddedPostgres({ folder: join(folder, 'postgres'), settings: { fsync: 'off' } });
    onTestFinished(() => server.close());
    const used = await examine(embedded);
    expect(used.of('database')).toMatch(/^skipped: a server uses the embedded database/);
    expect([used.verdict, used.statuses.rights]).toEqual([null, 'skipped']);
    await server.close();

    const seen = await examine(embedded);
    expect(seen.statuses).toMatchObject({ database: 'ok', rights: 'ok', notifications: 'ok', migrations: 'warning' });
    await expect(new pg.Client({ connectionString: server.connectionString }).connect()).rejects.toThrow();
  });
});

/** The command, as npm runs it. */
async function run(changed: Record<string, string>) {
  // Elsewhere, so that no .env of the project has a say.
  const child = spawn(process.execPath, [...program, 'doctor'], {
    cwd: tmpdir(),
    env: { PATH: process.env.PATH, ...env, ...changed },
  });
  const [[code], printed, errors] = await Promise.all([once(child, 'exit'), text(child.stdout), text(child.stderr)]);
  return { code, lines: printed.trimEnd().split('\n'), errors };
}
