import pg from 'pg';
import { vi } from 'vitest';

/** A statement as the server sent it. */
export interface SentStatement {
  name: string;
  text: string;
  values: unknown[];
}

/** Does something, and answers its result with the statements that any server of this process sent meanwhile. */
export async function withStatements<Result>(
  work: () => Promise<Result>,
): Promise<{ result: Result; statements: SentStatement[] }> {
  const spy = vi.spyOn(pg.Client.prototype, 'query');
  try {
    const result = await work();
    const statements = spy.mock.calls.flatMap(([sent]) => {
      const { name = '', text, values = [] } = sent as unknown as Partial<SentStatement>;
      return text === undefined ? [] : [{ name, text, values }];
    });
    return { result, statements };
  } finally {
    spy.mockRestore();
  }
}

/** One step of a plan, all its runs together. */
export interface Step {
  type: string;
  table: string | undefined;
  index: string | undefined;
  /** Rows that it gave on, or read and threw away. */
  rows: number;
}

export interface Plan {
  steps: Step[];
  /** Pages of 8 kB that were looked at. */
  buffers: number;
}

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Index Recheck'?: number;
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
  Plans?: PlanNode[];
}

export const planModes = ['force_custom_plan', 'force_generic_plan'] as const;

/** How PostgreSQL runs a statement that was sent: for these very values, or for any, as it comes to after a while. */
export async function explain(
  client: pg.Client,
  { text, values }: SentStatement,
  mode: (typeof planModes)[number],
): Promise<Plan> {
  await client.query(`set plan_cache_mode = ${mode}; deallocate all; prepare sent as ${text}`);
  const literals = values.length > 0 ? `(${values.map(toLiteral).join()})` : '';
  const { rows } = await client.query(`explain (analyze, buffers, format json) execute sent${literals}`);
  const root = rows[0]['QUERY PLAN'][0].Plan as PlanNode;
  return { steps: toSteps(root), buffers: root['Shared Hit Blocks'] + root['Shared Read Blocks'] };
}

function toLiteral(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return pg.escapeLiteral(`{${value.map((item) => JSON.stringify(item)).join()}}`);
  return pg.escapeLiteral(value instanceof Date ? value.toISOString() : String(value));
}

function toSteps(node: PlanNode): Step[] {
  const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
  const step = {
    type: node['Node Type'],
    table: node['Relation Name'],
    index: node['Index Name'],
    rows: Math.round((node['Actual Rows'] + removed) * node['Actual Loops']),
  };
  return [step, ...(node.Plans ?? []).flatMap(toSteps)];
}
