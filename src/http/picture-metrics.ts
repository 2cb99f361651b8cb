import { Counter, Gauge, type Registry } from 'prom-client';
import type { SweepHealth } from '../modules/picture/sweeps.ts';
import { oneAtATime } from '../platform/one-at-a-time.ts';
import { within } from '../platform/time-limit.ts';
import { healthLimitMs } from './health.ts';

const gauges: { name: string; help: string; toValue(health: SweepHealth): number }[] = [
  {
    name: 'visage_picture_sweep_age_seconds',
    help: 'Seconds since the picture store was last looked through to its end; +Inf where it never was.',
    toValue: ({ age }) => age ?? Number.POSITIVE_INFINITY,
  },
  {
    name: 'visage_picture_files',
    help: 'Files that the picture store had then.',
    toValue: ({ files }) => files,
  },
  {
    name: 'visage_pictures_without_files',
    help: 'Pictures of which it lacked a file then.',
    toValue: ({ missing }) => missing,
  },
];

/**
 * Adds what is known of the picture store; while the database is away, nothing is. One look serves all gauges of a reading.
 * Answers what counts files that this process removed.
 */
export function addPictureMetrics(registry: Registry, read: () => Promise<SweepHealth>): (count: number) => void {
  const readOnce = oneAtATime(() => within(healthLimitMs, read()).catch(() => null));
  for (const { name, help, toValue } of gauges) {
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        const health = await readOnce();
        if (health) this.set(toValue(health));
        else this.remove();
      },
    });
  }
  const removed = new Counter({
    name: 'visage_picture_files_removed_total',
    help: 'Files that were removed from the picture store, since no picture needs them.',
    registers: [registry],
  });
  return (count) => removed.inc(count);
}
