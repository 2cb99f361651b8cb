import { readFile } from 'node:fs/promises';
import { asksOf, assertSameAnswers } from './answers.ts';
import type { Flags } from './flags.ts';
import { installPeers } from './install-peers.ts';
import { measure, type Pace, type Slices } from './measure.ts';
import { type Ask, type Operation, type OperationName, operations } from './operations.ts';
import { peersReport } from './peers-report.ts';
import { type Running, withRunning } from './running.ts';
import { say } from './say.ts';
import { writeSection } from './sections.ts';
import { sizes } from './sizes.ts';
import { withPlace } from './with-bench.ts';

const paces = {
  quick: { rounds: 5, requestsPerSlice: 300, warmUpRequests: 2_000 },
  full: { rounds: 7, requestsPerSlice: 1_000, warmUpRequests: 8_000 },
} satisfies Record<string, Pace>;

/** Measures all candidates on one database, in turns. Answers the tables; those of a whole run go into the documentation. */
export async function comparePeers({ quick, only, candidates, profiles }: Flags): Promise<string> {
  await installPeers(candidates);
  const mode = quick ? 'quick' : 'full';
  return withPlace(sizes[mode], async (load, place) => {
    await place.database.client.query(await readFile(new URL('candidates/postgraphile.sql', import.meta.url), 'utf8'));
    const starts = candidates.map((name) => ({ name, candidate: name, ...place, profiles }));
    return withRunning(starts, async (running) => {
      await checkAnswers(running, only);
      const results = new Map<OperationName, Slices>();
      for (const operation of only) {
        say(`Measuring ${operation}.`);
        const { maxRequests }: Operation = operations[operation];
        const measurement = { asksOf: asksOf(operation), pace: paces[mode], maxRequests };
        results.set(operation, await measure(load, running, measurement));
      }
      const report = await peersReport({ results, running, size: place.size });
      const isWhole = only.length === Object.keys(operations).length && candidates.length === 5;
      if (isWhole) await writeSection(quick ? 'quick' : 'peers', report);
      return report;
    });
  });
}

const checkedPerOperation = 40;

/** Nothing is timed before all of them gave the same answers, hidden pages and the 1,000th included. */
async function checkAnswers(running: readonly Running[], only: readonly OperationName[]): Promise<void> {
  say('Comparing answers.');
  for (const operation of only) {
    await assertSameAnswers(running, async (entry) => (await asksOf(operation)(entry)).slice(0, checkedPerOperation));
  }
  if (only.includes('page')) await assertSameAnswers(running, async ({ cast }) => cast.hidden.map(toPage));
}

const toPage = ({ viewer, username }: Running['cast']['hidden'][number]): Ask[] => [
  { viewer, document: 'page', variables: { username } },
];
