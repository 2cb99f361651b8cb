import { readdir, readFile } from 'node:fs/promises';
import type pg from 'pg';

/** Nanoseconds that each of these processes spent on processors, by id; those that are gone are left out. */
export async function processorTimes(pids: readonly number[]): Promise<Map<number, number>> {
  const entries = await Promise.all(pids.map(async (pid) => [pid, await processorTime(pid)] as const));
  return new Map(entries.flatMap(([pid, time]) => (time === null ? [] : [[pid, time]])));
}

/** What was spent between two looks; a process that is new since the first counts from its beginning. */
export function spentBetween(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>): number {
  return [...after].reduce((sum, [pid, time]) => sum + time - (before.get(pid) ?? 0), 0);
}

/** Of all threads, by the scheduler's own clock: /proc/<pid>/stat counts in hundredths of a second, too coarse here. */
async function processorTime(pid: number): Promise<number | null> {
  try {
    const threads = await readdir(`/proc/${pid}/task`);
    const times = await Promise.all(threads.map((thread) => threadTime(`/proc/${pid}/task/${thread}/schedstat`)));
    return times.reduce((sum, time) => sum + time, 0);
  } catch {
    return null;
  }
}

async function threadTime(path: string): Promise<number> {
  const text = await readFile(path, 'utf8').catch(() => '0');
  return Number(text.split(' ', 1)[0]);
}

/** PostgreSQL's processes that serve a candidate, known by the name that its connections give. */
export async function backendsOf(client: pg.Client, applicationName: string): Promise<number[]> {
  const text = 'select pid from pg_stat_activity where application_name = $1';
  const { rows } = await client.query<{ pid: number }>({ name: 'backends_of', text, values: [applicationName] });
  return rows.map(({ pid }) => pid);
}

/** Megabytes that a process has in memory, and the most that it ever had. */
export async function memoryOf(pid: number): Promise<{ nowMb: number; peakMb: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const read = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1_024;
  return { nowMb: read('VmRSS'), peakMb: read('VmHWM') };
}
