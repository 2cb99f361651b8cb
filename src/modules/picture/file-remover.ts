import type { Database } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import type { Platform } from '../../platform/platform.ts';
import { createWorker, type WorkDone, type Worker } from '../../platform/worker.ts';
import { anyRemovalDue, endRemovals, forgetRemovals, lockDueRemovals, markRemovals } from './file-removals.ts';

export interface FileRemoverOptions extends Pick<Platform, 'db' | 'pictures'> {
  log: Log;
  /** Called with how many files were removed from the store. */
  onRemoved?: ((count: number) => void) | undefined;
}

interface MarkedFile {
  key: string;
  requestedAt: Date;
  removingAt: Date;
}

/** Removed at once from the store: a bucket takes some time for each. */
const batchSize = 20;

/**
 * Removes the files that no picture needs any more from the store. While a file is marked as being removed, no picture comes
 * to need it; any number of processes may do the same.
 */
export const createFileRemover = (options: FileRemoverOptions): Worker =>
  createWorker({ name: 'file remover', log: options.log, work: () => removeSome(options) });

async function removeSome({ db, pictures, onRemoved }: FileRemoverOptions): Promise<WorkDone> {
  const due = await db.query(anyRemovalDue, []);
  const { files, isMore } = due.length > 0 ? await markSome(db) : { files: [], isMore: false };
  if (!isMore) {
    await db.query(forgetRemovals, []);
    return 'idle';
  }
  // The store spares what was put since, too: this process may have slept, and another have gone on in its place.
  const removals = await Promise.allSettled(files.map(({ key, requestedAt }) => pictures.delete(key, requestedAt)));
  const gone = files.filter((_, at) => removals[at]?.status === 'fulfilled');
  await db.query(endRemovals, [gone.map(({ key }) => key), gone.map(({ removingAt }) => removingAt)]);
  onRemoved?.(gone.length);
  const failed = removals.find((removal) => removal.status === 'rejected');
  // Nobody can say whether it is gone, or will be in a moment: it stays marked until it is tried again.
  if (failed) throw failed.reason;
  return 'more';
}

/** Locked first and looked at second, by another statement: a picture that was about to be committed is there by then. */
const markSome = (db: Database): Promise<{ files: MarkedFile[]; isMore: boolean }> =>
  db.transaction(async (tx) => {
    const due = await tx.$queryRawUnsafe<{ key: string; isOurs: boolean }[]>(lockDueRemovals.text, batchSize);
    const keys = due.filter(({ isOurs }) => isOurs).map(({ key }) => key);
    if (keys.length === 0) return { files: [], isMore: false };
    return { files: await tx.$queryRawUnsafe<MarkedFile[]>(markRemovals.text, keys), isMore: true };
  });
