import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Loaded before a server: lets whoever started it ask for the CPU it has used, and for its memory once nothing is left to
 * collect. Needs `--expose-gc`.
 */
process.on('message', async (message) => {
  if (message === 'cpu') process.send?.(process.cpuUsage());
  if (message !== 'memory') return;
  for (let round = 0; round < 4; round++) {
    globalThis.gc?.();
    // Between two collections, what they let go of is finalised.
    await delay(100);
  }
  const { rss, heapUsed } = process.memoryUsage();
  process.send?.({ rss, heap: heapUsed });
});
// A server ends with whoever measures it.
process.on('disconnect', () => process.exit());
