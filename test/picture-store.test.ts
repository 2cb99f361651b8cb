import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDiskStore } from '../src/platform/disk-store.ts';
import { isStoreKey, type PictureStore, toPictureKey, toSourceKey } from '../src/platform/picture-store.ts';
import { createDiskShelf, createS3Shelf, type DiskShelf, type Shelf } from './support/picture-shelves.ts';
import { longAgo } from './support/s3-server.ts';

const bytes = Buffer.from('a picture');
const key = toPictureKey(bytes);
const hash = 'ab'.repeat(32);

async function listed(store: PictureStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list()) keys.push(key);
  return keys.sort();
}

it('is named by its content, public and private ones apart', () => {
  expect(toPictureKey(Buffer.from('a picture'))).toBe(key);
  expect(key).toMatch(/^public\/[0-9a-f]{64}\.webp$/);
  expect(toSourceKey(bytes)).toBe(key.replace('public/', 'source/'));
  expect(toPictureKey(Buffer.from('another'))).not.toBe(key);
});

describe.each([
  ['a folder', createDiskShelf],
  ['a bucket', createS3Shelf],
])('a store in %s', (_, createShelf: () => Promise<Shelf>) => {
  let shelf: Shelf;
  let store: PictureStore;
  beforeEach(async () => {
    shelf = await createShelf();
    store = shelf.store;
  });
  afterEach(() => shelf.close());

  it('gives what it got, and only under its own name', async () => {
    await store.put(key, bytes);
    expect(await store.read(key)).toEqual(bytes);
    expect(await store.read(toSourceKey(bytes))).toBeNull();
    expect(await store.read(toPictureKey(Buffer.from('another')))).toBeNull();
  });

  it('keeps a file and nothing else', async () => {
    await store.put(key, bytes);
    expect(await shelf.names()).toEqual([key]);
  });

  it('keeps a large file as it is', async () => {
    const large = Buffer.alloc(3_000_000, 'large');
    await store.put(toSourceKey(large), large);
    expect((await store.read(toSourceKey(large)))?.equals(large)).toBe(true);
  });

  it('has a file whole that many put at once', async () => {
    await Promise.all(Array.from({ length: 20 }, () => store.put(key, bytes)));
    expect(await store.read(key)).toEqual(bytes);
    expect(await listed(store)).toEqual([key]);
  });

  it('serves many different files at once', async () => {
    const files = Array.from({ length: 60 }, (_, at) => Buffer.from(`picture ${at}`));
    const kept = await Promise.all(
      files.map(async (file) => {
        await store.put(toPictureKey(file), file);
        return store.read(toPictureKey(file));
      }),
    );
    expect(kept).toEqual(files);
    expect(await listed(store)).toEqual(files.map(toPictureKey).sort());
    await Promise.all(files.map((file) => store.delete(toPictureKey(file))));
    expect(await shelf.names()).toEqual([]);
  });

  it('mends by the next put what was damaged from outside', async () => {
    await store.put(key, bytes);
    await shelf.place(key, 'a pic');
    await store.put(key, bytes);
    expect(await store.read(key)).toEqual(bytes);
  });

  it('deletes once, and again without complaint', async () => {
    await store.put(key, bytes);
    for (const _ of [1, 2]) await store.delete(key);
    await store.delete(key, new Date());
    expect(await store.read(key)).toBeNull();
    expect(await shelf.names()).toEqual([]);
  });

  it('spares a file that was put again since it was listed', async () => {
    await store.put(key, bytes);
    await shelf.makeOld(key);
    const hourAgo = new Date(Date.now() - 3_600_000);
    await store.put(key, bytes);
    await store.delete(key, hourAgo);
    expect(await store.read(key)).toEqual(bytes);
    await shelf.makeOld(key);
    await store.delete(key, hourAgo);
    expect(await store.read(key)).toBeNull();
  });

  it('knows within a second which came first, a put or the wish to delete', async () => {
    await store.put(key, bytes);
    const wishedAt = new Date(Date.now() + 1);
    await store.delete(key, wishedAt);
    expect(await store.read(key)).toBeNull();
    await store.put(key, bytes);
    await store.delete(key, new Date(wishedAt.getTime() - 100));
    expect(await store.read(key)).toEqual(bytes);
  });

  it('lists every file with the time of its last put, and no other', async () => {
    const before = Date.now();
    await store.put(key, bytes);
    await store.put(toSourceKey(bytes), bytes);
    await shelf.makeOld(key);
    await shelf.place('public/.writing-1', 'half');
    await shelf.place('public/notes.txt', 'mine');
    const times = new Map<string, Date>();
    for await (const { key, writtenAt } of store.list()) times.set(key, writtenAt);
    expect([...times.keys()].sort()).toEqual([key, toSourceKey(bytes)]);
    expect(times.get(key)).toEqual(longAgo);
    expect(times.get(toSourceKey(bytes))?.getTime()).toBeGreaterThan(before - 2_000);
  });

  it('counts a file as new that was put again', async () => {
    await store.put(key, bytes);
    await shelf.makeOld(key);
    await store.put(key, bytes);
    for await (const { writtenAt } of store.list()) expect(writtenAt.getFullYear()).toBeGreaterThan(2020);
  });

  it('lists more than a page has', async () => {
    const names = Array.from({ length: 250 }, (_, at) =>
      (at % 2 ? toPictureKey : toSourceKey)(Buffer.from(String(at))),
    );
    await Promise.all(names.map((name) => shelf.place(name, '')));
    expect(await listed(store)).toEqual(names.sort());
  });

  it('lists nothing while it is new', async () => {
    expect(await listed(store)).toEqual([]);
  });

  it('is found ready where a file can be written, and keeps none of that', async () => {
    await store.check();
    expect(await shelf.names()).toEqual([]);
  });

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
  ])('refuses in every function a name that it does not give: %j', async (name) => {
    expect(isStoreKey(name)).toBe(false);
    const refused = 'not a name of the picture store';
    await expect(store.put(name, bytes)).rejects.toThrow(refused);
    await expect(store.read(name)).rejects.toThrow(refused);
    await expect(store.delete(name)).rejects.toThrow(refused);
    await expect(store.addressOf(name, 'GET')).rejects.toThrow(refused);
    expect(await shelf.names()).toEqual([]);
  });
});

