import { setTimeout as delay } from 'node:timers/promises';
import { RequestError, serviceUnavailable } from '../../errors.ts';
import { type Database, databaseCode, type Transaction } from '../../platform/database.ts';
import type { ProcessedImage } from '../../platform/images.ts';
import { toPictureKey, toSourceKey } from '../../platform/picture-store.ts';
import type { Platform } from '../../platform/platform.ts';
import type { VariantRecord } from '../user/record.ts';
import { fileRemovedCode, marksOfFiles, requestRemovalOf, unmarkFiles } from './file-removals.ts';

type Deps = Pick<Platform, 'db' | 'pictures'>;

/** The files of a picture, by their names in the store. */
export type PictureFiles = ReadonlyMap<string, Buffer>;

/** What a picture's row says of its files, and the files; variants of the same bytes are one. */
export function toFiles({ variants, source }: ProcessedImage) {
  const files = new Map<string, Buffer>();
  const keep = (key: string, bytes: Buffer) => {
    files.set(key, bytes);
    return key;
  };
  const records = variants.map(({ size, bytes, still }) => ({
    size,
    bytes: bytes.length,
    key: keep(toPictureKey(bytes), bytes),
    ...(still && { stillKey: keep(toPictureKey(still), still) }),
  })) satisfies VariantRecord[];
  const sourceKey = keep(toSourceKey(source), source);
  return { files: files as PictureFiles, columns: { variants: records, sourceKey, fileKeys: [...files.keys()] } };
}

/** Each try meets another removal of the same content. */
const maxTries = 3;
/** A removal takes a moment, unless its process was killed or the store is slow. */
const patienceMs = 5_000;
const lookEveryMs = 100;

/**
 * Writes rows that need these files. All of them are durable before the database knows of it, so that a crash at any moment
 * leaves at most files that no row needs; and where one of them is being removed, or was since it was stored, which the
 * database knows, they are stored again. Where there is no row in the end, as of a user who was deleted meanwhile, nobody
 * needs the files. Throws SERVICE_UNAVAILABLE where the removal doesn't come to its end.
 */
export async function withStoredFiles<Result>(
  deps: Deps,
  files: PictureFiles,
  write: (tx: Transaction) => Promise<Result>,
): Promise<Result> {
  try {
    return await storeAndWrite(deps, files, write);
  } catch (error) {
    if (!isAway(error)) await deps.db.query(requestRemovalOf, [[...files.keys()]]).catch(() => undefined);
    throw error;
  }
}

/** Then there is nobody to ask, and the next sweep finds what was stored. */
const isAway = (error: unknown) => error instanceof RequestError && error.code === 'SERVICE_UNAVAILABLE';

async function storeAndWrite<Result>(
  { db, pictures }: Deps,
  files: PictureFiles,
  write: (tx: Transaction) => Promise<Result>,
): Promise<Result> {
  let removed: RemovedFile[] = [];
  for (let tries = 0; tries < maxTries; tries++) {
    await Promise.all([...files].map(([key, bytes]) => pictures.put(key, bytes)));
    try {
      return await db.transaction(async (tx) => {
        await unmark(tx, removed);
        return write(tx);
      });
    } catch (error) {
      if (databaseCode(error) !== fileRemovedCode) throw error;
    }
    removed = await waitForRemovals(db, [...files.keys()]);
  }
  throw serviceUnavailable('The picture store');
}

interface RemovedFile {
  key: string;
  removedAt: Date;
}

/** Which of the files were removed, once none is being removed any more. */
async function waitForRemovals(db: Database, keys: string[]): Promise<RemovedFile[]> {
  for (const since = performance.now(); ; await delay(lookEveryMs)) {
    const marked = await db.query<{ key: string; removedAt: Date | null }>(marksOfFiles, [keys]);
    const removed = marked.filter((file): file is RemovedFile => file.removedAt !== null);
    if (removed.length === marked.length) return removed;
    if (performance.now() - since > patienceMs) throw serviceUnavailable('The picture store');
  }
}

/** They are stored anew; where one was removed once more since, its mark is another. */
async function unmark(tx: Transaction, removed: RemovedFile[]): Promise<void> {
  if (removed.length === 0) return;
  const times = removed.map(({ removedAt }) => removedAt.toISOString());
  await tx.$executeRawUnsafe(
    unmarkFiles.text,
    removed.map(({ key }) => key),
    times,
  );
}
