import type { Statement } from '../../platform/database.ts';
import { selectCards, selectUsers } from '../user/columns.ts';
import { forBoth, type ReadStatements } from '../user/reader.ts';
import { viewerFollows } from './catalogue-queries.ts';

/** Rows of one owner at most: a page of 100, and one that tells whether there is more. */
export const maxRowsPerOwner = 101;

/** One table of pairs, read from one of its two ends. */
interface ListTable {
  name: string;
  ownerColumn: string;
  itemColumn: string;
  itemType: 'text' | 'int';
  /** Leaves out whom the reader blocks or is blocked by: not even a cursor may name them. */
  withoutBlocked?: boolean;
}

type Direction = 'desc' | 'asc';

/**
 * Rows of owners' lists, newest first (`desc`) or oldest first (`asc`). $1 is a JSON array of an object for each page: who
 * reads it, whose it is, the positions between which it lies, and how many rows at most. `ordinal` counts ${maxRowsPerOwner} for each owner, so
 * that it tells the owner too. By the index of owner, time and item, from which no more rows are read than are wanted. As
 * JSON, since the planner would plan each page anew for an array of one owner and a small limit.
 */
const pageRows = (
  { name, ownerColumn, itemColumn, itemType, withoutBlocked }: ListTable,
  direction: Direction,
): string => `(
  select owner.reader_id, (owner.ordinal - 1) * ${maxRowsPerOwner} + page.ordinal as ordinal, page.item_id, page.since${withoutBlocked ? ', reader.has_requested' : ''}
  from json_to_recordset($1::json) as owner (
    reader_id text, id text, ordinal int, newest_at timestamptz, newest_item ${itemType}, oldest_at timestamptz, oldest_item ${itemType},
    row_count int)
  ${withoutBlocked ? readerOfUsers : ''}
  cross join lateral (
    select item_id, since, row_number() over (order by since ${direction}, item_id ${direction}) as ordinal
    from (
      select ${itemColumn} as item_id, created_at as since
      from ${name}
      where ${ownerColumn} = owner.id
        and (created_at, ${itemColumn}) < (owner.newest_at, owner.newest_item)
        and (created_at, ${itemColumn}) > (owner.oldest_at, owner.oldest_item)
        ${withoutBlocked ? withoutBlockedItems(itemColumn) : ''}
      order by created_at ${direction}, ${itemColumn} ${direction}
      limit least(owner.row_count, ${maxRowsPerOwner})
    ) as wanted
  ) as page
)`;

/**
 * A range of one, for which the planner always takes an index. Where few people have most of a table's rows, it would expect
 * to come upon one of these at once, and read all of the table for each reader who has none.
 */
const isReader = (column: string) => `${column} between owner.reader_id and owner.reader_id`;

/** Most people block nobody, are blocked by nobody, and wait for nobody's answer: then no row has to be looked up. */
const readerOfUsers = `cross join lateral (
    select exists (select from blocks where ${isReader('blocker_id')}) as blocks,
      exists (select from blocks where ${isReader('blocked_id')}) as is_blocked,
      exists (select from follow_requests where ${isReader('requester_id')}) as has_requested
    offset 0
  ) as reader`;

/** As values and not as `exists`, which the planner would make a join of, and then sort the whole list. */
const withoutBlockedItems = (itemColumn: string) => `
        and (not reader.blocks
          or (select 1 from blocks where blocker_id = owner.reader_id and blocked_id = ${itemColumn}) is null)
        and (not reader.is_blocked
          or (select 1 from blocks where blocker_id = ${itemColumn} and blocked_id = owner.reader_id) is null)`;

/** What reads a list from the newest on, and what reads it from the oldest back. */
export interface BothWays<Statements> {
  forward: Statements;
  backward: Statements;
}

const bothWays = <Statements>(
  name: string,
  toStatements: (name: string, direction: Direction) => Statements,
): BothWays<Statements> => ({
  forward: toStatements(`${name}_forward`, 'desc'),
  backward: toStatements(`${name}_backward`, 'asc'),
});

/** The statements of a list of users. */
interface UserReadStatements extends ReadStatements {
  /** Reads cards, for viewers who ask for nothing else; null where a list may have users who block or are blocked. */
  card: Statement | null;
}

export type UserListStatements = BothWays<UserReadStatements>;

/** Users on lists as the reader may know them; blocks hide none of them from an administrator. */
const userList = (name: string, table: Omit<ListTable, 'itemType'>): UserListStatements =>
  bothWays(name, (statementName, direction) => {
    const askedFor = (withoutBlocked: boolean) => `(
  select reader_id as viewer_id, item_id as user_id, ordinal, since${withoutBlocked ? ', has_requested' : ''}
  from ${pageRows({ ...table, itemType: 'text', withoutBlocked }, direction)} as page
) as asked`;
    const { withoutBlocked = false } = table;
    const after = 'order by asked.ordinal';
    return {
      ...forBoth(statementName, (reader) =>
        selectUsers(askedFor(withoutBlocked && !reader.asAdministrator), { ...reader, after }),
      ),
      card: withoutBlocked ? { name: `${statementName}_cards`, ...selectCards(askedFor(true), after) } : null,
    };
  });

/** By index follows(followee_id, created_at desc, follower_id desc). */
export const followers = userList('followers', {
  name: 'follows',
  ownerColumn: 'followee_id',
  itemColumn: 'follower_id',
  withoutBlocked: true,
});

/** By index follows(follower_id, created_at desc, followee_id desc). */
export const following = userList('following', {
  name: 'follows',
  ownerColumn: 'follower_id',
  itemColumn: 'followee_id',
  withoutBlocked: true,
});

/** By index follow_requests(requestee_id, created_at desc, requester_id desc). */
export const followRequests = userList('follow_requests', {
  name: 'follow_requests',
  ownerColumn: 'requestee_id',
  itemColumn: 'requester_id',
  withoutBlocked: true,
});

/** By index blocks(blocker_id, created_at desc, blocked_id desc). */
export const blockedUsers = userList('blocked_users', {
  name: 'blocks',
  ownerColumn: 'blocker_id',
  itemColumn: 'blocked_id',
});

/** What owners follow of the catalogue, with its counts and whether the reader follows it too, by primary keys. */
const catalogueList = (name: string, { follows, counts }: CatalogueTables): CatalogueListStatements =>
  bothWays(name, (statementName, direction) => ({
    name: statementName,
    text: `
select page.ordinal::int - 1 as "index", page.since, page.item_id as "tmdbId",
  coalesce((select follower_count from ${counts} where tmdb_id = page.item_id), 0) as "followerCount",
  ${viewerFollows(follows, { viewerId: 'page.reader_id', tmdbId: 'page.item_id' })}
from ${pageRows({ name: follows, ownerColumn: 'user_id', itemColumn: 'tmdb_id', itemType: 'int' }, direction)} as page
order by page.ordinal`,
  }));

export type CatalogueListStatements = BothWays<Statement>;

interface CatalogueTables {
  follows: string;
  counts: string;
}

/** By index crew_member_follows(user_id, created_at desc, tmdb_id desc). */
export const followedCrewMembers = catalogueList('followed_crew_members', {
  follows: 'crew_member_follows',
  counts: 'crew_members',
});

/** By index studio_follows(user_id, created_at desc, tmdb_id desc). */
export const followedStudios = catalogueList('followed_studios', { follows: 'studio_follows', counts: 'studios' });
