import type { Statement } from '../../platform/database.ts';
import { polling } from '../../platform/worker.ts';

/** Users who were deleted and are not erased yet, first come first. By partial index. */
export const closedUsers: Statement = {
  name: 'closed_users',
  text: `${polling}
select id as "userId" from users where closed_at is not null order by closed_at limit 20`,
};

/**
 * Removes at most $2 rows of $1 user from a table, and answers how many it found. Triggers count the others down, and lock
 * them in the order in which everybody does.
 */
const removal = (table: string, column: string): Statement => ({
  name: `erase_${table}_by_${column}`,
  text: `
with gone as (
  delete from ${table}
  where ctid = any(array(select ctid from ${table} where ${column} = $1 limit $2))
  returning 1
)
select count(*)::int as count from gone`,
});

/** What may be too much for one transaction: each a statement that removes some of it, by an index of the table. */
export const removals: Statement[] = [
  removal('events', 'user_id'),
  removal('audit_entries', 'user_id'),
  removal('follows', 'follower_id'),
  removal('follows', 'followee_id'),
  removal('follow_requests', 'requester_id'),
  removal('follow_requests', 'requestee_id'),
  removal('blocks', 'blocker_id'),
  removal('blocks', 'blocked_id'),
  removal('crew_member_follows', 'user_id'),
  removal('studio_follows', 'user_id'),
  removal('sync_sessions', 'user_id'),
  {
    name: 'erase_pictures',
    text: `
with gone as (
  delete from pictures
  where ctid = any(array(select ctid from pictures where user_id = $1 limit $2))
  returning file_keys
), asked as (
  insert into file_removals (key)
  select distinct key from gone cross join lateral unnest(file_keys) as key order by key
  on conflict (key) do update set requested_at = excluded.requested_at
)
select count(*)::int as count from gone`,
  },
  {
    name: 'forget_deliveries',
    text: `
with forgotten as (
  update webhook_deliveries set user_id = null
  where id = any(array(select id from webhook_deliveries where user_id = $1 limit $2))
  returning 1
)
select count(*)::int as count from forgotten`,
  },
];

/**
 * Locks whatever removing the row of $1 user changes by its triggers, in the order in which every other change locks them:
 * their privacy, what they follow of the catalogue, and, by id, all users whose counts will change, they among them. By
 * primary key and by the indexes of follows, requests and blocks; by now there is little of it.
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
