import type { Statement } from './database.ts';

/** SQL by the name that its value has in a row; a hundred at most, as `json_build_array` takes them. */
export type Columns = Readonly<Record<string, string>>;

/** What a statement selects, and what stands around that. */
export interface Selection {
  /** Common table expressions. */
  before?: string;
  /** What is asked for: a table, with its alias. */
  asked: string;
  /** Of each row of it, and of what `from` finds for that row. */
  columns: Columns;
  /** Names of the columns that are times: JSON knows none. */
  times: ReadonlySet<string>;
  /** From `from` on. */
  from: string;
  /** In which order. */
  after?: string;
}

/**
 * A statement whose rows are one column each, a JSON array of all their values. pg reads and describes sixty columns one by
 * one, with each answer anew, which takes longer than PostgreSQL takes to write them as JSON; by their names, they would be
 * twice as long. What is asked for is looked up row by row: how many rows that are the planner doesn't know, and, taking
 * them for a hundred, it would read tables of some thousand rows whole and join them.
 */
export function selectArrays({
  before = '',
  asked,
  columns,
  times,
  from,
  after = '',
}: Selection): Omit<Statement, 'name'> {
  const Row = createRowClass(Object.keys(columns), times);
  return {
    text: `${before}
select record.row from ${asked}
cross join lateral (
  select json_build_array(${Object.values(columns).join(', ')}) as row
  ${from}
  offset 0
) as record
${after}`,
    toRow: ({ row }: { row: unknown[] }) => new Row(row),
  };
}

/** Rows that look their values up when they are asked for them: to write all of them down again would cost more. */
function createRowClass(names: readonly string[], times: ReadonlySet<string>) {
  class Row {
    readonly answered: readonly unknown[];

    constructor(answered: readonly unknown[]) {
      this.answered = answered;
    }
  }
  for (const [at, name] of names.entries()) {
    const read = times.has(name)
      ? ({ answered }: Row) => toTime(answered[at] as string | null)
      : ({ answered }: Row) => answered[at];
    Object.defineProperty(Row.prototype, name, {
      get(this: Row) {
        return read(this);
      },
    });
  }
  return Row;
}

const toTime = (text: string | null): Date | null => (text === null ? null : new Date(text));
