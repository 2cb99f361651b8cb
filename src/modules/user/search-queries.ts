import type { Statement } from '../../platform/database.ts';
import { selectUsers } from './columns.ts';
import { forBoth } from './reader.ts';
import type { UserRow } from './rows.ts';

/** What a match is, best first: the whole username, the whole display name, the start of either; or that of the e-mail. */
export const ranks = { wholeUsername: 0, wholeName: 1, username: 2, name: 3, email: 4 } as const;

/** Ids are printable ASCII. */
const afterAnyId = 'chr(127)';

/** Who reads a page of matches. */
type Reader = Parameters<typeof selectUsers>[1];

/**
 * Matches whom the viewer may not know of are passed over by primary key of the blocks; an administrator knows of all. Here
 * and below, the offset keeps the planner from making a join of `not exists`, for which it may read all that the viewer has
 * blocked.
 */
const notBlocked = (userId: string, reader: Reader) =>
  reader?.asAdministrator
    ? 'true'
    : `
    not exists (select from blocks where blocker_id = $1::text and blocked_id = ${userId} offset 0)
    and not exists (select from blocks where blocker_id = ${userId} and blocked_id = $1::text offset 0)`;

/**
 * Users whose username or folded display name starts with $2, for $1 viewer, in the order of `ranks`, then byte by byte,
 * then by id. The page comes after rank $4 (-1: from the start), text $5 and id $6; $3 is what no text that starts with $2
 * reaches, $7 how many rows. Each rank is a range of one index, by (username) or (search_name, user_id), read from where the
 * page begins and no further than it needs; the later ranks aren't begun where the earlier ones fill the page. Who matches
 * by both stands at the better rank alone, so what a rank passes over has filled a page before.
 */
const matches = (reader: Reader) => `
with whole_username as (
  select ${ranks.wholeUsername} as rank, username as key, id as user_id
  from users
  where $4::int < ${ranks.wholeUsername} and username = $2::text and ${notBlocked('users.id', reader)}
), whole_name as (
  select ${ranks.wholeName} as rank, search_name as key, user_id
  from profiles
  where $4::int <= ${ranks.wholeName} and search_name = $2::text
    and user_id ~>~ case $4::int when ${ranks.wholeName} then $6::text else '' end
    and not exists (select from users where id = user_id and username = $2::text offset 0)
    and ${notBlocked('user_id', reader)}
  order by user_id using ~<~ limit $7::int
), by_username as (
  select ${ranks.username} as rank, username as key, id as user_id
  from users
  where $4::int <= ${ranks.username} and (select count(*) from whole_name) < $7::int
    and username ~>~ case $4::int when ${ranks.username} then $5::text else $2::text end and username ~<~ $3::text
    and not exists (select from profiles where user_id = id and search_name = $2::text offset 0)
    and ${notBlocked('users.id', reader)}
  order by username using ~<~ limit $7::int
), by_name as (
  select ${ranks.name} as rank, search_name as key, user_id
  from profiles
  where (select count(*) from whole_name) + (select count(*) from by_username) < $7::int
    and (search_name, user_id) ~>~ (
      case $4::int when ${ranks.name} then $5::text else $2::text end,
      case $4::int when ${ranks.name} then $6::text else ${afterAnyId} end)
    and search_name ~<~ $3::text
    and not exists (select from users where id = user_id and username ~>=~ $2::text and username ~<~ $3::text offset 0)
    and ${notBlocked('user_id', reader)}
  order by search_name using ~<~, user_id using ~<~ limit $7::int
), matches as (
  select rank, key, user_id, row_number() over (order by rank, key using ~<~, user_id using ~<~) as ordinal
  from (table whole_username union all table whole_name union all table by_username union all table by_name) as found
  order by ordinal limit $7::int
)`;

const asked = `(
  select $1::text as viewer_id, user_id, ordinal, null::timestamptz as since, rank, key from matches
) as asked`;

/** The matches that `matches` finds, with their users by primary key. */
const withUsers = (matches: string, reader: Reader) =>
  selectUsers(asked, {
    ...reader,
    columns: { rank: 'asked.rank', key: 'asked.key' },
    before: matches,
    after: 'order by asked.ordinal',
  });

export const searchUsersByText = forBoth('search_users', (reader) => withUsers(matches(reader), reader));

/** An e-mail address without case, as its index has it: in any database in the same way. */
const foldedEmail = `lower(email collate "C")`;

/**
 * Users by their e-mail addresses in any case, byte by byte, then by id, for an administrator, who is $1: those after text
 * $2 and id $3, and before text $4; at most $5. A range of the index of (folded e-mail, id).
 */
export const searchUsersByEmail: Statement = {
  name: 'search_users_by_email',
  ...withUsers(
    `
with by_email as (
  select ${ranks.email} as rank, ${foldedEmail} as key, id as user_id
  from users
  where email is not null and (${foldedEmail}, id) ~>~ ($2::text, $3::text) and ${foldedEmail} ~<~ $4::text
  order by ${foldedEmail} using ~<~, id using ~<~ limit $5::int
), matches as (
  select rank, key, user_id, row_number() over (order by key using ~<~, user_id using ~<~) as ordinal from by_email
)`,
    { asAdministrator: true },
  ),
};

export type MatchRow = UserRow & { rank: number; key: string };
