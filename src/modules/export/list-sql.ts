import type { Statement } from '../../platform/database.ts';
import { instant, type JsonFields, jsonOf } from './json-sql.ts';

/** Something of which a user may have any number. */
export interface ExportList {
  /** Its file is `<name>.json`. */
  name: string;
  /** The next rows of $1 user, after the position that the other parameters are. */
  statement: Statement;
  /** The position before the first row. */
  start: string[];
}

/** A row as a JSON object, and where it stands on its list. */
export interface ListRow {
  entry: string;
  position: string[];
}

/** Rows of one statement: of the longest reviews, 8 MB. */
export const batchSize = 200;

/** By which columns a list is ordered, with their types: an index of the user and these. */
interface Order {
  columns: [column: string, type: 'timestamptz' | 'text' | 'int' | 'bigint' | 'uuid'][];
  direction: 'asc' | 'desc';
  start: string[];
}

interface ListSource {
  fields: JsonFields;
  /** Tables, and the condition that names $1 user. */
  from: string;
  order: Order;
  /** What is read beside entry and position. */
  extra?: string;
}

/** A list by its fields, its rows and its order. */
export function listOf(name: string, { fields, from, order, extra = '' }: ListSource): ExportList {
  const columns = order.columns.map(([column]) => column);
  const position = order.columns.map(([, type], index) => `$${index + 2}::${type}`);
  const text = `
select ${jsonOf(fields)}::text as entry, array[${columns.map((column) => `${column}::text`)}] as position${extra}
from ${from} and (${columns}) ${order.direction === 'desc' ? '<' : '>'} (${position})
order by ${columns.map((column) => `${column} ${order.direction}`)}
limit ${batchSize}`;
  return { name, start: order.start, statement: { name: `export_${name.replaceAll('-', '_')}`, text } };
}

/** Newest first; the second column tells rows of the same instant apart. */
export const newestFirst = (at: string, [item, type]: Order['columns'][number]): Order => ({
  columns: [
    [at, 'timestamptz'],
    [item, type],
  ],
  direction: 'desc',
  // Whatever the item, it comes before every row.
  start: ['infinity', type === 'text' ? '' : type === 'uuid' ? '00000000-0000-0000-0000-000000000000' : '0'],
});

/** By what tells rows apart alone. */
export const byText = (column: string): Order => ({ columns: [[column, 'text']], direction: 'asc', start: [''] });

interface Pairs {
  table: string;
  owner: string;
  other: string;
  order: Order;
  /** Leaves out whoever blocks $1 user, who may not know of it. */
  withoutBlockers?: boolean;
}

/** Others, with what is always visible of them. */
export const people = (name: string, { table, owner, other, order, withoutBlockers = true }: Pairs) =>
  listOf(name, {
    fields: { id: 'users.id', username: 'users.username', since: instant('pair.created_at') },
    from: `${table} pair
join users on users.id = pair.${other} and users.closed_at is null
where pair.${owner} = $1${withoutBlockers ? withoutBlockersOf(`pair.${other}`) : ''}`,
    order,
  });

/** As a value and not as `exists`, which the planner would make a join of, and then sort the whole list. */
const withoutBlockersOf = (other: string) => `
  and (select 1 from blocks where blocker_id = ${other} and blocked_id = $1) is null`;

/** What somebody follows of the catalogue. */
export const catalogue = (name: string, table: string) =>
  listOf(name, {
    fields: { tmdbId: 'follow.tmdb_id', since: instant('follow.created_at') },
    from: `${table} follow where follow.user_id = $1`,
    order: newestFirst('follow.created_at', ['follow.tmdb_id', 'int']),
  });
