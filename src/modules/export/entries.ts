import type { Platform } from '../../platform/platform.ts';
import type { ZipEntry } from '../../platform/zip.ts';
import { userDeleted } from '../user/service.ts';
import { type AccountRow, accountOf } from './account-queries.ts';
import { type FileSum, summed, toJsonFile, toListFile, toPictureFile } from './files.ts';
import { lists, type PictureRow, pictures } from './list-queries.ts';
import { batchSize, type ExportList, type ListRow } from './list-sql.ts';

type Sources = Pick<Platform, 'db' | 'pictures'>;

/**
 * All that is there of a user, file by file, each read while it is written; the manifest is the last. Throws
 * UNAUTHENTICATED where the user is deleted meanwhile: lists that were emptied must not pass for lists that are empty.
 */
export async function* exportEntries(sources: Sources, userId: string): AsyncGenerator<ZipEntry> {
  const exportedAt = new Date();
  const files: FileSum[] = [];
  const missingFiles: string[] = [];
  for await (const file of filesOfUser(sources, userId, missingFiles)) yield summed(file, files);
  await readAccount(sources, userId);
  yield toJsonFile('manifest', { format: 'visage-export', version: 1, userId, exportedAt, files, missingFiles });
}

async function* filesOfUser(sources: Sources, userId: string, missingFiles: string[]): AsyncGenerator<ZipEntry> {
  const { account, lastPictureVersion } = await readAccount(sources, userId);
  yield toJsonFile('account', account);
  for (const list of lists) yield toListFile(list.name, batchesOf(sources, list, userId));
  // What is uploaded meanwhile would come with its files and without its entry.
  const known = { ...pictures, start: [String(lastPictureVersion + 1)] };
  const versions = () => batchesOf<PictureRow>(sources, known, userId);
  yield toListFile(known.name, withFiles(versions()));
  for await (const batch of versions()) {
    for (const { name, key } of batch.flatMap(storedFiles)) {
      const bytes = await sources.pictures.read(key);
      if (bytes) yield toPictureFile(name, bytes);
      else missingFiles.push(name);
    }
  }
}

async function readAccount({ db }: Sources, userId: string): Promise<AccountRow> {
  const [account] = await db.query<AccountRow>(accountOf, [userId]);
  if (!account) throw userDeleted();
  return account;
}

/** The rows of a list, batch by batch, each read when it is asked for. */
async function* batchesOf<Row extends ListRow>(
  { db }: Sources,
  { statement, start }: ExportList,
  userId: string,
): AsyncGenerator<Row[]> {
  let position: string[] | undefined = start;
  while (position) {
    const rows: Row[] = await db.query<Row>(statement, [userId, ...position]);
    if (rows.length > 0) yield rows;
    position = rows.length < batchSize ? undefined : rows.at(-1)?.position;
  }
}

/** Adds to each version where in the archive its files are. */
async function* withFiles(batches: AsyncIterable<PictureRow[]>): AsyncGenerator<Pick<ListRow, 'entry'>[]> {
  for await (const batch of batches) {
    yield batch.map((row) => ({ entry: JSON.stringify({ ...JSON.parse(row.entry), ...fileNames(row) }) }));
  }
}

const fileNames = ({ version, variants }: PictureRow) => ({
  source: sourceName(version),
  variants: variants.map(({ size, bytes, stillKey }) => ({
    size,
    bytes,
    file: variantName(version, size),
    ...(stillKey && { stillFile: stillName(version, size) }),
  })),
});

const storedFiles = ({ version, variants, sourceKey }: PictureRow) => [
  { name: sourceName(version), key: sourceKey },
  ...variants.flatMap(({ size, key, stillKey }) => [
    { name: variantName(version, size), key },
    ...(stillKey ? [{ name: stillName(version, size), key: stillKey }] : []),
  ]),
];

const sourceName = (version: number) => `pictures/${version}/source.webp`;
const variantName = (version: number, size: number) => `pictures/${version}/${size}.webp`;
const stillName = (version: number, size: number) => `pictures/${version}/${size}-still.webp`;
