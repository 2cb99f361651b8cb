import { randomUUID } from 'node:crypto';
import { certainSkewMs } from '../../platform/clock-skew.ts';
import { readMigrations } from '../../platform/migration-folder.ts';
import { withSession } from '../../platform/migration-session.ts';
import { pendingMigrations } from '../../platform/migrations.ts';
import { within } from '../../platform/time-limit.ts';
import { migrationsFolder } from '../migrate.ts';
import { type Finding, failed, ok, warning } from './examination.ts';
import { tablesOf, triggersOf } from './migration-objects.ts';

type Session = Parameters<Parameters<typeof withSession>[1]>[0];

/** A check of a busy database must neither wait for others nor make them wait. */
const limits = `set statement_timeout = '5s'; set lock_timeout = '2s'`;

const inspect = <Result>(connectionString: string, work: (session: Session) => Promise<Result>): Promise<Result> =>
  withSession(connectionString, async (session) => {
    await session.query(limits);
    return work(session);
  });

/** The migrations that this database should have by now. */
async function appliedMigrations(connectionString: string) {
  const pending = new Set(await pendingMigrations({ connectionString, folder: migrationsFolder }));
  return (await readMigrations(migrationsFolder)).filter((migration) => !pending.has(migration.name));
}

/** Whether it can be reached, and is of a kind and version that will do. */
export const checkDatabase = (connectionString: string): Promise<Finding> =>
  inspect(connectionString, async (session) => {
    const { rows } = await session.query(`
      select current_setting('server_version') as version, current_user as role, current_database() as name,
        current_setting('server_encoding') as encoding, current_setting('transaction_read_only') as "isReadOnly"`);
    const { version, role, name, encoding, isReadOnly } = rows[0];
    const found = `PostgreSQL ${version}, database "${name}" as role "${role}", ${encoding}`;
    if (encoding !== 'UTF8') return failed(found, `Make a database with ENCODING 'UTF8' and move there`);
    if (isReadOnly === 'on') return failed(`${found}, read-only`, 'DATABASE_URL has to name the primary, no standby');
    return ok(found);
  });

const createAnything = (name: string) => `
  begin;
  create type ${name}_kind as enum ('A');
  create table ${name} (id int primary key, kind ${name}_kind);
  create function ${name}_touch() returns trigger language plpgsql as 'begin return null; end';
  create trigger ${name}_touched after insert on ${name} for each statement execute function ${name}_touch();
  insert into ${name} (id) values (1);
  rollback`;

/** What the role may do, by doing it in a transaction that is rolled back, and by asking about the tables that are there. */
export const checkRights = (connectionString: string): Promise<Finding> =>
  inspect(connectionString, async (session) => {
    try {
      await session.query(createAnything(`visage_doctor_${randomUUID().replaceAll('-', '')}`));
    } catch (error) {
      const advice = 'Grant it: GRANT CREATE, USAGE ON SCHEMA public TO the role, or make it the owner of the database';
      return failed(
        `the role may not create tables, types, functions or triggers (${(error as Error).message})`,
        advice,
      );
    }
    const { rows } = await session.query(
      `select relname as name from pg_class
       where relname = any($1) and relkind = 'r' and pg_table_is_visible(oid) and not (
         pg_has_role(relowner, 'usage') and has_table_privilege(oid, 'select') and has_table_privilege(oid, 'insert')
         and has_table_privilege(oid, 'update') and has_table_privilege(oid, 'delete'))
       order by relname`,
      [[...tablesOf(await readMigrations(migrationsFolder)), '_prisma_migrations']],
    );
    if (rows.length === 0) return ok('the role may create, read, write and delete what it needs');
    const names = rows.map(({ name }) => name).join(', ');
    return failed(`the role may not use or doesn't own ${names}`, 'Make it the owner: ALTER TABLE … OWNER TO the role');
  });

/** Whether the database is of this version. */
export async function checkMigrations(connectionString: string, isEmbedded: boolean): Promise<Finding> {
  const pending = await pendingMigrations({ connectionString, folder: migrationsFolder });
  const all = await readMigrations(migrationsFolder);
  if (pending.length === 0) return ok(`all ${all.length} are applied, the last is ${all.at(-1)?.name}`);
  const found = `${pending.length} of ${all.length} are pending (${pending.join(', ')})`;
  if (isEmbedded) return warning(found, 'The next start applies them');
  return failed(found, 'Apply them: npm run migrate, or node dist/main.js migrate');
}

