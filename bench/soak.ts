import { asksOf } from './answers.ts';
import { viewersOfLongRuns } from './cast.ts';
import type { Flags } from './flags.ts';
import { connections, type Load } from './load.ts';
import { type OperationName, toSequences } from './operations.ts';
import { memoryOf } from './processor-time.ts';
import { type Running, withRunning } from './running.ts';
import { say } from './say.ts';
import { writeSection } from './sections.ts';
import type { Server } from './server.ts';
import { sizes } from './sizes.ts';
import { count, describeSurroundings } from './surroundings.ts';
import { against, toTable } from './table.ts';
import { maxMemoryMb } from './targets.ts';
import { type Place, withPlace } from './with-bench.ts';

const operations: OperationName[] = ['me', 'page', 'events', 'record', 'follow'];
const stretches = 10;

/** Lets one server answer very many requests of all kinds, and looks at its memory now and then. */
export async function soak({ quick, soak: total }: Flags): Promise<string> {
  const work = async (load: Load, place: Place) => {
    const rows = await withRunning([{ name: 'visage', candidate: 'visage', ...place }], ([entry]) =>
      useUp(load, entry as Running, total),
    );
    const table = toTable([['requests', 'memory, MB', 'the most so far, MB'], ...rows]);
    const report = `${await describeSurroundings(place.database.client, place.size)}\n\n${table}`;
    if (total >= 1_000_000 && !quick) await writeSection('soak', report);
    return report;
  };
  return withPlace(quick ? sizes.quick : sizes.full, work, viewersOfLongRuns);
}

async function useUp(load: Load, entry: Running, total: number): Promise<string[][]> {
  const [{ pid, port }] = entry.servers as [Server];
  for (const name of operations) {
    load.prepare(name, toSequences(await asksOf(name)(entry), entry.candidate.documents));
  }
  const requests = Math.ceil(total / stretches / operations.length);
  const rows: string[][] = [];
  for (let stretch = 1; stretch <= stretches; stretch++) {
    for (const script of operations) await load.run({ script, ports: [port], connections, requests });
    const { nowMb, peakMb } = await memoryOf(pid);
    rows.push([count(Math.round((total * stretch) / stretches)), against(nowMb, maxMemoryMb), peakMb.toFixed(0)]);
    say(`${stretch} of ${stretches}: ${nowMb.toFixed(0)} MB`);
  }
  return rows;
}
