import { createHash } from 'node:crypto';
import type { ZipEntry } from '../../platform/zip.ts';
import type { ListRow } from './list-sql.ts';

/** What the manifest says of a file. */
export interface FileSum {
  name: string;
  bytes: number;
  sha256: string;
}

/** A small object as a file for people to read. */
export const toJsonFile = (name: string, value: object): ZipEntry => ({
  name: `${name}.json`,
  content: chunksOf(`${JSON.stringify(value, null, 2)}\n`),
  isCompressed: true,
});

/** A list of any length as one JSON array, with a line for each row. */
export const toListFile = (name: string, batches: AsyncIterable<Pick<ListRow, 'entry'>[]>): ZipEntry => ({
  name: `${name}.json`,
  content: arrayOf(batches),
  isCompressed: true,
});

/** A picture's file; pictures are compressed already. */
export const toPictureFile = (name: string, bytes: Uint8Array): ZipEntry => ({
  name,
  content: chunksOf(bytes),
  isCompressed: false,
});

async function* chunksOf<Chunk>(chunk: Chunk): AsyncGenerator<Chunk> {
  yield chunk;
}

async function* arrayOf(batches: AsyncIterable<Pick<ListRow, 'entry'>[]>): AsyncGenerator<string> {
  let separator = '[\n';
  for await (const batch of batches) {
    yield separator + batch.map(({ entry }) => entry).join(',\n');
    separator = ',\n';
  }
  yield separator === '[\n' ? '[]\n' : '\n]\n';
}

/** The same file, which adds its sum to `sums` when it was read to its end. */
export function summed(file: ZipEntry, sums: FileSum[]): ZipEntry {
  const content = async function* () {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of file.content) {
      const buffer = Buffer.from(chunk as Uint8Array);
      hash.update(buffer);
      bytes += buffer.length;
      yield buffer;
    }
    sums.push({ name: file.name, bytes, sha256: hash.digest('hex') });
  };
  return { ...file, content: content() };
}
