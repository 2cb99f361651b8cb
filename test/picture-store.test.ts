import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDiskStore } from '../src/platform/disk-store.ts';
import { isStoreKey, type PictureStore, toPictureKey, toSourceKey } from '../src/platform/picture-store.ts';

const bytes = Buffer.from('a picture');
const key = toPictureKey(bytes);

let folder: string;
let store: PictureStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'visage-store-'));
  store = createDiskStore(folder);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const pathOf = (name: string) => {
  const [namespace = '', file = ''] = name.split('/');
  return join(folder, namespace, file.slice(0, 2), file);
};
const longAgo = new Date('2020-01-01');
const makeOld = (path: string) => utimes(path, longAgo, longAgo);

async function listed(): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list()) keys.push(key);
  return keys.sort();
}

describe('a stored file', () => {
  it('is named by its content, public and private ones apart', () => {
    expect(toPictureKey(Buffer.from('a picture'))).toBe(key);
    expect(key).toMatch(/^public\/[0-9a-f]{64}\.webp$/);
    expect(toSourceKey(bytes)).toBe(key.replace('public/', 'source/'));
    expect(toPictureKey(Buffer.from('another'))).not.toBe(key);
  });

  it('is read as it was put, and only under its own name', async () => {
    await store.put(key, bytes);
    expect(await store.read(key)).toEqual(bytes);
    expect(await store.read(toSourceKey(bytes))).toBeNull();
    expect(await store.read(toPictureKey(Buffer.from('another')))).toBeNull();
  });

  it('leaves nothing but itself in its folder', async () => {
    await store.put(key, bytes);
    expect(await readdir(dirname(pathOf(key)))).toEqual([key.slice('public/'.length)]);
  });

  it('put by many at once is there whole', async () => {
    await Promise.all(Array.from({ length: 20 }, () => store.put(key, bytes)));
    expect(await store.read(key)).toEqual(bytes);
    expect(await listed()).toEqual([key]);
  });

  it('put again is not written again, and counts as new', async () => {
    await store.put(key, bytes);
    const before = await stat(pathOf(key));
    await makeOld(pathOf(key));
    await store.put(key, bytes);
    const after = await stat(pathOf(key));
    expect(after.ino).toBe(before.ino);
    expect(after.mtime.getTime()).toBeGreaterThanOrEqual(before.mtime.getTime() - 1);
  });

  it('that was damaged from outside is mended by the next put', async () => {
    await store.put(key, bytes);
    await writeFile(pathOf(key), 'a pic');
    await store.put(key, bytes);
    expect(await store.read(key)).toEqual(bytes);
  });

  it('is deleted once, and again without complaint', async () => {
    await store.put(key, bytes);
    await store.delete(key);
    await store.delete(key);
    expect(await store.read(key)).toBeNull();
    expect(await readdir(dirname(pathOf(key)))).toEqual([]);
  });
});

describe('a sweep', () => {
  it('lists every file with the time of its last put, and no other', async () => {
    await store.put(key, bytes);
    await store.put(toSourceKey(bytes), bytes);
    await makeOld(pathOf(key));
    await writeFile(join(dirname(pathOf(key)), '.writing-1'), 'half');
    await writeFile(join(dirname(pathOf(key)), 'notes.txt'), 'mine');
    expect(await listed()).toEqual([key, toSourceKey(bytes)]);
    for await (const file of store.list()) if (file.key === key) expect(file.writtenAt).toEqual(longAgo);
  });

  it('of a new store finds nothing', async () => {
    expect(await listed()).toEqual([]);
  });

  it('spares a file that was put again since it was listed', async () => {
    await store.put(key, bytes);
    await makeOld(pathOf(key));
    const hourAgo = new Date(Date.now() - 3_600_000);
    await store.put(key, bytes);
    await store.delete(key, hourAgo);
    expect(await store.read(key)).toEqual(bytes);
    await makeOld(pathOf(key));
    await store.delete(key, hourAgo);
    expect(await store.read(key)).toBeNull();
  });

  it('never takes a file whose put has resolved', async () => {
    const hourAgo = new Date(Date.now() - 3_600_000);
    for (let round = 0; round < 100; round++) {
      await store.put(key, bytes);
      await makeOld(pathOf(key));
      await Promise.all([store.delete(key, hourAgo), store.put(key, bytes)]);
      expect(await store.read(key)).toEqual(bytes);
    }
  });

  it('removes what interrupted writes left, when it is old enough', async () => {
    await store.put(key, bytes);
    const half = join(dirname(pathOf(key)), '.writing-1');
    await writeFile(half, 'half');
    await store.sweepTemporary(3_600_000);
    expect(await readFile(half, 'utf8')).toBe('half');
    await store.sweepTemporary(-1000);
    expect(await readdir(dirname(half))).toEqual([key.slice('public/'.length)]);
  });

  it('puts back what an interrupted deletion had taken away', async () => {
    await store.put(key, bytes);
    await rename(pathOf(key), `${pathOf(key)}.deleting-1`);
    expect(await listed()).toEqual([]);
    await store.sweepTemporary(-1000);
    expect(await store.read(key)).toEqual(bytes);
  });
});

