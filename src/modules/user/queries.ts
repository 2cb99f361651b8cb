import type { Statement } from '../../platform/database.ts';
import { selectOneself, selectUsers } from './columns.ts';
import { forBoth } from './reader.ts';
import { tombstoneOf } from './tombstone.ts';

/**
 * Who asks for whom: $1, a JSON array that `toJson` writes. As JSON, since the planner takes an array of one for so much
 * cheaper than one of any length that it would plan each reading anew, which costs three times the reading.
 */
const asked = 'json_to_recordset($1::json) as asked (viewer_id text, user_id text, username text, ordinal int)';

export const toJson = (
  asked: readonly { viewerId: string | null; userId?: string | null; username?: string }[],
): string =>
  JSON.stringify(
    asked.map(({ viewerId, userId, username }, index) => ({
      viewer_id: viewerId,
      user_id: userId,
      username,
      ordinal: index + 1,
    })),
  );

/** Users as they see themselves. By primary keys, and the index of one active picture a user. */
export const oneself: Statement = { name: 'oneself', ...selectOneself(asked) };

/** Users by their ids. */
export const usersByPair = forBoth('users_for_viewers', (reader) =>
  selectUsers(`(select viewer_id, user_id, ordinal, null::timestamptz as since from ${asked}) as asked`, reader),
);

const named = `(
  select viewer_id, ordinal, null::timestamptz as since, coalesce(
    (select id from users where username = asked.username),
    (select user_id from username_history where username = asked.username and released_at is not null
     order by released_at desc limit 1)) as user_id
  from ${asked}
) as asked`;

/** Users by a name: who has it, else the last who had it. By unique index, then by history. */
export const userByUsername = forBoth('user_by_username', (reader) => selectUsers(named, reader));

/** Which of $1 user ids are those of deleted users, by primary key. */
export const deletedAmong: Statement = {
  name: 'deleted_among',
  text: `
select id as "userId" from unnest($1::text[]) as id
where exists (select from tombstones where id_hash = ${tombstoneOf('id')})`,
};

/** The picture revisions of $1 user ids, by primary key. */
export const pictureRevisions: Statement = {
  name: 'picture_revisions',
  text: 'select id as "userId", picture_revision as revision from users where id = any($1::text[])',
};

/** The profile revisions of $1 user ids, by primary key. */
export const profileRevisions: Statement = {
  name: 'profile_revisions',
  text: 'select user_id as "userId", revision from profiles where user_id = any($1::text[])',
};

/** The preferences revisions of $1 user ids, by primary key. */
export const preferencesRevisions: Statement = {
  name: 'preferences_revisions',
  text: 'select user_id as "userId", revision from preferences where user_id = any($1::text[])',
};
