import { randomBytes } from 'node:crypto';
import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { StartError } from '../errors.ts';

/**
 * Makes `path` and the folders above it where they are missing (each with `mode`), and writes a file there to see that
 * one can. The default mode lets another user pass through to a folder of their own below, and read nothing.
 *
 * @throws StartError naming DATA_DIR.
 */
export async function prepareFolder(path: string, mode = 0o711): Promise<void> {
  const folder = resolve(path);
  try {
    for (const missing of await missingFolders(folder)) await makeFolder(missing, mode);
    await tryToWrite(folder);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new StartError(`DATA_DIR: expected a folder that can be written, and got "${folder}" (${code ?? message}).`, {
      cause: error,
    });
  }
}

// Step by step, since on Node 20 a recursive mkdir below /proc never returns.
async function missingFolders(folder: string): Promise<string[]> {
  const missing: string[] = [];
  for (let path = folder; !(await isFolder(path)); path = dirname(path)) missing.unshift(path);
  return missing;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || path === dirname(path)) throw error;
    return false;
  }
  throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' });
}

async function makeFolder(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    // Somebody else was as fast as we: all the better.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

// A question such as access(W_OK) isn't enough: root hears yes below /proc, and everybody on a full disk.
async function tryToWrite(folder: string): Promise<void> {
  const probe = join(folder, `.write-${randomBytes(8).toString('hex')}`);
  try {
    await writeFile(probe, 'x', { flag: 'wx', mode: 0o600 });
  } finally {
    await rm(probe, { force: true });
  }
}
