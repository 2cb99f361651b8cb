import type { Log } from '../../platform/log.ts';
import type { Platform } from '../../platform/platform.ts';
import { createWorker, type WorkDone, type Worker } from '../../platform/worker.ts';
import { sweepPictureFiles, TooManyUnneededError } from './sweep-service.ts';
import { claimSweep } from './sweeps.ts';

/** A server that has just started has better things to do. */
const startDelayMs = 60_000;
const lookEveryMs = 60_000;

/** Looks through the picture store every hour: one process at a time, whichever comes first. */
export function createSweeper(deps: Pick<Platform, 'db' | 'pictures'> & { log: Log }): Worker {
  let isStarted = false;
  const work = async (): Promise<WorkDone> => {
    if (isStarted) return sweepIfDue(deps);
    isStarted = true;
    return { pauseMs: startDelayMs };
  };
  return createWorker({ name: 'picture sweeper', log: deps.log, work, pollMs: lookEveryMs });
}

/** Sweeps where the last sweep is long enough ago, and no other process is at it. */
export async function sweepIfDue(deps: Pick<Platform, 'db' | 'pictures'> & { log: Log }): Promise<'idle'> {
  const claimed = await deps.db.query(claimSweep, []);
  if (claimed.length === 0) return 'idle';
  try {
    await sweepPictureFiles(deps);
  } catch (error) {
    if (!(error instanceof TooManyUnneededError)) throw error;
    deps.log.error(error.message);
  }
  return 'idle';
}
