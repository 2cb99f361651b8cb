import type { Statement } from '../../platform/database.ts';

/**
 * Locks whatever deleting $1 user changes by its triggers, in the order in which every other change locks them: their
 * privacy, what they follow of the catalogue, and, by id, all users whose counts will change, they among them. By primary
 * key and by the indexes of follows, requests and blocks.
 */
export const lockAccount: Statement[] = [
  { name: 'lock_account_privacy', text: 'select from privacy where user_id = $1 for update' },
  {
    name: 'lock_account_crew_members',
    text: `
select from crew_members
where tmdb_id in (select tmdb_id from crew_member_follows where user_id = $1)
order by tmdb_id for no key update`,
  },
  {
    name: 'lock_account_studios',
    text: `
select from studios
where tmdb_id in (select tmdb_id from studio_follows where user_id = $1)
order by tmdb_id for no key update`,
  },
  {
    name: 'lock_account_users',
    text: `
select from users
where id in (
  select $1
  union all select followee_id from follows where follower_id = $1
  union all select follower_id from follows where followee_id = $1
  union all select requestee_id from follow_requests where requester_id = $1
  union all select blocker_id from blocks where blocked_id = $1
)
order by id for no key update`,
  },
];

/** Those of $1 files that no picture needs, by the index of pictures' files. */
export const unneededFiles: Statement = {
  name: 'unneeded_files',
  text: `
select key from unnest($1::text[]) as key
where not exists (select from pictures where file_keys @> array[key])`,
};
