import type { Log } from './log.ts';

/**
 * What came of looking for work: there may be more at once; there is none for now; or there is no sense in looking again
 * before that many milliseconds have passed, whoever wakes the worker.
 */
export type WorkDone = 'more' | 'idle' | { pauseMs: number };

/** Does what waits in the database, one piece after the other, for as long as the process runs. */
export interface Worker {
  /** There is work: looks for it now rather than at its next time. */
  wake(): void;
  /** Finishes the piece that is under way, if it doesn't take too long. */
  close(): Promise<void>;
}

export interface WorkerOptions {
  /** For the log. */
  name: string;
  log: Log;
  /** Looks for a piece of work and does it. What it throws is logged, and it is tried again later. */
  work(): Promise<WorkDone>;
  /** How often it looks without being woken; default 5 s. */
  pollMs?: number;
}

/**
 * Stands before the statement by which a worker looks for work, which it sends however quiet the server is: so whoever reads
 * statements, in a test or in PostgreSQL's own statistics, knows it from those that a request has sent.
 */
export const polling = '/* worker */';

/** A piece that takes longer is left behind when the server stops: what is done of it counts, and the rest is done again. */
const closeWaitMs = 5_000;

/** Begins to look for work at once. Any number of processes may do the same: pieces are taken so that it does no harm. */
export function createWorker({ name, log, work, pollMs = 5_000 }: WorkerOptions): Worker {
  let isClosed = false;
  let isFailing = false;
  let isWoken = false;
  let isIdle = false;
  let endRest = () => {};

  const look = async (): Promise<WorkDone> => {
    try {
      const done = await work();
      isFailing = false;
      return done;
    } catch (error) {
      // A database that is away stays so for a while: one line says it.
      if (!isFailing && !isClosed) log.warn({ error, worker: name }, 'background work failed, and is tried again');
      isFailing = true;
      return { pauseMs: pollMs };
    }
  };
  const rest = async (ms: number) => {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      endRest = resolve;
      timer = setTimeout(resolve, ms).unref();
    });
    clearTimeout(timer);
  };
  const run = async () => {
    while (!isClosed) {
      isWoken = false;
      const done = await look();
      // Whoever woke it while it looked may have come too late for that look.
      if (isClosed || done === 'more' || (done === 'idle' && isWoken)) continue;
      isIdle = done === 'idle';
      await rest(done === 'idle' ? pollMs : done.pauseMs);
      isIdle = false;
    }
  };
  const finished = run();
  return {
    wake() {
      isWoken = true;
      if (isIdle) endRest();
    },
    async close() {
      isClosed = true;
      endRest();
      let timer: NodeJS.Timeout | undefined;
      const tooLong = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, closeWaitMs);
      });
      await Promise.race([finished, tooLong]).finally(() => clearTimeout(timer));
    },
  };
}
