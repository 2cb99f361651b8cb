import type { Statement } from './database.ts';

/** SQL by the name that its value has in a row; a hundred at most, as `json_build_array` takes them. */
export type Columns = Readonly<Record<string, string>>;

/** What a statement selects, and what stands around that. */
export interface Selection {
  columns: Columns;
  /** Names of the columns that are times: JSON knows none. */
  times: ReadonlySet<string>;
  /** Common table expressions. */
  before?: string;
  /** From `from` on. */
  from: string;
}

/**
 * A statement whose rows are one column each, a JSON array of all their values. pg reads and describes sixty columns one by
 * one, with each answer anew, which takes longer than PostgreSQL takes to write them as JSON; by their names, they would be
 * twice as long.
 */
export function selectArrays({ columns, times, before = '', from }: Selection): Omit<Statement, 'name'> {
  const names = Object.keys(columns);
  const timesAt = names.map((name) => times.has(name));
  return {
    text: `${before}
select json_build_array(${Object.values(columns).join(', ')}) as row
${from}`,
    toRow({ row: values }: { row: unknown[] }) {
      const row: Record<string, unknown> = {};
      for (let at = 0; at < names.length; at++) {
        const value = values[at];
        row[names[at] as string] = timesAt[at] && value !== null ? new Date(value as string) : value;
      }
      return row;
    },
  };
}
