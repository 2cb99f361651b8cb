import type { Statement } from '../../platform/database.ts';

/**
 * The counts of some measures: the totals, by primary key, and whatever was not folded into them yet, which is a thousand
 * rows or two.
 */
const countsOf = (measures: string, from = '') => `
  select measure, key, sum(count)::int as count
  from (
    select measure, key, count from profile_counts where measure in (${measures}) ${from}
    union all
    select measure, key, change from profile_count_changes where measure in (${measures}) ${from}
  ) as counted
  group by measure, key`;

/** All users by which completion fields they filled, and how many of them are complete. */
export const completionCounts: Statement = {
  name: 'completion_counts',
  text: `
select key as filled, coalesce(sum(count) filter (where measure = 'USERS'), 0)::int as users,
  coalesce(sum(count) filter (where measure = 'COMPLETE'), 0)::int as complete
from (${countsOf(`'USERS', 'COMPLETE'`)}
) as counts
group by key`,
};

export interface CompletionCountsRow {
  /** The bits of the fields that are filled. */
  filled: number;
  users: number;
  /** Marked as complete. */
  complete: number;
}

/** New users and completions on each of the last $1 days in UTC, today the last of them. */
export const countsByDay: Statement = {
  name: 'counts_by_day',
  text: `
with bounds as (
  select (now() at time zone 'UTC')::date - date '1970-01-01' as today
), counts as (${countsOf(`'SIGN_UPS', 'COMPLETIONS'`, 'and key > (select today from bounds) - $1::int')}
)
select to_char(date '1970-01-01' + day, 'YYYY-MM-DD') as day, coalesce(sign_ups.count, 0) as "signUps",
  coalesce(completions.count, 0) as completions
from bounds
cross join lateral generate_series(today - $1::int + 1, today) as day
left join counts sign_ups on sign_ups.measure = 'SIGN_UPS' and sign_ups.key = day
left join counts completions on completions.measure = 'COMPLETIONS' and completions.key = day
order by day`,
};

export interface CountsByDayRow {
  /** YYYY-MM-DD */
  day: string;
  signUps: number;
  completions: number;
}
