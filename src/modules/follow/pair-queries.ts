import type { Statement } from '../../platform/database.ts';
import { noted } from '../user/removals.ts';

/**
 * Whatever changes how two users stand to each other is one statement on $1 viewer and $2 other user. It locks, always in this order, first the privacy of both, so that a request can't slip past a profile that
 * becomes PUBLIC, then both users, in the order of their ids. Who had to wait there reads from a snapshot that is older
 * than what was waited for: `is_current` tells by the rows' versions, since each such change counts in one of the two,
 * and a statement that isn't current writes nothing. All of it is by primary key.
 */
const lockedSettings = `
settings as materialized (
  select user_id, profile from privacy where user_id in ($1, $2) order by user_id for share
)`;

/** The facts of the pair, as `facts`: one row. */
export const pairFacts = `${lockedSettings},
pair as materialized (
  select users.id, users.xmin = seen.xmin as is_current
  from (select count(*) from settings) as locked, users
  join users seen on seen.id = users.id
  where users.id in ($1, $2) and users.closed_at is null
  order by users.id for no key update of users
),
facts as materialized (
  select count(*) = 2 as are_there, coalesce(bool_and(is_current), true) as is_current,
    exists (select from blocks where blocker_id = $1 and blocked_id = $2) as blocks,
    exists (select from blocks where blocker_id = $2 and blocked_id = $1) as is_blocked
  from pair
)`;

/** The same locks alone, for a transaction whose next statement then is current. */
export const lockPair: Statement = {
  name: 'lock_pair',
  text: `
with ${lockedSettings}
select users.id from (select count(*) from settings) as locked, users
where users.id in ($1, $2)
order by users.id for no key update of users`,
};

/** Follows need two users of whom none blocks the other; else `obstacle` says why nothing is done. */
const openPair = `${pairFacts},
gate as materialized (
  select case
    when not is_current then 'STALE'
    when not are_there or blocks or is_blocked then 'MISSING'
  end as obstacle
  from facts
)`;

/** $1 follows $2, or asks to where the profile isn't PUBLIC. */
export const followUser: Statement = {
  name: 'follow_user',
  text: `
with ${openPair},
step as materialized (
  select coalesce(obstacle, case
    when exists (select from follows where follower_id = $1 and followee_id = $2) then 'FOLLOWING'
    when (select profile from settings where user_id = $2) = 'PUBLIC' then 'FOLLOW'
    when exists (select from follow_requests where requester_id = $1 and requestee_id = $2) then 'REQUESTED'
    else 'REQUEST'
  end) as name
  from gate
),
withdrawn as (
  delete from follow_requests using step where name = 'FOLLOW' and requester_id = $1 and requestee_id = $2
),
followed as (
  insert into follows (follower_id, followee_id) select $1, $2 from step where name = 'FOLLOW'
  on conflict do nothing returning created_at
),
requested as (
  insert into follow_requests (requester_id, requestee_id) select $1, $2 from step where name = 'REQUEST'
  on conflict do nothing returning created_at
)
select case name when 'FOLLOW' then 'FOLLOWING' when 'REQUEST' then 'REQUESTED' else name end as outcome,
  coalesce(
    (select created_at from followed),
    (select created_at from requested),
    (select created_at from follows where follower_id = $1 and followee_id = $2),
    (select created_at from follow_requests where requester_id = $1 and requestee_id = $2)) as since
from step`,
};

/** $1 no longer follows $2, nor asks to. */
export const unfollowUser: Statement = {
  name: 'unfollow_user',
  text: `
with ${openPair},
unfollowed as (
  delete from follows using gate where obstacle is null and follower_id = $1 and followee_id = $2 returning 1
),
withdrawn as (
  delete from follow_requests using gate where obstacle is null and requester_id = $1 and requestee_id = $2 returning 1
),
${noted(['FOLLOW'], 'exists (select from unfollowed) or exists (select from withdrawn)')}
select coalesce(obstacle, 'NONE') as outcome, null::timestamptz as since from gate`,
};

/** $1 lets $2 follow, who asked to. */
export const acceptRequest: Statement = {
  name: 'accept_follow_request',
  text: `
with ${openPair},
taken as (
  delete from follow_requests using gate where obstacle is null and requester_id = $2 and requestee_id = $1
  returning requester_id, requestee_id
),
accepted as (
  insert into follows (follower_id, followee_id) select requester_id, requestee_id from taken
  on conflict do nothing returning created_at
)
select coalesce(obstacle, case when exists (select from taken) then 'FOLLOWING' else 'MISSING' end) as outcome,
  coalesce(
    (select created_at from accepted),
    (select created_at from follows where follower_id = $2 and followee_id = $1)) as since
from gate`,
};

/** $1 doesn't let $2 follow, who asked to. */
export const declineRequest: Statement = {
  name: 'decline_follow_request',
  text: `
with ${openPair},
taken as (
  delete from follow_requests using gate where obstacle is null and requester_id = $2 and requestee_id = $1 returning 1
)
select coalesce(obstacle, case when exists (select from taken) then 'NONE' else 'MISSING' end) as outcome,
  null::timestamptz as since
from gate`,
};

/** $2 no longer follows $1; a request of theirs stays. */
export const removeFollow: Statement = {
  name: 'remove_follower',
  text: `
with ${openPair},
removed as (
  delete from follows using gate where obstacle is null and follower_id = $2 and followee_id = $1 returning 1
),
${noted(['FOLLOWER'], 'exists (select from removed)')}
select coalesce(obstacle, case when request.created_at is null then 'NONE' else 'REQUESTED' end) as outcome,
  request.created_at as since
from gate
left join follow_requests request on request.requester_id = $2 and request.requestee_id = $1`,
};
