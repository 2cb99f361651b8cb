import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { serviceUnavailable } from '../errors.ts';
import { assertStoreKey, isStoreKey, type PictureStore, type StoredKey } from './picture-store.ts';

const namespaces = ['public', 'source'] as const;
/** Of a file that is being written. */
const writing = '.writing-';
/** Of a file that is being deleted: `<name>.deleting-<random>`. */
const deleting = '.deleting-';

/**
 * Keeps the files in a folder that exists already, as `public/ab/ab….webp`; several processes may share it.
 *
 * A file is written beside its place, synced, renamed, and its folder synced: after a crash it is there whole, or not at
 * all. A file under its final name is therefore always whole, and a second `put` need not write it again.
 */
export function createDiskStore(folder: string): PictureStore {
  const pathOf = (key: string) => {
    assertStoreKey(key);
    const [namespace = '', name = ''] = key.split('/');
    return join(folder, namespace, name.slice(0, 2), name);
  };

  return {
    put: (key, bytes) => available(() => put(pathOf(key), bytes)),
    read: (key) => available(() => ifThere(readFile(pathOf(key)))),
    delete: (key, unlessPutAfter) => available(() => remove(pathOf(key), unlessPutAfter)),
    list: () => list(folder),
    check: () =>
      available(() => writeDurably(join(folder, `${writing}${randomUUID()}`), new Uint8Array(1), readAndRemove)),
    sweepTemporary: (olderThanMs) => available(() => sweepTemporary(folder, Date.now() - olderThanMs)),
    async addressOf(key) {
      assertStoreKey(key);
      return null;
    },
    close: async () => undefined,
  };
}

/** Every error of the file system means that the store is away; what is merely missing was dealt with before. */
async function available<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw isSystemError(error) ? serviceUnavailable('The picture store', error) : error;
  }
}

const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && 'syscall' in error && 'errno' in error;

const hasCode = (error: unknown, ...codes: string[]) => isSystemError(error) && codes.includes(error.code ?? '');

/** The answer where the file or folder is there, null where not. */
async function ifThere<Result>(work: Promise<Result>): Promise<Result | null> {
  try {
    return await work;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
}

async function put(path: string, bytes: Uint8Array): Promise<void> {
  if (await refresh(path, bytes.length)) return;
  await makeFolder(dirname(dirname(path)));
  await makeFolder(dirname(path));
  const temporary = join(dirname(path), `${writing}${randomUUID()}`);
  await writeDurably(temporary, bytes, () => rename(temporary, path));
  await syncFolder(dirname(path));
}

/** Makes a file that is there already young and durable. False where it isn't, or no longer, or not whole. */
async function refresh(path: string, bytes: number): Promise<boolean> {
  const file = await ifThere(open(path, 'r+'));
  if (!file) return false;
  try {
    const now = new Date();
    await file.utimes(now, now);
    await file.sync();
    const mine = await file.stat();
    await syncFolder(dirname(path));
    // A deletion takes the file away before it looks at its age: still in its place now, it has seen the new one.
    const there = await ifThere(stat(path));
    return there?.ino === mine.ino && mine.size === bytes;
  } finally {
    await file.close();
  }
}

/** Writes and syncs a file, then lets `finish` name it; whatever fails, no half of it stays. */
async function writeDurably(temporary: string, bytes: Uint8Array, finish: (path: string) => Promise<void>) {
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await finish(temporary);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
  // The folder's own name must be durable too, also where another put made it a moment ago and has not synced it yet.
  await syncFolder(dirname(path));
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch((error) => {
    // Windows can't open a folder; NTFS keeps names in its journal.
    if (hasCode(error, 'EISDIR', 'EPERM')) return null;
    throw error;
  });
  if (!folder) return;
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * Takes the file away under another name, looks at its age only then, and puts it back if it is young: so a `put` of the
 * same content at the same moment either makes it young in time, or finds it gone and writes it anew.
 */
async function remove(path: string, unlessPutAfter?: Date): Promise<void> {
  const isYoung = async (file: string) => {
    const found = await ifThere(stat(file));
    return !found || (unlessPutAfter !== undefined && found.mtime > unlessPutAfter);
  };
  if (await isYoung(path)) return;
  const aside = `${path}${deleting}${randomUUID()}`;
  if ((await ifThere(rename(path, aside).then(() => true))) === null) return;
  if (await isYoung(aside)) await ifThere(rename(aside, path));
  else await ifThere(unlink(aside));
}

async function* list(folder: string): AsyncGenerator<StoredKey> {
  for await (const { path, key } of walk(folder)) {
    const found = isStoreKey(key) ? await available(() => ifThere(stat(path))) : null;
    if (found) yield { key, writtenAt: found.mtime };
  }
}

async function sweepTemporary(folder: string, olderThan: number): Promise<number> {
  let count = 0;
  for await (const { path } of walk(folder)) {
    const name = basename(path);
    // A deletion that was cut short may have met a put: back in its place, the next sweep judges it afresh.
    if (name.includes(deleting)) await ifThere(rename(path, path.slice(0, path.lastIndexOf(deleting))));
    if (!name.startsWith(writing)) continue;
    const found = await ifThere(stat(path));
    if (!found || found.ctimeMs > olderThan) continue;
    await ifThere(unlink(path));
    count++;
  }
  return count;
}

async function* walk(folder: string): AsyncGenerator<{ path: string; key: string }> {
  for (const name of await available(() => names(folder))) {
    if (name.startsWith(writing)) yield { path: join(folder, name), key: name };
  }
  for (const namespace of namespaces) {
    for (const shard of await available(() => names(join(folder, namespace)))) {
      const inside = join(folder, namespace, shard);
      for (const name of await available(() => names(inside)))
        yield { path: join(inside, name), key: `${namespace}/${name}` };
    }
  }
}

async function readAndRemove(path: string): Promise<void> {
  await readFile(path);
  await unlink(path);
}

/** Names in a folder, none where it isn't there. */
const names = async (folder: string) => (await ifThere(readdir(folder))) ?? [];
