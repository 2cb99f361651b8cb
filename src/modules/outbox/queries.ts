import { announcingWork } from '../../platform/announcements.ts';
import type { Statement } from '../../platform/database.ts';
import { polling } from '../../platform/worker.ts';

/**
 * Notes a $2 wish of $1 user, and wakes who sends it. One that waits gives way: the new one has a number of
 * its own, so that whoever is sending the old one doesn't take it for done, and its lease, so that the two aren't sent at
 * the same moment and arrive in whatever order.
 */
export const upsertWish: Statement = {
  name: 'upsert_wish',
  text: `
with wish as (
  insert into clerk_outbox (user_id, kind) values ($1, $2::outbox_kind)
  on conflict (user_id, kind) do update set
    id = excluded.id, attempts = 0, next_attempt_at = excluded.next_attempt_at, last_error = null,
    created_at = excluded.created_at
  returning id
)
select ${announcingWork('outbox')}::text from wish`,
};

/** Takes back the $2 wish of $1 user, but one that is being sent: the number of that. By unique index. */
export const withdrawWish: Statement = {
  name: 'withdraw_wish',
  text: `
with withdrawn as (
  delete from clerk_outbox
  where user_id = $1 and kind = $2::outbox_kind and (leased_until is null or leased_until <= now())
  returning id
)
select id from clerk_outbox
where user_id = $1 and kind = $2::outbox_kind and id not in (select id from withdrawn)`,
};

const nextWish = (which: string): string => `
  select id from clerk_outbox
  where ${which} and next_attempt_at <= now() and (leased_until is null or leased_until <= now())
  order by next_attempt_at limit 1
  for update skip locked`;

/**
 * Takes the wish that has waited longest for its time, for $1 milliseconds; copies only where nothing else waits, since an
 * import makes many of them at once. By index clerk_outbox(next_attempt_at), and its like of all but copies.
 */
export const takeWish: Statement = {
  name: 'take_wish',
  text: `${polling}
update clerk_outbox set attempts = attempts + 1, leased_until = now() + $1 * interval '1 millisecond'
where id = coalesce((${nextWish(`kind in ('DELETE_USER', 'REFRESH', 'USERNAME')`)}), (${nextWish('true')}))
returning id, user_id as "userId", kind, attempts, leased_until as "leasedUntil"`,
};

/** The wish of $1 number is done; no row where a newer one took its place. By primary key. */
export const removeWish: Statement = {
  name: 'remove_wish',
  text: 'delete from clerk_outbox where id = $1::bigint returning id',
};

/**
 * The $2 wish of $1 user, which took the place of one that was taken until $3, may be sent; but if that time was over, and
 * somebody else has taken it meanwhile. By unique index.
 */
export const releaseWish: Statement = {
  name: 'release_wish',
  text: `
update clerk_outbox set leased_until = null
where user_id = $1 and kind = $2::outbox_kind and leased_until = $3::timestamptz`,
};

/** The wish of $1 number is tried again in $2 milliseconds, because of $3; no row where a newer one took its place. */
export const postponeWish: Statement = {
  name: 'postpone_wish',
  text: `
update clerk_outbox set leased_until = null, next_attempt_at = now() + $2 * interval '1 millisecond', last_error = $3
where id = $1::bigint
returning id`,
};

/** What waits to be sent, by kind: how many, and since when the oldest does. Reads the whole table, which is short. */
export const pendingWishes: Statement = {
  name: 'pending_wishes',
  text: `
select kind, count(*)::int as count, min(created_at) as "oldestAt"
from clerk_outbox group by kind order by kind`,
};
