import { open, realpath } from 'node:fs/promises';
import { isAbsolute, relative, resolve } from 'node:path';
import { FileTooLargeError, InvalidInputError } from '../../errors.ts';
import { maxFileBytes } from '../picture/service.ts';
import type { ImportedPicture } from './record.ts';

/** Where pictures that are named by a path lie. */
export interface PictureFolder {
  /** The file's own, which paths are relative to. */
  folder: string;
  /** Whether a path may lead out of it. */
  allowAnyPath: boolean;
}

const fetchTimeoutMs = 30_000;

/** The bytes of a picture that lies beside the file. Throws InvalidInputError (`picture.path`), FileTooLargeError. */
export async function readPictureFile(path: string, { folder, allowAnyPath }: PictureFolder): Promise<Buffer> {
  const full = resolve(folder, path);
  if (!allowAnyPath && !isBelow(folder, full)) throw outside(path);
  try {
    // Links lead out as well as dots do.
    if (!allowAnyPath && !isBelow(await realpath(folder), await realpath(full))) throw outside(path);
    return await readWhole(full);
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    throw wrong('path', `Expected a file that can be read, and got "${path}" (${error.message}).`);
  }
}

async function readWhole(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size > maxFileBytes) throw new FileTooLargeError(size, maxFileBytes);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

const isBelow = (folder: string, path: string) => {
  const way = relative(folder, path);
  return way !== '' && !way.startsWith('..') && !isAbsolute(way);
};

const outside = (path: string) =>
  wrong(
    'path',
    `Expected a file below the folder of the imported one, and got "${path}". --allow-any-path lets it pass.`,
  );

/** The bytes of a picture at an address. Throws InvalidInputError (`picture.url`), FileTooLargeError. */
export async function fetchPicture(url: string): Promise<Buffer> {
  try {
    const response = await fetch(url, {
      headers: { accept: 'image/*' },
      signal: AbortSignal.timeout(fetchTimeoutMs),
    });
    if (!response.ok) throw wrong('url', `Expected a picture at ${url}, and got HTTP ${response.status}.`);
    return await readLimited(response);
  } catch (error) {
    if (error instanceof InvalidInputError || error instanceof FileTooLargeError) throw error;
    throw wrong('url', `Expected a picture at ${url}, and got none (${explain(error)}).`);
  }
}

async function readLimited({ body }: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    // Leaving the loop ends the download.
    if (bytes > maxFileBytes) throw new FileTooLargeError(bytes, maxFileBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** fetch says "fetch failed" alone, and what it was as its cause. */
function explain(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message || message : message;
}

const wrong = (field: 'path' | 'url', message: string) =>
  new InvalidInputError([{ path: `picture.${field}`, message }]);

/** What the file is called; what uploads it takes the last part. */
export function nameOf({ path, url }: ImportedPicture): string {
  return path ?? new URL(url ?? '').pathname;
}
