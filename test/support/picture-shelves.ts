import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { vi } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { createDiskStore } from '../../src/platform/disk-store.ts';
import type { PictureStore } from '../../src/platform/picture-store.ts';
import { createS3Store } from '../../src/platform/s3-store.ts';
import { createS3Server, longAgo, type S3Server } from './s3-server.ts';

/** A picture store, and what stands behind it, past which a test can look and reach. */
export interface Shelf {
  store: PictureStore;
  /** Names of all that is there, also of what the store doesn't know. */
  names(): Promise<string[]>;
  /** Puts it there past the store. */
  place(name: string, content: Buffer | string): Promise<void>;
  /** As if it had been put in 2020. */
  makeOld(name: string): Promise<void>;
  close(): Promise<void>;
}

export interface DiskShelf extends Shelf {
  folder: string;
  pathOf(name: string): string;
}

export interface S3Shelf extends Shelf {
  s3: S3Server;
}

export async function createDiskShelf(): Promise<DiskShelf> {
  const folder = await mkdtemp(join(tmpdir(), 'visage-store-'));
  const pathOf = (name: string) => {
    const [namespace = '', file = ''] = name.split('/');
    return join(folder, namespace, file.slice(0, 2), file);
  };
  return {
    folder,
    pathOf,
    store: createDiskStore(folder),
    async names() {
      const found = await readdir(folder, { recursive: true, withFileTypes: true });
      const files = found.filter((entry) => entry.isFile());
      return files.map(({ parentPath, name }) => join(relative(folder, dirname(parentPath)), name)).sort();
    },
    async place(name, content) {
      await mkdir(dirname(pathOf(name)), { recursive: true });
      await writeFile(pathOf(name), content);
    },
    async makeOld(name) {
      await stat(pathOf(name));
      await utimes(pathOf(name), longAgo, longAgo);
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** `limitMs` is how long a call may take; pages of a list are short, so that there are some. */
export async function createS3Shelf({ limitMs = 30_000, prefix = 'some/pictures' } = {}): Promise<S3Shelf> {
  const s3 = await createS3Server({ pageSize: 100 });
  stubKeys(s3);
  const store = openBucketStore(s3.url({ prefix }), limitMs);
  const nameOf = (name: string) => (prefix ? `${prefix}/${name}` : name);
  return {
    s3,
    store,
    names: async () => [...s3.objects.keys()].map((name) => name.slice(nameOf('').length)).sort(),
    async place(name, content) {
      s3.objects.set(nameOf(name), { bytes: Buffer.from(content), lastModified: new Date(), headers: {} });
    },
    async makeOld(name) {
      s3.makeOld(nameOf(name));
    },
    async close() {
      await store.close();
      await s3.close();
    },
  };
}

/** Puts the stand-in's keys where Amazon's client looks for keys; and nowhere else does it look. */
export function stubKeys({ env }: S3Server): void {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
}

/** The store that a `STORAGE_URL` names. */
export function openBucketStore(url: string, limitMs: number): PictureStore {
  const { storage } = readConfig({ STORAGE_URL: url });
  if (storage.kind !== 's3') throw new Error(`${url} names no bucket.`);
  return createS3Store(storage, { limitMs });
}
