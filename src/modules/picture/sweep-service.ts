import type { Database, Statement } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import type { StoredKey } from '../../platform/picture-store.ts';
import type { Platform } from '../../platform/platform.ts';
import { polling } from '../../platform/worker.ts';
import { filesWithoutPicture, requestRemovalOf } from './file-removals.ts';
import { createListedKeys, type ListedKeys } from './listed-keys.ts';
import { endSweep, noteSweepProgress, type SweepReport } from './sweeps.ts';

type Deps = Pick<Platform, 'db' | 'pictures'> & { log: Log };

/** A file is put before its row is written; and an hour is far more than an upload takes. */
const minAgeMs = 3_600_000;
const filesAtOnce = 1_000;
const picturesAtOnce = 1_000;
/** Names of files that are held in memory: 10 MB. */
const maxRemoved = 100_000;
/** Ids in one line of the log; the rest is counted. */
const maxNamed = 20;

interface PictureRow {
  id: string;
  fileKeys: string[];
}

/** The next $2 pictures behind $1 id, and the files that they need. By primary key. */
const picturesInOrder: Statement = {
  name: 'pictures_in_order',
  text: `${polling}
select id, file_keys as "fileKeys" from pictures where id > $1::uuid order by id limit $2`,
};

/** Which of $1 pictures are there still. By primary key. */
const picturesThere: Statement = {
  name: 'pictures_there',
  text: `${polling}
select id from pictures where id = any($1::uuid[])`,
};

/** Most files of a store are needed by no picture: it may be another database's. */
export class TooManyUnneededError extends Error {
  constructor(count: number, files: number) {
    super(
      `${count} of ${files} files in the picture store are needed by no picture of this database: are they another's? If they may go: npm run pictures:sweep -- --even-most`,
    );
  }
}

/**
 * Looks through the picture store: has files removed that no picture needs and that are an hour old, removes what interrupted
 * writes left, and counts pictures that lack a file. Whoever calls it has begun the sweep; two at once do no harm. Throws
 * TooManyUnneededError, and asks for no removal, where that would be most of the files, unless `evenMost`.
 */
export async function sweepPictureFiles(deps: Deps, { evenMost = false } = {}): Promise<SweepReport> {
  const { db, log } = deps;
  const temporary = await deps.pictures.sweepTemporary(minAgeMs);
  const listed = createListedKeys();
  const { files, unneeded, unneededFiles } = await findUnneeded(deps, listed);
  const isTooMany = unneededFiles > files / 2 && !evenMost;
  const removed = isTooMany ? 0 : await remove(db, unneeded);
  const missing = await findMissing(deps, listed);
  await db.query(endSweep, [files, removed, temporary, missing]);
  log.info({ files, kept: files - removed, removed, temporary, missing }, 'picture files swept');
  if (isTooMany) throw new TooManyUnneededError(unneededFiles, files);
  return { files, removed, temporary, missing };
}

async function remove(db: Database, keys: string[]): Promise<number> {
  for (let at = 0; at < keys.length; at += filesAtOnce)
    await db.query(requestRemovalOf, [keys.slice(at, at + filesAtOnce)]);
  return keys.length;
}

interface Unneeded {
  files: number;
  unneededFiles: number;
  /** As many of them as are removed at once: the next sweep finds the rest. */
  unneeded: string[];
}

async function findUnneeded({ db, pictures }: Deps, listed: ListedKeys): Promise<Unneeded> {
  const putBefore = new Date(Date.now() - minAgeMs);
  const unneeded: string[] = [];
  let files = 0;
  let unneededFiles = 0;
  for await (const batch of inBatches(pictures.list(), filesAtOnce)) {
    for (const { key } of batch) listed.add(key);
    const old = batch.filter(({ writtenAt }) => writtenAt <= putBefore).map(({ key }) => key);
    const found = await db.query<Pick<StoredKey, 'key'>>(filesWithoutPicture, [old]);
    unneeded.push(...found.slice(0, maxRemoved - unneeded.length).map(({ key }) => key));
    unneededFiles += found.length;
    files += batch.length;
    await db.query(noteSweepProgress, []);
  }
  return { files, unneededFiles, unneeded };
}

async function* inBatches(items: AsyncIterable<StoredKey>, size: number): AsyncGenerator<StoredKey[]> {
  let batch: StoredKey[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function findMissing(deps: Deps, listed: ListedKeys): Promise<number> {
  const named: string[] = [];
  let missing = 0;
  for await (const pictures of allPictures(deps.db)) {
    const suspects = pictures.filter(({ fileKeys }) => !fileKeys.every(listed.mayHave));
    const lacking = await lackingAmong(deps, suspects);
    missing += lacking.length;
    named.push(...lacking.slice(0, maxNamed - named.length));
    await deps.db.query(noteSweepProgress, []);
  }
  if (missing > 0) deps.log.error({ missing, pictures: named }, 'pictures lack files in the picture store');
  return missing;
}

async function* allPictures(db: Database): AsyncGenerator<PictureRow[]> {
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const pictures = await db.query<PictureRow>(picturesInOrder, [after, picturesAtOnce]);
    const last = pictures.at(-1);
    if (!last) return;
    yield pictures;
    after = last.id;
  }
}

/** What was put or removed since the store was listed is no loss. */
async function lackingAmong({ db, pictures }: Deps, suspects: PictureRow[]): Promise<string[]> {
  const lacking: string[] = [];
  for (const { id, fileKeys } of suspects) {
    for (const key of fileKeys) {
      if (await pictures.read(key)) continue;
      lacking.push(id);
      break;
    }
  }
  if (lacking.length === 0) return [];
  const there = await db.query<{ id: string }>(picturesThere, [lacking]);
  return there.map(({ id }) => id);
}
