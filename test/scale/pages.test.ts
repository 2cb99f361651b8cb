import { getNamedType } from 'graphql';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seedSteps } from '../../src/commands/seed-statements.ts';
import { schema } from '../../src/schema.ts';
import { administratorEnv, createAdministrator } from '../support/administrator.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { createPerson, type Person } from '../support/person.ts';
import { objectTypes } from '../support/schema-walk.ts';
import { busyId, busyStatements, followerId } from './busy-user.ts';
import { lists, type PageChoice, readKeys, readPage, type ScaleList, type ViewerName } from './page-lists.ts';
import { explain, type Plan, planModes, type SentStatement, withStatements } from './statements.ts';

/** Enough that a table which is read whole shows; with four times as many events the plans are the same. */
const sizes = { users: 100_000, follows: 500_000, events: 500_000 };

let app: TestApp;
let client: pg.Client;
let viewers: Record<ViewerName, Person>;
/** Tables of which no page may read all. */
let largeTables: string[];

beforeAll(async () => {
  app = await createTestApp({ env: administratorEnv });
  // As the server's own connections plan.
  client = new pg.Client({
    connectionString: app.database.connectionString,
    options: '-c TimeZone=UTC -c random_page_cost=1.1',
  });
  await client.connect();
  for (const { statement, values } of seedSteps(sizes)) await client.query(statement.text, values);
  expect(await countRows()).toEqual(sizes);
  for (const statement of busyStatements) await client.query(statement);
  const large = `select relname as name from pg_class where relkind = 'r' and reltuples > 1000 and relnamespace = 'public'::regnamespace`;
  largeTables = (await client.query<{ name: string }>(large)).rows.map(({ name }) => name);
  viewers = {
    owner: await createPerson(app, busyId),
    follower: await createPerson(app, followerId),
    administrator: await createAdministrator(app),
  };
});
afterAll(async () => {
  await client?.end();
  await app?.close();
});

async function countRows() {
  const counts = Object.keys(sizes).map((table) => `(select count(*)::int from ${table}) as ${table}`);
  return (await client.query(`select ${counts.join()}`)).rows[0];
}

test('no connection of the schema is missing here', () => {
  const connections = objectTypes(schema).flatMap((type) =>
    Object.values(type.getFields())
      .filter((field) => getNamedType(field.type).name.endsWith('Connection'))
      .map((field) => `${type.name}.${field.name}`),
  );
  expect([...new Set(lists.map(({ field }) => field))].toSorted()).toEqual(connections.toSorted());
});

const pageSize = 10;
/** Larger pages to come to where the 1,000th of ten rows begins. */
const way = [...Array<number>(99).fill(100), 999 * pageSize - 9_900];

/** Far above what a page of ten needs at each step, sessions included, and far below what a list holds. */
const maxRowsOfStep = 200;
const maxBuffers = 1_000;

/** Done again, what writes would write again. */
const isRead = ({ text, values }: SentStatement) =>
  values.length > 0 && /^\s*(select|with)\b/i.test(text) && !/\b(insert into|update|delete from)\b/i.test(text);

interface Explained {
  name: string;
  mode: string;
  plan: Plan;
}

async function explainAll(statements: SentStatement[]): Promise<Explained[]> {
  const plans: Explained[] = [];
  for (const statement of statements.filter(isRead)) {
    for (const mode of planModes)
      plans.push({ name: statement.name, mode, plan: await explain(client, statement, mode) });
  }
  return plans;
}

/** What of a plan would grow with the list, or with everybody's. */
const whatGrows = ({ steps, buffers }: Plan): string[] => [
  ...steps
    .filter(
      ({ type, table = '', rows }) => rows > maxRowsOfStep || (type === 'Seq Scan' && largeTables.includes(table)),
    )
    .map(({ type, table, index, rows }) => `${type} of ${table} by ${index}: ${rows} rows`),
  ...(buffers > maxBuffers ? [`${buffers} buffers`] : []),
];

const whatGrowsIn = (plans: Explained[]) =>
  plans.flatMap(({ name, mode, plan }) => whatGrows(plan).map((what) => `${name} (${mode}): ${what}`));

type ReadPage = (choice: Omit<PageChoice, 'isForward'>) => ReturnType<typeof readPage>;

/** Goes to where the 1,000th page begins. */
async function walk(page: ReadPage, expected: string[]): Promise<string | null> {
  const walked: string[] = [];
  let cursor: string | null = null;
  for (const size of way) {
    const { keys, cursor: next } = await page({ size, cursor });
    walked.push(...keys);
    cursor = next;
  }
  expect(walked).toEqual(expected.slice(0, 999 * pageSize));
  return cursor;
}

/** Where the 1,000th page of a list begins. A cursor is the list's, whoever goes on from it: one walks there for all. */
const beginnings = new Map<string, Promise<string | null>>();

async function expectPagesByIndex(viewer: Person, list: ScaleList, isForward: boolean): Promise<void> {
  const page: ReadPage = (choice) => readPage(viewer, list, { isForward, ...choice });
  const expected = await readKeys(app, list, isForward);
  const first = await withStatements(() => page({ size: pageSize, cursor: null }));
  expect(first.result.keys).toEqual(expected.slice(0, pageSize));
  const name = JSON.stringify([list.field, list.args, isForward]);
  const beginning = beginnings.get(name) ?? walk(page, expected);
  beginnings.set(name, beginning);
  const cursor = await beginning;
  const last = await withStatements(() => page({ size: pageSize, cursor }));
  expect(last.result.keys).toEqual(expected.slice(999 * pageSize, 1_000 * pageSize));
  expect(last.result.hasMore).toBe(true);
  for (const statements of [first.statements, last.statements]) {
    const plans = await explainAll(statements);
    expect(whatGrowsIn(plans)).toEqual([]);
    for (const mode of planModes) {
      const steps = plans.filter((row) => row.mode === mode).flatMap(({ plan }) => plan.steps);
      expect(
        steps.map(({ index }) => index),
        mode,
      ).toContain(list.index);
    }
  }
}

