import type { Candidate } from './candidates.ts';
import { ratioOf, type Slice, type Slices, totalMs } from './measure.ts';
import { type OperationName, operations } from './operations.ts';
import { memoryOf } from './processor-time.ts';
import type { Running } from './running.ts';
import type { DataSize } from './sizes.ts';
import { median } from './statistics.ts';
import { describeSurroundings, versionOf } from './surroundings.ts';
import { against, figure, toTable } from './table.ts';
import { maxTailRatio, targets } from './targets.ts';

export interface PeersRun {
  results: ReadonlyMap<OperationName, Slices>;
  /** Still running, so that their memory can be looked at. */
  running: readonly Running[];
  size: DataSize;
}

/** What a run of all candidates found, as tables. */
export async function peersReport({ results, running, size }: PeersRun): Promise<string> {
  const names = running.map(({ name }) => name);
  const [first] = running;
  if (!first) return '';
  return [
    await describeSurroundings(first.database.client, size),
    'Processor time a request, server and PostgreSQL together, as a multiple of the first column:',
    toTable([
      ['', ...names.map((name) => name)],
      ...[...results].map(([name, slices]) => multiplesRow(name, slices, names)),
    ]),
    names.includes('visage') && names.length > 1 && comparisonTable(results, names),
    'Milliseconds a request of processor time, as server + PostgreSQL, and how long 16 connections waited, p50 / p99:',
    toTable([['', ...names], ...[...results].flatMap(([name, slices]) => detailRows(name, slices, names))]),
    'Memory in the end, and at most:',
    toTable([
      ['', ...names],
      ['MB', ...(await Promise.all(running.map(memoryText)))],
    ]),
    (await Promise.all(running.map(({ candidate }) => candidateText(candidate)))).join('\n'),
  ]
    .filter(Boolean)
    .join('\n\n');
}

function multiplesRow(name: OperationName, slices: Slices, names: string[]): string[] {
  const [base = ''] = names;
  const baseMs = figure(median((slices.get(base) ?? []).map(totalMs)));
  const others = names.slice(1).map((other) => {
    const target = base === 'limit' && other === 'visage' ? targets[name].limit : undefined;
    return against(ratioOf(slices, other, base), target);
  });
  return [operations[name].title, `1 (${baseMs} ms)`, ...others];
}

/** How Visage stands to the peers, and how even its answers come. */
function comparisonTable(results: PeersRun['results'], names: string[]): string {
  const peers = names.filter((name) => !['limit', 'visage'].includes(name)) as (keyof (typeof targets)['me'])[];
  const rows = [...results].map(([name, slices]) => [
    operations[name].title,
    ...peers.map((peer) => against(ratioOf(slices, 'visage', peer), targets[name][peer])),
    against(median((slices.get('visage') ?? []).map(({ p50Ms, p99Ms }) => p99Ms / p50Ms)), maxTailRatio),
  ]);
  const table = toTable([['', ...peers.map((peer) => `against ${peer}`), 'p99 against p50'], ...rows]);
  return `Visage's, as a multiple of a peer's, with what it may be at most; bold where it is more:\n\n${table}`;
}

function detailRows(name: OperationName, slices: Slices, names: string[]): string[][] {
  const cells = (toCell: (middle: (pick: (slice: Slice) => number) => string) => string) =>
    names.map((candidate) => toCell((pick) => figure(median((slices.get(candidate) ?? []).map(pick)))));
  return [
    [
      operations[name].title,
      ...cells((middle) => `${middle((slice) => slice.serverMs)} + ${middle((slice) => slice.postgresMs)}`),
    ],
    ['', ...cells((middle) => `${middle((slice) => slice.p50Ms)} / ${middle((slice) => slice.p99Ms)}`)],
  ];
}

async function memoryText({ servers: [server] }: Running): Promise<string> {
  const { nowMb, peakMb } = await memoryOf(server?.pid ?? 0);
  return `${nowMb.toFixed(0)}, ${peakMb.toFixed(0)}`;
}

async function candidateText({ title, packageName, node }: Candidate): Promise<string> {
  const version = packageName ? `, version ${await versionOf(packageName)}` : '';
  return `- ${title}${version}${node() === process.execPath ? '' : ', on a newer Node of its own'}`;
}
