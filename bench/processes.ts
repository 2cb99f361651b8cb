import { asksOf } from './answers.ts';
import type { Flags } from './flags.ts';
import { measure, type Pace, ratioOf, totalMs } from './measure.ts';
import { type Operation, operations } from './operations.ts';
import { withRunning } from './running.ts';
import { say } from './say.ts';
import { writeSection } from './sections.ts';
import { sizes } from './sizes.ts';
import { median } from './statistics.ts';
import { describeSurroundings } from './surroundings.ts';
import { against, figure, toTable } from './table.ts';
import { maxProcessesRatio } from './targets.ts';
import { withPlace } from './with-bench.ts';

const pace: Pace = { rounds: 11, requestsPerSlice: 1_000, warmUpRequests: 6_000 };
const quickPace: Pace = { rounds: 5, requestsPerSlice: 300, warmUpRequests: 4_000 };

/** Measures whether several server processes on one database take more a request than one. */
export async function compareProcesses({ quick, only, processes }: Flags): Promise<string> {
  return withPlace(quick ? sizes.quick : sizes.full, async (load, place) => {
    const names = { one: '1 process', several: `${processes} processes` };
    const starts = [
      { name: names.one, candidate: 'visage' as const, ...place },
      { name: names.several, candidate: 'visage' as const, ...place, processes },
    ];
    return withRunning(starts, async (running) => {
      const rows = [['', names.one, names.several]];
      for (const name of only) {
        say(`Measuring ${name}.`);
        const { title, maxRequests }: Operation = operations[name];
        const measurement = { asksOf: asksOf(name), maxRequests, pace: quick ? quickPace : pace };
        const slices = await measure(load, running, measurement);
        const oneMs = figure(median((slices.get(names.one) ?? []).map(totalMs)));
        rows.push([title, `1 (${oneMs} ms)`, against(ratioOf(slices, names.several, names.one), maxProcessesRatio)]);
      }
      const report = `${await describeSurroundings(place.database.client, place.size)}\n\n${toTable(rows)}`;
      const isWhole = only.length === Object.keys(operations).length && !quick;
      if (isWhole) await writeSection('processes', report);
      return report;
    });
  });
}
