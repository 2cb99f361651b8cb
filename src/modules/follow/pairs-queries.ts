import type { Statement } from '../../platform/database.ts';

/**
 * Changes of many pairs at once: $1 is a JSON array of viewer_id, other_id, is_to_follow and ordinal, in which no user stands
 * twice. It locks as `pairFacts` does, and in the same order, but waits for nobody. A pair of which somebody is locked, was
 * changed since the statement began, blocks the other or isn't there has no row in the answer, and nothing of it is done:
 * the statement of a single pair says what becomes of it. All of it is by primary key.
 */
const openPairs = `
input as materialized (
  select viewer_id, other_id, is_to_follow, ordinal
  from json_to_recordset($1::json) as input (viewer_id text, other_id text, is_to_follow bool, ordinal int)
),
unblocked as materialized (
  select viewer_id, other_id, is_to_follow, ordinal
  from input
  where not exists (select from blocks where blocker_id = viewer_id and blocked_id = other_id offset 0)
    and not exists (select from blocks where blocker_id = other_id and blocked_id = viewer_id offset 0)
),
settings as materialized (
  select user_id, profile from privacy
  where user_id = any(array(select viewer_id from input union all select other_id from input))
  order by user_id for share skip locked
),
locked as materialized (
  select users.id, users.xmin = seen.xmin as is_current
  from users join users seen on seen.id = users.id
  where users.id = any(array(select user_id from settings)) and users.closed_at is null
  order by users.id for no key update of users skip locked
),
ready as materialized (
  select ordinal, viewer_id, other_id, is_to_follow, settings.profile
  from unblocked
  join locked viewer on viewer.id = viewer_id and viewer.is_current
  join locked other on other.id = other_id and other.is_current
  join settings on settings.user_id = other_id
)`;

/**
 * Each viewer follows the other, or asks to where the profile isn't PUBLIC; or no longer does either. Both by one statement, since
 * much of what it costs is the same for one pair and for many. What stands between two is looked up pair by pair: how many there
 * are the planner doesn't know, and it would join a table of some thousand rows whole.
 */
export const changeFollows: Statement = {
  name: 'change_follows',
  text: `
with ${openPairs},
step as materialized (
  select ordinal, viewer_id, other_id, follow.ctid as follow_row, request.ctid as request_row,
    follow.created_at as followed_at, request.created_at as requested_at,
    case
      when not is_to_follow then 'NONE'
      when follow.created_at is not null then 'FOLLOWING'
      when profile = 'PUBLIC' then 'FOLLOW'
      when request.created_at is not null then 'REQUESTED'
      else 'REQUEST'
    end as name
  from ready
  left join lateral (
    select ctid, created_at from follows where follower_id = viewer_id and followee_id = other_id offset 0
  ) as follow on true
  left join lateral (
    select ctid, created_at from follow_requests where requester_id = viewer_id and requestee_id = other_id offset 0
  ) as request on true
),
unfollowed as (
  delete from follows where ctid = any(array(select follow_row from step where name = 'NONE'))
  returning follower_id as user_id
),
withdrawn as (
  delete from follow_requests where ctid = any(array(select request_row from step where name in ('NONE', 'FOLLOW')))
  returning requester_id as user_id
),
noted as (
  insert into removals (user_id, kind)
  select viewer_id, 'FOLLOW' from step
  where name = 'NONE' and viewer_id in (select user_id from unfollowed union all select user_id from withdrawn)
  order by viewer_id
  on conflict (user_id, kind) do update set at = excluded.at
),
followed as (
  insert into follows (follower_id, followee_id) select viewer_id, other_id from step where name = 'FOLLOW'
  returning follower_id, created_at
),
requested as (
  insert into follow_requests (requester_id, requestee_id) select viewer_id, other_id from step where name = 'REQUEST'
  returning requester_id, created_at
)
select ordinal - 1 as index,
  case name when 'FOLLOW' then 'FOLLOWING' when 'REQUEST' then 'REQUESTED' else name end as outcome,
  case name
    when 'FOLLOW' then (select created_at from followed where follower_id = viewer_id)
    when 'REQUEST' then (select created_at from requested where requester_id = viewer_id)
    when 'FOLLOWING' then followed_at
    when 'REQUESTED' then requested_at
  end as since
from step`,
};
