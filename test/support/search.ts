import pg from 'pg';
import { toSearchName } from '../../src/modules/user/search-name.ts';
import type { Statement } from '../../src/platform/database.ts';
import type { TestApp } from './app.ts';
import type { Answer, Person } from './person.ts';

export interface FoundUsers {
  users: {
    totalCount: number | null;
    edges: {
      cursor: string;
      since: string | null;
      node: { id: string; username: string | null; displayName: string };
    }[];
    pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string | null; endCursor: string | null };
  };
}

const query = `query ($search: String!, $first: Int, $after: String) {
  users(search: $search, first: $first, after: $after) {
    totalCount
    edges { cursor since node { id username displayName } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;

interface SearchPage {
  first?: number | null;
  after?: string | null;
}

export const askForUsers = (viewer: Person, search: string, page: SearchPage = {}): Promise<Answer<FoundUsers>> =>
  viewer.ask<FoundUsers, object>(query, { search, ...page });

export const findUsers = async (viewer: Person, search: string, page: SearchPage = {}): Promise<FoundUsers['users']> =>
  (await viewer.query<FoundUsers, object>(query, { search, ...page })).users;

/** The ids that a search finds, first page. */
export const findIds = async (viewer: Person, search: string): Promise<string[]> =>
  (await findUsers(viewer, search, { first: 100 })).edges.map(({ node }) => node.id);

/** Every page of a search, one after the other: the ids of each. */
export async function readPages(viewer: Person, search: string, first: number): Promise<string[][]> {
  const pages: string[][] = [];
  for (let after: string | null = null; ; ) {
    const { edges, pageInfo } = await findUsers(viewer, search, { first, after });
    pages.push(edges.map(({ node }) => node.id));
    if (!pageInfo.hasNextPage) return pages;
    after = pageInfo.endCursor;
  }
}

/** Users in one go, with what search finds them by. */
export async function insertUsers(
  app: TestApp,
  users: readonly { id: string; username: string | null; displayName: string | null }[],
): Promise<void> {
  const columns = [users.map(({ id }) => id), users.map(({ username }) => username)];
  const names = users.map(({ displayName }) => displayName);
  await withClient(app, async (client) => {
    await client.query('insert into users (id, username) select * from unnest($1::text[], $2::text[])', columns);
    await client.query(
      `update profiles set display_name = given.display_name, search_name = given.search_name
       from unnest($1::text[], $2::text[], $3::text[]) as given (user_id, display_name, search_name)
       where profiles.user_id = given.user_id`,
      [columns[0], names, names.map((name) => name && toSearchName(name))],
    );
  });
}

/** One connection to a test's database, beside the server's. */
export async function withClient<Result>(
  { database: { connectionString } }: TestApp,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  Plans?: PlanNode[];
}

/** How PostgreSQL reads a table for a statement. */
export interface TableRead {
  table: string;
  /** The index, or null where the whole table is read. */
  index: string | null;
  rows: number;
}

/** What a statement reads, planned for its values or, as after some use, for any values. */
export async function explainReads(
  app: TestApp,
  { name, text }: Statement,
  { values, isGeneric }: { values: (string | number | null)[]; isGeneric: boolean },
): Promise<TableRead[]> {
  return withClient(app, async (client) => {
    await client.query(`set plan_cache_mode = ${isGeneric ? 'force_generic_plan' : 'force_custom_plan'}`);
    await client.query(`prepare ${name} as ${text}`);
    const literals = values.map((value) => (typeof value === 'string' ? pg.escapeLiteral(value) : (value ?? 'null')));
    const { rows } = await client.query(`explain (analyze, format json) execute ${name} (${literals.join(', ')})`);
    return readsOf(rows[0]['QUERY PLAN'][0].Plan);
  });
}

function readsOf(node: PlanNode): TableRead[] {
  const below = (node.Plans ?? []).flatMap(readsOf);
  const table = node['Relation Name'];
  if (!table) return below;
  const rows = (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'];
  // A bitmap is made of an index by the step below.
  const bitmap = node['Node Type'] === 'Bitmap Heap Scan' ? node.Plans?.[0] : undefined;
  return [{ table, index: (bitmap ?? node)['Index Name'] ?? null, rows }, ...below];
}