describe('a folder', () => {
  let shelf: DiskShelf;
  let store: PictureStore;
  /** The place of `key`. */
  let path: string;
  beforeEach(async () => {
    shelf = await createDiskShelf();
    ({ store } = shelf);
    path = shelf.pathOf(key);
  });
  afterEach(() => shelf.close());
  const away = { code: 'SERVICE_UNAVAILABLE', status: 503 };
  const inTheWay = () => writeFile(`${shelf.folder}/public`, 'in the way');

  it('does not get a file again that it has', async () => {
    await store.put(key, bytes);
    const before = await stat(path);
    await shelf.makeOld(key);
    await store.put(key, bytes);
    const after = await stat(path);
    expect(after.ino).toBe(before.ino);
    expect(after.mtime.getTime()).toBeGreaterThanOrEqual(before.mtime.getTime() - 1);
  });

  it('never loses a file whose put has resolved', async () => {
    const hourAgo = new Date(Date.now() - 3_600_000);
    for (let round = 0; round < 100; round++) {
      await store.put(key, bytes);
      await shelf.makeOld(key);
      await Promise.all([store.delete(key, hourAgo), store.put(key, bytes)]);
      expect(await store.read(key)).toEqual(bytes);
    }
  });

  it('is rid of what interrupted writes left, when it is old enough', async () => {
    await store.put(key, bytes);
    const half = `${dirname(path)}/.writing-1`;
    await writeFile(half, 'half');
    await store.sweepTemporary(3_600_000);
    expect(await readFile(half, 'utf8')).toBe('half');
    await store.sweepTemporary(-1000);
    expect(await shelf.names()).toEqual([key]);
  });

  it('gets back what an interrupted deletion had taken away', async () => {
    await store.put(key, bytes);
    await rename(path, `${path}.deleting-1`);
    expect(await listed(store)).toEqual([]);
    await store.sweepTemporary(-1000);
    expect(await store.read(key)).toEqual(bytes);
  });

  it('that is gone is away, and is not made anew: a disk may not be mounted', async () => {
    await rm(shelf.folder, { recursive: true });
    await expect(store.put(key, bytes)).rejects.toMatchObject(away);
    await expect(store.check()).rejects.toMatchObject(away);
    await expect(stat(shelf.folder)).rejects.toThrow('ENOENT');
  });

  it('that is away keeps the cause for the log and out of the message', async () => {
    await rm(shelf.folder, { recursive: true });
    const error = await store.put(key, bytes).catch((thrown) => thrown);
    expect(error.cause.code).toBe('ENOENT');
    expect(error.message).not.toContain(shelf.folder);
  });

  it('that can not be written is away', async () => {
    // Not by rights alone: root, as which tests may run, is above them.
    await inTheWay();
    await expect(store.put(key, bytes)).rejects.toMatchObject(away);
    const readOnly = createDiskStore('/proc/self');
    await expect(readOnly.check()).rejects.toMatchObject(away);
    await expect(readOnly.put(key, bytes)).rejects.toMatchObject(away);
  });

  it('works again when the obstacle is gone', async () => {
    await inTheWay();
    await expect(store.put(key, bytes)).rejects.toMatchObject(away);
    await rm(`${shelf.folder}/public`);
    await store.put(key, bytes);
    expect(await store.read(key)).toEqual(bytes);
  });

  it('has no half of a file where writing fails', async () => {
    await mkdir(path, { recursive: true });
    await expect(store.put(key, bytes)).rejects.toMatchObject(away);
    expect(await readdir(dirname(path))).toEqual([key.slice('public/'.length)]);
  });
});
