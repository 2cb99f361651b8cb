import type { Statement } from '../../platform/database.ts';
import { completionFields } from './completion.ts';
import { filledInSql } from './completion-sql.ts';

/** Per field, in the order of `completionFields`. */
const filled = completionFields.map(({ name }) => filledInSql[name]);
const isFilled = (index: number) => `filled[${index + 1}]`;
const filledCount = filled.map((_, index) => `${isFilled(index)}::int`).join(' + ');
const missing = filled.map((_, index) => `count(*) filter (where not ${isFilled(index)})::int`).join(', ');

/**
 * All users by the number of their filled fields: at most one row more than there are fields. It reads each table once, from
 * end to end: no index could tell.
 */
export const completionCounts: Statement = {
  name: 'completion_counts',
  text: `
select ${filledCount} as "filledCount", count(*)::int as users, count(completed_at)::int as complete,
  array[${missing}] as missing
from (
  select profiles.completed_at, array[
    ${filled.join(',\n    ')}] as filled
  from users
  join profiles on profiles.user_id = users.id
  left join pictures picture on picture.user_id = users.id and picture.is_active
  -- Keeps the array from being made anew for each of its items.
  offset 0
) as facts
group by 1`,
};

export interface CompletionCountsRow {
  filledCount: number;
  users: number;
  /** Marked as complete. */
  complete: number;
  /** Per field, those in whom it is empty. */
  missing: number[];
}

/** New users and completions on each of the last $1 days in UTC, today the last of them. From end to end, as above. */
export const countsByDay: Statement = {
  name: 'counts_by_day',
  text: `
with bounds as (
  select (now() at time zone 'UTC')::date as today, (now() at time zone 'UTC')::date - ($1::int - 1) as start
), sign_ups as (
  select (created_at at time zone 'UTC')::date as day, count(*)::int as count
  from users where created_at >= (select start at time zone 'UTC' from bounds) group by 1
), completions as (
  select (completed_at at time zone 'UTC')::date as day, count(*)::int as count
  from profiles where completed_at >= (select start at time zone 'UTC' from bounds) group by 1
)
select to_char(day, 'YYYY-MM-DD') as day, coalesce(sign_ups.count, 0) as "signUps",
  coalesce(completions.count, 0) as completions
from bounds
cross join lateral (select start + step as day from generate_series(0, today - start) as step) as days
left join sign_ups using (day)
left join completions using (day)
order by day`,
};

export interface CountsByDayRow {
  /** YYYY-MM-DD */
  day: string;
  signUps: number;
  completions: number;
}
