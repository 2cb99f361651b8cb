import { ask, asksOf } from './answers.ts';
import { starName } from './extra-data.ts';
import type { Flags } from './flags.ts';
import type { Load } from './load.ts';
import { measure, type Pace, ratioOf, type Slices, totalMs } from './measure.ts';
import { type Ask, type Operation, operations } from './operations.ts';
import { type Running, withRunning } from './running.ts';
import { say } from './say.ts';
import { writeSection } from './sections.ts';
import { type DataSize, rowsBehindThousandthPage, sizes } from './sizes.ts';
import { median } from './statistics.ts';
import { count, describeSurroundings } from './surroundings.ts';
import { against, figure, toTable } from './table.ts';
import { maxGrowth } from './targets.ts';
import { type Place, withBench } from './with-bench.ts';

const pace: Pace = { rounds: 11, requestsPerSlice: 1_000, warmUpRequests: 20_000 };
const quickPace: Pace = { rounds: 5, requestsPerSlice: 300, warmUpRequests: 4_000 };

interface Step {
  title: string;
  asksOf(entry: Running): Promise<Ask[][]>;
  maxRequests?: number | undefined;
}

/** Measures Visage on databases of different sizes, in turns. Answers the table; a whole run's goes into the documentation. */
export async function measureGrowth({ quick, only }: Flags): Promise<string> {
  const measured: DataSize[] = quick ? [sizes.quick, sizes.full] : [sizes.quick, sizes.full, sizes.large];
  const isWhole = only.length === Object.keys(operations).length;
  const steps = [...only.map(toStep), ...(isWhole ? starSteps : [])];
  return withBench(measured, async (load, places) => {
    const starts = places.map((place) => ({ name: nameOf(place), candidate: 'visage' as const, ...place }));
    const rows = await withRunning(starts, (running) => measureSteps(load, running, { steps, quick }));
    const largest = places.at(-1) as Place;
    const table = toTable([['', ...places.map(nameOf)], ...rows]);
    const report = `${await describeSurroundings(largest.database.client, largest.size)}\n\n${table}`;
    if (isWhole && !quick) await writeSection('growth', report);
    return report;
  });
}

const nameOf = ({ size }: Place) => `${count(size.users)} users`;

async function measureSteps(load: Load, running: Running[], { steps, quick }: { steps: Step[]; quick: boolean }) {
  const rows: string[][] = [];
  for (const step of steps) {
    say(`Measuring ${step.title}.`);
    rows.push(toRow(step, await measure(load, running, { ...step, pace: quick ? quickPace : pace })));
  }
  return rows;
}

const toStep = (name: Flags['only'][number]): Step => {
  const { title, maxRequests }: Operation = operations[name];
  return { title, maxRequests, asksOf: asksOf(name) };
};

const starAsks = ({ cast }: Running, toAsk: (ask: Pick<Ask, 'viewer'>) => Ask): Ask[][] =>
  cast.viewers.map((viewer) => [toAsk({ viewer })]);

const starSteps: Step[] = [
  {
    title: 'profile page of whom everybody follows, 100,000 at most',
    asksOf: async (entry) =>
      starAsks(entry, ({ viewer }) => ({ viewer, document: 'page', variables: { username: starName } })),
  },
  {
    title: 'one of the last pages of those followers',
    asksOf: async (entry) => {
      const after = await lastFollowers(entry);
      return starAsks(entry, ({ viewer }) => ({
        viewer,
        document: 'followers',
        variables: { username: starName, after },
      }));
    },
  },
];

async function lastFollowers(entry: Running): Promise<string> {
  const [viewer] = entry.cast.viewers;
  if (!viewer) throw new Error('There is nobody to ask.');
  const variables = { username: starName, last: rowsBehindThousandthPage };
  const data = await ask(entry, { viewer, document: 'lastFollowers', variables });
  return (data as { user: { followers: { pageInfo: { startCursor: string } } } }).user.followers.pageInfo.startCursor;
}

function toRow({ title }: Step, slices: Slices): string[] {
  const [base = '', ...others] = slices.keys();
  const baseMs = figure(median((slices.get(base) ?? []).map(totalMs)));
  return [title, `1 (${baseMs} ms)`, ...others.map((name) => against(ratioOf(slices, name, base), maxGrowth))];
}
