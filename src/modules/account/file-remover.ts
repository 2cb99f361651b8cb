import type { Statement } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import type { Platform } from '../../platform/platform.ts';
import { createWorker, polling, type WorkDone, type Worker } from '../../platform/worker.ts';

type Deps = Pick<Platform, 'db' | 'pictures'>;

interface Removal {
  key: string;
  requestedAt: Date;
}

/**
 * Files that nobody needs may be needed a moment later: an upload of the same picture stores them first and has its row
 * afterwards, at most the time later that a transaction waits for its connection and takes (25 s). After this time it is
 * known.
 */
const settleS = 30;

const batchSize = 100;

/** The next files whose time has come. By index file_removals(requested_at). */
const dueRemovals: Statement = {
  name: 'due_file_removals',
  text: `${polling}
select key, requested_at as "requestedAt" from file_removals
where requested_at <= now() - interval '${settleS} seconds'
order by requested_at limit ${batchSize}`,
};

/** Those of $1 files that no picture needs, by the index of pictures' files. */
const unneededFiles: Statement = {
  name: 'unneeded_files',
  text: `
select key from unnest($1::text[]) as key
where not exists (select from pictures where file_keys @> array[key])`,
};

/** Removals of $1 files that were requested at $2 are done; one that was requested again since is not. */
const endRemovals: Statement = {
  name: 'end_file_removals',
  text: `
delete from file_removals removal
using unnest($1::text[], $2::timestamptz[]) as done (key, requested_at)
where removal.key = done.key and removal.requested_at = done.requested_at`,
};

/**
 * Removes the files of pictures that are gone from the store, but those that another picture needs, or that were put anew
 * since. It does no harm that two processes remove the same.
 */
export const createFileRemover = ({ log, ...deps }: Deps & { log: Log }): Worker =>
  createWorker({ name: 'file remover', log, work: () => removeSome(deps) });

async function removeSome({ db, pictures }: Deps): Promise<WorkDone> {
  const due = await db.query<Removal>(dueRemovals, []);
  if (due.length === 0) return 'idle';
  const unneeded = await db.query<Pick<Removal, 'key'>>(unneededFiles, [due.map(({ key }) => key)]);
  const isUnneeded = new Set(unneeded.map(({ key }) => key));
  for (const { key, requestedAt } of due) if (isUnneeded.has(key)) await pictures.delete(key, requestedAt);
  await db.query(endRemovals, [due.map(({ key }) => key), due.map(({ requestedAt }) => requestedAt)]);
  return 'more';
}