describe('a name that the store does not give', () => {
  const hash = 'ab'.repeat(32);
  it.each([
    '',
    'public',
    `private/${hash}.webp`,
    `${hash}.webp`,
    `/public/${hash}.webp`,
    `public/${hash}`,
    `public/${hash}.svg`,
    `public/${hash.toUpperCase()}.webp`,
    `public/${hash}.webp/`,
    `public/${hash}.webp\n`,
    `public/${hash}.webp\0`,
    `public/../source/${hash}.webp`,
    `public/..%2fsource%2f${hash}.webp`,
    'public/../../etc/passwd',
    `public\\${hash}.webp`,
  ])('is refused by every function: %j', async (name) => {
    expect(isStoreKey(name)).toBe(false);
    await expect(store.put(name, bytes)).rejects.toThrow('not a name of the picture store');
    await expect(store.read(name)).rejects.toThrow('not a name of the picture store');
    await expect(store.delete(name)).rejects.toThrow('not a name of the picture store');
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('a store that is away', () => {
  const away = { code: 'SERVICE_UNAVAILABLE', status: 503 };

  it('says so where its folder is gone, and does not make it anew: a disk may not be mounted', async () => {
    await rm(folder, { recursive: true });
    await expect(store.put(key, bytes)).rejects.toMatchObject(away);
    await expect(store.check()).rejects.toMatchObject(away);
    await expect(stat(folder)).rejects.toThrow('ENOENT');
  });

  it('keeps the cause for the log and out of the message', async () => {
    await rm(folder, { recursive: true });
    const error = await store.put(key, bytes).catch((thrown) => thrown);
    expect(error.cause.code).toBe('ENOENT');
    expect(error.message).not.toContain(folder);
  });

  it('says so where it can not be written', async () => {
    // Not by rights alone: root, as which tests may run, is above them.
    await writeFile(join(folder, 'public'), 'in the way');
    await expect(store.put(key, bytes)).rejects.toMatchObject(away);
    const readOnly = createDiskStore('/proc/self');
    await expect(readOnly.check()).rejects.toMatchObject(away);
    await expect(readOnly.put(key, bytes)).rejects.toMatchObject(away);
  });

  it('works again when the obstacle is gone', async () => {
    await writeFile(join(folder, 'public'), 'in the way');
    await expect(store.put(key, bytes)).rejects.toMatchObject(away);
    await rm(join(folder, 'public'));
    await store.put(key, bytes);
    expect(await store.read(key)).toEqual(bytes);
  });

  it('leaves no half of a file where writing fails', async () => {
    const path = pathOf(key);
    await mkdir(path, { recursive: true });
    await expect(store.put(key, bytes)).rejects.toMatchObject(away);
    expect(await readdir(dirname(path))).toEqual([key.slice('public/'.length)]);
  });
});

describe('the readiness check', () => {
  it('passes where a file can be written, and leaves none', async () => {
    await store.check();
    expect(await readdir(folder)).toEqual([]);
  });
});
