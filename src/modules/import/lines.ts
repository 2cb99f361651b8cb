import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { StartError } from '../../errors.ts';

/** A line of the file; a blank one is none, and counts all the same. */
export interface Line {
  /** From 1. */
  number: number;
  /** Null where it can't be read; `problem` then says why. */
  text: string | null;
  problem: string | null;
  /** Bytes of the file up to its end. */
  endsAt: number;
}

/** A file that is read several times, a line at a time. */
export interface LineFile {
  bytes: number;
  /** Throws StartError where the file is no longer the one that was opened. */
  lines(): AsyncGenerator<Line>;
}

/** A user with a hundred thousand events takes about 20 MB. */
const maxLineBytes = 64 * 1024 * 1024;
const newLine = 0x0a;

/** Throws StartError where the file can't be read. */
export async function openLineFile(path: string): Promise<LineFile> {
  const { size, mtimeMs } = await statOf(path);
  return {
    bytes: size,
    async *lines() {
      const now = await statOf(path);
      if (now.size !== size || now.mtimeMs !== mtimeMs) {
        throw new StartError(`Expected "${path}" to stay as it is meanwhile, and it was changed. Start again.`);
      }
      yield* readLines(createReadStream(path, { highWaterMark: 1024 * 1024 }));
    },
  };
}

async function statOf(path: string) {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const found = await file.stat();
    // It is read several times, which a pipe can't be.
    if (!found.isFile()) throw new StartError(`Expected a file, and "${path}" is none.`);
    return found;
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(`Expected a file that can be read, and got "${path}" (${(error as Error).message}).`);
  } finally {
    await file?.close();
  }
}

/** Lines that are looked at together are held in memory together. */
const maxBatchBytes = 16 * 1024 * 1024;

/** Some lines at a time, for what is asked in one statement. */
export async function* inBatches(lines: AsyncIterable<Line>, size: number): AsyncGenerator<Line[]> {
  let [batch, startsAt]: [Line[], number] = [[], 0];
  for await (const line of lines) {
    batch.push(line);
    if (batch.length < size && line.endsAt - startsAt < maxBatchBytes) continue;
    yield batch;
    [batch, startsAt] = [[], line.endsAt];
  }
  if (batch.length > 0) yield batch;
}

async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  let pieces: Buffer[] = [];
  let bytes = 0;
  let number = 0;
  let endsAt = 0;
  const keep = (piece: Buffer) => {
    bytes += piece.length;
    if (bytes <= maxLineBytes) pieces.push(piece);
    else pieces = [];
  };
  const finish = (): Line | null => {
    number += 1;
    const line = { number, endsAt, ...decode(pieces, bytes) };
    [pieces, bytes] = [[], 0];
    return line.text?.trim() === '' ? null : line;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(newLine); at >= 0; at = chunk.indexOf(newLine, from)) {
      keep(chunk.subarray(from, at));
      endsAt += at + 1 - from;
      from = at + 1;
      const line = finish();
      if (line) yield line;
    }
    keep(chunk.subarray(from));
    endsAt += chunk.length - from;
  }
  const last = bytes > 0 && finish();
  if (last) yield last;
}

const decoder = new TextDecoder('utf-8', { fatal: true });

function decode(pieces: Buffer[], bytes: number): Pick<Line, 'text' | 'problem'> {
  if (bytes > maxLineBytes) {
    return { text: null, problem: `Expected a line of at most ${maxLineBytes} bytes, and got ${bytes}.` };
  }
  try {
    return { text: decoder.decode(Buffer.concat(pieces)), problem: null };
  } catch {
    return { text: null, problem: 'Expected UTF-8, and got other bytes.' };
  }
}