for (const list of lists) {
  describe(`the first and the 1,000th page of ${list.field}(${list.args ?? ''}) are read by index`, () => {
    const directions = list.field === 'Query.users' ? [true] : [true, false];
    for (const viewer of list.viewers) {
      test.each(directions.map((isForward) => [isForward ? 'forward' : 'backward', isForward] as const))(
        `by the ${viewer}, %s`,
        (_, isForward) => expectPagesByIndex(viewers[viewer], list, isForward),
      );
    }
  });
}

describe('what most requests ask for is read by index', () => {
  const page = (list: string, node: string) =>
    `{ user(by: { id: "${busyId}" }) { ${list}(first: 20) { edges { node { ${node} } } } } }`;
  const card = 'username displayName imageUrl viewerFollow picture { thumbhash }';
  const followers = 'follows_followee_id_created_at_follower_id_idx';
  const following = 'follows_follower_id_created_at_followee_id_idx';
  test.each([
    ['oneself', '{ me { displayName profile { bio } preferences { theme } privacy { profile } picture { id } } }', []],
    ['followers_forward_cards', page('followers', card), [followers]],
    ['following_forward_cards', page('following', card), [following]],
    ['followers_forward', page('followers', 'profile { bio }'), [followers]],
    ['following_forward', page('following', 'profile { bio }'), [following]],
  ])('by %s', async (name, asked, indexes) => {
    const { statements } = await withStatements(() => viewers.follower.query(asked));
    const plans = await explainAll(statements.filter((statement) => statement.name === name));
    expect(plans.map(({ mode }) => mode)).toEqual([...planModes]);
    expect(whatGrowsIn(plans)).toEqual([]);
    for (const { plan } of plans) {
      const used = plan.steps.map(({ index }) => index);
      expect(used).toEqual(expect.arrayContaining(['users_pkey', 'profiles_pkey', ...indexes]));
    }
  });
});

test('a list is read by index where one user has all blocks and requests', async () => {
  const asked = `{ user(by: { id: "${busyId}" }) { followers(first: 20) { edges { node { username } } } } }`;
  const { statements } = await withStatements(() => viewers.follower.query(asked));
  const crowd = `select 'user_seed_' || n as id, now() from generate_series(10001, 30000) as n`;
  await client.query('begin');
  try {
    await client.query('delete from blocks; delete from follow_requests');
    for (const [table, pair] of [
      ['blocks', 'blocker_id, blocked_id'],
      ['blocks', 'blocked_id, blocker_id'],
      ['follow_requests', 'requester_id, requestee_id'],
    ])
      await client.query(`insert into ${table} (${pair}, created_at) select 'user_seed_1', * from (${crowd}) as crowd`);
    await client.query('analyze blocks, follow_requests');
    const plans = await explainAll(statements.filter(({ name }) => name === 'followers_forward_cards'));
    expect(plans).toHaveLength(planModes.length);
    expect(whatGrowsIn(plans)).toEqual([]);
  } finally {
    await client.query('rollback');
    await client.query('analyze blocks, follow_requests');
  }
});

test('what is written for many at once finds its rows by index', async () => {
  const people = await Promise.all(Array.from({ length: 4 }, () => createPerson(app)));
  const { rows: others } = await client.query<{ id: string }>('select id from users where id <> $1 limit 4', [busyId]);
  const each = (mutation: string) =>
    Promise.all(
      people.map((person, at) => person.query(`mutation { ${mutation.replace('OTHER', others[at]?.id ?? '')} }`)),
    );
  const { statements } = await withStatements(async () => {
    await each('follow(target: { userId: "OTHER" }) { __typename }');
    await each('recordEvent(input: { type: VIEW, movieId: 1 }) { __typename }');
    await each('unfollow(target: { userId: "OTHER" }) { __typename }');
  });
  const names = ['change_follows', 'insert_events_of_many', 'change_follows'];
  const written = statements.filter(({ name }) => names.includes(name));
  expect(written.map(({ name }) => name)).toEqual(names);
  const plans: Explained[] = [];
  for (const statement of written) {
    for (const mode of planModes) {
      // Nothing of it stays, and what was written a moment ago is out of its way.
      await client.query('begin');
      await client.query('delete from events where user_id = any($1)', [people.map(({ id }) => id)]);
      plans.push({ name: statement.name, mode, plan: await explain(client, statement, mode) });
      await client.query('rollback');
    }
  }
  expect(whatGrowsIn(plans)).toEqual([]);
});

test('the sessions of a user are read by index', async () => {
  const { statements, result } = await withStatements(() =>
    viewers.owner.query<{ me: { syncSessions: object[] } }, object>('{ me { syncSessions { id } } }'),
  );
  expect(result.me.syncSessions).toHaveLength(100);
  const plans = await explainAll(statements);
  expect(whatGrowsIn(plans)).toEqual([]);
  expect(plans.flatMap(({ plan }) => plan.steps.map(({ index }) => index))).toContain('sync_sessions_pkey');
});
