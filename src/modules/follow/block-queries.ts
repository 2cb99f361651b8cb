import type { Statement } from '../../platform/database.ts';
import { noted } from '../user/removals.ts';
import { pairFacts } from './pair-queries.ts';

/** Audit entry $3 of $1 viewer, where the condition holds. */
const audited = (action: string, condition: string): string => `
audited as (
  insert into audit_entries (id, user_id, action, actor, changed_fields)
  select $3::uuid, $1, '${action}', 'OWNER', '{}' where ${condition}
)`;

/** $1 blocks $2: follows and requests end both ways. Nothing where $2 blocks $1 already. */
export const blockPair: Statement = {
  name: 'block_user',
  text: `
with ${pairFacts},
step as materialized (
  select case
    when not is_current then 'STALE'
    when not are_there or (is_blocked and not blocks) then 'MISSING'
    when blocks then 'KEEP'
    else 'BLOCK'
  end as name
  from facts
),
blocked as (
  insert into blocks (blocker_id, blocked_id) select $1, $2 from step where name = 'BLOCK'
  on conflict do nothing
),
unfollowed as (
  delete from follows using step
  where name = 'BLOCK' and ((follower_id = $1 and followee_id = $2) or (follower_id = $2 and followee_id = $1))
  returning 1
),
withdrawn as (
  delete from follow_requests using step
  where name = 'BLOCK' and ((requester_id = $1 and requestee_id = $2) or (requester_id = $2 and requestee_id = $1))
  returning 1
),
${noted(['FOLLOW', 'FOLLOWER'], 'exists (select from unfollowed) or exists (select from withdrawn)')},
${audited('block.created', `(select name = 'BLOCK' from step)`)}
select name as outcome, null::timestamptz as since from step`,
};

/** $1 no longer blocks $2. What the block ended stays ended. */
export const unblockPair: Statement = {
  name: 'unblock_user',
  text: `
with ${pairFacts},
step as materialized (
  select case
    when not is_current then 'STALE'
    when not are_there or (is_blocked and not blocks) then 'MISSING'
    else 'UNBLOCK'
  end as name
  from facts
),
unblocked as (
  delete from blocks using step where name = 'UNBLOCK' and blocker_id = $1 and blocked_id = $2 returning 1
),
${noted(['BLOCK'], 'exists (select from unblocked)')},
${audited('block.deleted', 'exists (select from unblocked)')}
select name as outcome, null::timestamptz as since from step`,
};
