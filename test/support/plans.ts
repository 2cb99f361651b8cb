import pg from 'pg';
import type { Statement } from '../../src/platform/database.ts';

/** What EXPLAIN tells of one step, all its runs together. */
export interface Step {
  type: string;
  index: string | undefined;
  table: string | undefined;
  /** Rows that it gave on. */
  rows: number;
  /** Rows that it read and threw away. */
  removed: number;
  /** Pages of 8 kB that it and the steps below it looked at. */
  pages: number;
}

interface PlanNode {
  'Node Type': string;
  'Index Name'?: string;
  'Relation Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
  Plans?: PlanNode[];
}

export const planModes = ['force_custom_plan', 'force_generic_plan'] as const;

/**
 * How PostgreSQL runs a named statement, for these very values or for any, as it comes to after a while. Runs it.
 */
export async function explain(
  client: pg.Client,
  { name, text }: Statement,
  values: readonly unknown[],
  mode: (typeof planModes)[number],
): Promise<Step[]> {
  await client.query(`set plan_cache_mode = ${mode}; deallocate all; prepare ${name} as ${text}`);
  const literals = values.map(toLiteral);
  const given = literals.length > 0 ? `(${literals.join()})` : '';
  const { rows } = await client.query(`explain (analyze, buffers, format json) execute ${name}${given}`);
  return toSteps(rows[0]['QUERY PLAN'][0].Plan);
}

function toLiteral(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (value instanceof Date) return pg.escapeLiteral(value.toISOString());
  return pg.escapeLiteral(Array.isArray(value) ? toArrayText(value) : String(value));
}

const toArrayText = (items: unknown[]) =>
  `{${items.map((item) => (item === null ? 'null' : JSON.stringify(item))).join()}}`;

function toSteps(node: PlanNode): Step[] {
  const loops = node['Actual Loops'];
  const step = {
    type: node['Node Type'],
    index: node['Index Name'],
    table: node['Relation Name'],
    // Averages over the runs, rounded.
    rows: Math.round(node['Actual Rows'] * loops),
    removed: Math.round((node['Rows Removed by Filter'] ?? 0) * loops),
    pages: node['Shared Hit Blocks'] + node['Shared Read Blocks'],
  };
  return [step, ...(node.Plans ?? []).flatMap(toSteps)];
}
