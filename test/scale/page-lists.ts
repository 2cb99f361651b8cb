import type { TestApp } from '../support/app.ts';
import { onDatabase } from '../support/events.ts';
import type { Person } from '../support/person.ts';
import { busyId } from './busy-user.ts';

/** One way to ask for a connection of the schema. */
export interface ScaleList {
  /** `Type.field` */
  field: string;
  /** Arguments besides those of the page. */
  args?: string;
  /** What tells a row of it from the others. */
  key?: string;
  /** All keys, from the first row to the last. */
  rows: string;
  /** By which it is read. */
  index: string;
  /** Those who see it, each by a statement of their own or with rows of their own in the way. */
  viewers: ViewerName[];
}

export type ViewerName = 'owner' | 'follower' | 'administrator';

const everybody: ViewerName[] = ['owner', 'follower', 'administrator'];
const ownerAndAdministrator: ViewerName[] = ['owner', 'administrator'];

const users = (table: string, owner: string, item: string) =>
  `select ${item} as key from ${table} where ${owner} = '${busyId}' order by created_at desc, ${item} desc`;

const catalogue = (table: string, prefix: string) =>
  `select '${prefix}' || tmdb_id as key from ${table} where user_id = '${busyId}' order by created_at desc, tmdb_id desc`;

const events = (filter = 'true') =>
  `select 'event_' || id as key from events where user_id = '${busyId}' and ${filter} order by occurred_at desc, id desc`;

/** Every connection of the schema, with all that decides which statement reads it. */
export const lists: ScaleList[] = [
  {
    field: 'User.auditLog',
    key: 'action',
    rows: `select action as key from audit_entries where user_id = '${busyId}' order by at desc, id desc`,
    index: 'audit_entries_user_id_at_id_idx',
    // Administrators write to it by what they read, here and below.
    viewers: ['owner'],
  },
  {
    field: 'User.followers',
    rows: users('follows', 'followee_id', 'follower_id'),
    index: 'follows_followee_id_created_at_follower_id_idx',
    viewers: everybody,
  },
  {
    field: 'User.following',
    rows: users('follows', 'follower_id', 'followee_id'),
    index: 'follows_follower_id_created_at_followee_id_idx',
    viewers: everybody,
  },
  {
    field: 'User.followRequests',
    rows: users('follow_requests', 'requestee_id', 'requester_id'),
    index: 'follow_requests_requestee_id_created_at_requester_id_idx',
    viewers: ownerAndAdministrator,
  },
  {
    field: 'User.blockedUsers',
    rows: users('blocks', 'blocker_id', 'blocked_id'),
    index: 'blocks_blocker_id_created_at_blocked_id_idx',
    viewers: ownerAndAdministrator,
  },
  {
    field: 'User.followedCrewMembers',
    rows: catalogue('crew_member_follows', 'crew_'),
    index: 'crew_member_follows_user_id_created_at_tmdb_id_idx',
    viewers: everybody,
  },
  {
    field: 'User.followedStudios',
    rows: catalogue('studio_follows', 'studio_'),
    index: 'studio_follows_user_id_created_at_tmdb_id_idx',
    viewers: everybody,
  },
  { field: 'User.events', rows: events(), index: 'events_user_id_occurred_at_id_idx', viewers: everybody },
  {
    field: 'User.events',
    args: 'types: [RATING, WATCHLIST_ADD]',
    rows: events(`type in ('RATING', 'WATCHLIST_ADD')`),
    index: 'events_user_id_type_occurred_at_id_idx',
    viewers: everybody,
  },
  {
    field: 'User.events',
    args: 'movieId: 1',
    rows: events('movie_id = 1'),
    index: 'events_user_id_movie_id_occurred_at_id_idx',
    viewers: everybody,
  },
  {
    field: 'User.pictures',
    rows: `select 'picture_' || id as key from pictures where user_id = '${busyId}' order by version desc`,
    index: 'pictures_user_id_version_key',
    viewers: ownerAndAdministrator,
  },
  {
    field: 'Query.users',
    args: 'search: "seed"',
    rows: `select id as key from users where username like 'seed%' order by username using ~<~`,
    index: 'users_username_search_idx',
    viewers: ['follower', 'administrator'],
  },
  {
    field: 'Query.users',
    args: 'search: "a"',
    rows: `select user_id as key from profiles where search_name like 'a%' order by search_name using ~<~, user_id using ~<~`,
    index: 'profiles_search_name_idx',
    viewers: ['follower', 'administrator'],
  },
  {
    field: 'Query.users',
    args: 'search: "a@"',
    rows: `select id as key from users where lower(email) like 'a@%' order by lower(email) using ~<~, id using ~<~`,
    index: 'users_email_search_idx',
    viewers: ['administrator'],
  },
];

/** A page in the order in which it was asked for: from the oldest on where `isForward` is false. */
export interface Page {
  keys: string[];
  /** Where the next page begins. */
  cursor: string | null;
  hasMore: boolean;
}

interface Connection {
  edges: { node: Record<string, string> }[];
  pageInfo: { startCursor: string | null; endCursor: string | null; hasNextPage: boolean; hasPreviousPage: boolean };
}

/** Which end of a list is read, and how much from where. */
export interface PageChoice {
  isForward: boolean;
  size: number;
  cursor: string | null;
}

/** Asks for a page of a list as clients do. */
export async function readPage(
  viewer: Person,
  { field, args = '', key = 'id' }: ScaleList,
  { isForward, size, cursor }: PageChoice,
): Promise<Page> {
  const [type, name] = field.split('.');
  const paging = isForward ? 'first: $size, after: $cursor' : 'last: $size, before: $cursor';
  const list = `${name}(${paging} ${args}) {
    edges { node { ${key} } } pageInfo { startCursor endCursor hasNextPage hasPreviousPage }
  }`;
  const document = `query ($size: Int, $cursor: String) { ${type === 'Query' ? list : `user(by: { id: "${busyId}" }) { ${list} }`} }`;
  const data = await viewer.query<Record<string, unknown>, object>(document, { size, cursor });
  const connection = (type === 'Query' ? data : (data.user as Record<string, unknown>))[name as string] as Connection;
  const keys = connection.edges.map(({ node }) => node[key] as string);
  const { startCursor, endCursor, hasNextPage, hasPreviousPage } = connection.pageInfo;
  if (isForward) return { keys, cursor: endCursor, hasMore: hasNextPage };
  return { keys: keys.toReversed(), cursor: startCursor, hasMore: hasPreviousPage };
}

/** The keys of a list from the end that is read. */
export async function readKeys(app: TestApp, { rows }: ScaleList, isForward: boolean): Promise<string[]> {
  const { rows: all } = await onDatabase(app, (client) => client.query<{ key: string }>(rows));
  const keys = all.map(({ key }) => key);
  return isForward ? keys : keys.toReversed();
}