/** Whether every trigger of the applied migrations is there and fires: counters and new users depend on them. */
export async function checkTriggers(connectionString: string): Promise<Finding> {
  const expected = triggersOf(await appliedMigrations(connectionString));
  const { rows } = await inspect(connectionString, (session) =>
    session.query<{ trigger: string; table: string; fires: boolean }>(
      `select tgname as trigger, relname as table, tgenabled in ('O', 'A') as fires
       from pg_trigger join pg_class on pg_class.oid = tgrelid
       where not tgisinternal and pg_table_is_visible(pg_class.oid)`,
    ),
  );
  const states = new Map(rows.map(({ trigger, table, fires }) => [`${trigger} on ${table}`, fires]));
  const names = expected.map(({ trigger, table }) => `${trigger} on ${table}`);
  const missing = names.filter((name) => !states.has(name));
  const disabled = names.filter((name) => states.get(name) === false);
  if (missing.length > 0) {
    const advice = 'Create them again as prisma/migrations does, and count anew what they keep';
    return failed(`missing: ${missing.join(', ')}`, advice);
  }
  if (disabled.length > 0) return failed(`disabled: ${disabled.join(', ')}`, 'ALTER TABLE … ENABLE TRIGGER …');
  return ok(`all ${names.length} are there and enabled`);
}

/** People with a counter above it are passed over: counting them would take too long. */
const largestCount = 10_000;

/** Compares the counters of some users, from a random place on, with what they count; by primary keys and indexes. */
export const checkCounters = (connectionString: string): Promise<Finding> =>
  inspect(connectionString, async (session) => {
    const { rows } = await session.query<{ id: string; isRight: boolean }>(
      `select id,
         follower_count = (select count(*) from follows where followee_id = users.id)
         and following_count = (select count(*) from follows where follower_id = users.id)
         and follow_request_count = (select count(*) from follow_requests where requestee_id = users.id)
         and blocked_count = (select count(*) from blocks where blocker_id = users.id)
         and followed_crew_member_count = (select count(*) from crew_member_follows where user_id = users.id)
         and followed_studio_count = (select count(*) from studio_follows where user_id = users.id) as "isRight"
       from users
       where id in (
         (select id from users where id > 'user_2' || $1 order by id limit 25)
         union (select id from users order by id limit 25)
       ) and greatest(follower_count, following_count, follow_request_count, blocked_count) <= $2`,
      [randomUUID(), largestCount],
    );
    const wrong = rows.filter(({ isRight }) => !isRight).map(({ id }) => id);
    if (wrong.length === 0) return ok(`right for the ${rows.length} users that were looked at`);
    const advice = 'Somebody changed rows while triggers were off; count anew for all users';
    return failed(`wrong for ${wrong.length} of ${rows.length} users, such as ${wrong[0]}`, advice);
  });

const notificationLimitMs = 5_000;

/** Sends itself a notification: servers hear of each other's changes so. */
export const checkNotifications = (connectionString: string): Promise<Finding> =>
  inspect(connectionString, async (listener) => {
    const channel = `visage_doctor_${randomUUID().replaceAll('-', '')}`;
    const heard = new Promise((resolve) => listener.once('notification', resolve));
    await listener.query(`listen ${channel}`);
    const startedAt = performance.now();
    await inspect(connectionString, (speaker) => speaker.query('select pg_notify($1, $2)', [channel, 'x']));
    try {
      await within(notificationLimitMs, heard);
      return ok(`arrived after ${Math.round(performance.now() - startedAt)} ms`);
    } catch {
      const advice = 'Connect directly: a pooler in transaction mode passes no notifications on';
      return failed(`a notification did not arrive in ${notificationLimitMs} ms`, advice);
    }
  });

/** Beyond it the database's times and the server's tell different stories. */
const toleratedSkewMs = 2_000;

export const checkDatabaseClock = (connectionString: string): Promise<Finding> =>
  inspect(connectionString, async (session) => {
    const fromMs = Date.now();
    const { rows } = await session.query<{ now: Date }>('select clock_timestamp() as now');
    const toldMs = rows[0]?.now.getTime() ?? 0;
    const skewMs = certainSkewMs({ fromMs: toldMs, toMs: toldMs + 1 }, { fromMs, toMs: Date.now() });
    if (skewMs <= toleratedSkewMs) return ok("the database's clock agrees with this machine's");
    return warning(`the database's clock differs from this machine's by ${skewMs} ms`, 'Set both by NTP');
  });

/** When the last webhook was handled; null where none ever was. */
export const lastWebhookAt = (connectionString: string): Promise<Date | null> =>
  inspect(connectionString, async (session) => {
    const { rows } = await session.query<{ at: Date | null }>('select max(received_at) as at from webhook_deliveries');
    return rows[0]?.at ?? null;
  });

/** Files that the newest pictures are made of; by primary key, since their ids grow with time. */
export const newestFiles = (connectionString: string): Promise<string[]> =>
  inspect(connectionString, async (session) => {
    const { rows } = await session.query<{ keys: string[] }>(
      'select file_keys as keys from pictures order by id desc limit 3',
    );
    return [...new Set(rows.flatMap(({ keys }) => keys))];
  });
