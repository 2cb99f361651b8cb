import { rateLimited } from '../errors.ts';

/** Lets only so many tasks run at once; the rest wait in line, first come, first served. */
export interface Gate {
  /** Runs the task when its turn comes, and answers as it does. Throws what `full` makes where the line is full. */
  run<Result>(task: () => Promise<Result>): Promise<Result>;
  /** Resolves when nothing runs and nothing waits. */
  drain(): Promise<void>;
}

/** How many run at once, how many may wait, and what a task that finds the line full gets. */
export interface GateOptions {
  concurrency: number;
  queueLimit: number;
  /** Told in how many seconds the line will have moved on, judging by recent tasks; default: RATE_LIMITED. */
  full?: (waitS: number) => Error;
}

/** Weight of the newest task in the moving average of durations. */
const newestWeight = 0.2;

/** For work that is bound by memory or CPU: an unbounded crowd of it would take the server down. */
export function createGate(options: GateOptions): Gate {
  const {
    concurrency,
    queueLimit,
    full = (waitS) => rateLimited('The server is busy. Try again soon.', waitS),
  } = options;
  const waiting: (() => void)[] = [];
  const drained: (() => void)[] = [];
  let running = 0;
  let averageS = 0;

  const enter = async () => {
    if (running < concurrency) {
      running++;
      return;
    }
    if (waiting.length >= queueLimit) throw full((averageS * (waiting.length + 1)) / concurrency);
    await new Promise<void>((resolve) => waiting.push(resolve));
  };

  const leave = () => {
    const next = waiting.shift();
    // The place is handed over, not freed: a newcomer can't slip in before the one that waited.
    if (next) return next();
    running--;
    if (running === 0) for (const resolve of drained.splice(0)) resolve();
  };

  return {
    async run(task) {
      await enter();
      const startedAt = performance.now();
      try {
        return await task();
      } finally {
        const tookS = (performance.now() - startedAt) / 1000;
        averageS = averageS === 0 ? tookS : averageS + newestWeight * (tookS - averageS);
        leave();
      }
    },
    async drain() {
      if (running > 0) await new Promise<void>((resolve) => drained.push(resolve));
    },
  };
}
