import { badUserInput } from '../../errors.ts';
import type { Database } from '../../platform/database.ts';
import { completionFields, toPercentage } from './completion.ts';
import { filledFieldsOf } from './completion-sql.ts';
import { type CompletionCountsRow, type CountsByDayRow, completionCounts, countsByDay } from './stats-queries.ts';

export const maxDays = 365;

export interface FieldCount {
  field: string;
  users: number;
}

export interface DayCount {
  /** YYYY-MM-DD, in UTC. */
  day: string;
  count: number;
}

/** How users fill their profiles, and how many came and finished on which day. */
export interface ProfileStats {
  users: number;
  completeProfiles: number;
  /** Users at 0 to 9 percent, at 10 to 19, ..., at 100. */
  completionHistogram: number[];
  missingFields: FieldCount[];
  signUps: DayCount[];
  completions: DayCount[];
}

/** Two statements, whatever is asked. Throws BAD_USER_INPUT for days outside 1 to 365. */
export async function readProfileStats({ db }: { db: Pick<Database, 'query'> }, days: number): Promise<ProfileStats> {
  if (days < 1 || days > maxDays) throw badUserInput(`Expected 1 to ${maxDays} days, and got ${days}.`);
  const [rows, byDay] = await Promise.all([
    db.query<CompletionCountsRow>(completionCounts, []),
    db.query<CountsByDayRow>(countsByDay, [days]),
  ]);
  const groups = rows.map(({ filled, ...counts }) => ({ ...counts, fields: new Set(filledFieldsOf(filled)) }));
  return {
    users: sum(groups.map(({ users }) => users)),
    completeProfiles: sum(groups.map(({ complete }) => complete)),
    completionHistogram: toHistogram(groups),
    missingFields: completionFields.map(({ name }) => ({
      field: name,
      users: sum(groups.filter(({ fields }) => !fields.has(name)).map(({ users }) => users)),
    })),
    signUps: byDay.map(({ day, signUps }) => ({ day, count: signUps })),
    completions: byDay.map(({ day, completions }) => ({ day, count: completions })),
  };
}

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);

/** Users who filled the same completion fields. */
interface Group {
  fields: Set<string>;
  users: number;
}

const toHistogram = (groups: Group[]) =>
  Array.from({ length: 11 }, (_, step) =>
    sum(groups.filter(({ fields }) => Math.floor(toPercentage(fields.size) / 10) === step).map(({ users }) => users)),
  );
