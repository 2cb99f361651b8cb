import type { Statement } from '../../platform/database.ts';
import { polling } from '../../platform/worker.ts';
import { requestRemovals } from '../picture/file-removals.ts';

/** Users who were deleted and are not erased yet, first come first. By partial index. */
export const closedUsers: Statement = {
  name: 'closed_users',
  text: `${polling}
select id as "userId" from users where closed_at is not null order by closed_at limit 20`,
};

/** A statement that removes at most $2 of the rows of $1 user that `rows` describes. */
interface Removal extends Statement {
  rows: string;
}

/** Triggers count the others down, and lock them in the order in which everybody does. */
const removal = (table: string, column: string): Removal => {
  const rows = `${table} where ${column} = $1`;
  return {
    name: `erase_${table}_by_${column}`,
    rows,
    text: `delete from ${table} where ctid = any(array(select ctid from ${rows} limit $2))`,
  };
};

/** What may be too much for one transaction: each removes some of it, by an index of the table. */
export const removals: Removal[] = [
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
    rows: 'pictures where user_id = $1',
    text: `
with gone as (
  delete from pictures
  where ctid = any(array(select ctid from pictures where user_id = $1 limit $2))
  returning file_keys
)${requestRemovals}`,
  },
  // The last one: of these there is no index by user, and they are looked through once the rest is gone.
  {
    name: 'forget_deliveries',
    rows: 'webhook_deliveries where user_id = $1',
    text: `
update webhook_deliveries set user_id = null
where id = any(array(select id from webhook_deliveries where user_id = $1 limit $2))`,
  },
];

/** The place of the first of `removals` that has something to remove of $1 user; null where nothing is left. */
export const nextRemoval: Statement = {
  name: 'next_removal',
  text: `
select case
${removals.map(({ rows }, place) => `  when exists (select from ${rows}) then ${place}`).join('\n')}
end as place`,
};

/**
 * Forgets deliveries of so long ago that Clerk has long given them up, some at a time; but the newest, whose age tells of a
 * route that is dead. By index webhook_deliveries(received_at).
 */
export const forgetOldDeliveries: Statement = {
  name: 'forget_old_deliveries',
  text: `${polling}
delete from webhook_deliveries
where id = any(array(
  select id from webhook_deliveries
  where received_at < now() - interval '30 days'
    and received_at < (select max(received_at) from webhook_deliveries)
  order by received_at limit 5000
  for update skip locked))`,
};

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
