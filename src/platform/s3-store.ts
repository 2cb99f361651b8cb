import { randomUUID } from 'node:crypto';
import type { Storage } from '../config-values.ts';
import { serviceUnavailable } from '../errors.ts';
import { assertStoreKey, isStoreKey, type PictureStore } from './picture-store.ts';
import type { Bucket, StoredObject } from './s3-bucket.ts';

const namespaces = ['public/', 'source/'] as const;
/** Of an object that only shows that objects can be written. */
const probing = '.probe-';

/** What an object says of itself to whoever fetches it: its name is the hash of its content. */
const pictureHeaders = { type: 'image/webp', cacheControl: 'public, max-age=31536000, immutable' };
const sourceHeaders = { type: 'image/webp', cacheControl: 'private, no-store' };

interface S3StoreOptions {
  /** How long one call may take, new tries included. */
  limitMs?: number;
}

/** Keeps the files in a bucket, as `<prefix>public/ab….webp`; any number of processes may share it. */
export function createS3Store(
  storage: Extract<Storage, { kind: 's3' }>,
  { limitMs = 10_000 }: S3StoreOptions = {},
): PictureStore {
  const { prefix } = storage;
  let opened: Promise<Bucket> | undefined;
  /** Opened by who first needs it: S3's client takes 20 MB, which a server with a disk has no use for. */
  const open = () => {
    opened ??= import('./s3-bucket.ts').then(({ openBucket }) => openBucket(storage, limitMs));
    return opened;
  };
  const withBucket = <Result>(work: (bucket: Bucket) => Promise<Result>) => available(async () => work(await open()));
  const nameOf = (key: string) => {
    assertStoreKey(key);
    return prefix + key;
  };
  async function* objectsBelow(start: string): AsyncGenerator<StoredObject> {
    let next: string | undefined;
    do {
      const page = await withBucket((bucket) => bucket.page(start, next));
      yield* page.objects;
      next = page.next;
    } while (next);
  }

  return {
    async put(key, bytes) {
      const name = nameOf(key);
      const headers = key.startsWith('public/') ? pictureHeaders : sourceHeaders;
      await withBucket((bucket) => bucket.put(name, bytes, headers));
    },
    async read(key) {
      const name = nameOf(key);
      return withBucket((bucket) => bucket.get(name));
    },
    async delete(key, unlessPutAfter) {
      const name = nameOf(key);
      await withBucket((bucket) => remove(bucket, name, unlessPutAfter));
    },
    async *list() {
      for (const namespace of namespaces) {
        for await (const { name, writtenAt } of objectsBelow(prefix + namespace)) {
          const key = name.slice(prefix.length);
          if (isStoreKey(key)) yield { key, writtenAt };
        }
      }
    },
    check: () => withBucket((bucket) => check(bucket, `${prefix}${probing}${randomUUID()}`)),
    async sweepTemporary(olderThanMs) {
      // An object is there whole or not at all: only a check that was cut short leaves something.
      let swept = 0;
      for await (const { name, writtenAt } of objectsBelow(prefix + probing)) {
        if (writtenAt.getTime() > Date.now() - olderThanMs) continue;
        await withBucket((bucket) => bucket.remove(name));
        swept += 1;
      }
      return swept;
    },
    async addressOf(key, method) {
      const name = nameOf(key);
      return storage.delivery === 'redirect' ? withBucket((bucket) => bucket.sign(method, name)) : null;
    },
    async close() {
      (await opened)?.close();
    },
  };
}

/** What is merely missing was dealt with before: every error means that the store is away, or closed to us. */
async function available<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw serviceUnavailable('The picture store', error);
  }
}

/**
 * S3 has no deletion that looks at an object's age, nor one that can be taken back: an object that is put between the two
 * steps is deleted all the same. Who deletes files keeps uploads of the same ones out by the database.
 */
async function remove(bucket: Bucket, name: string, unlessPutAfter?: Date): Promise<void> {
  if (unlessPutAfter) {
    const putAt = await bucket.putAt(name);
    if (!putAt || putAt > unlessPutAfter) return;
  }
  await bucket.remove(name);
}

async function check(bucket: Bucket, name: string): Promise<void> {
  await bucket.put(name, new Uint8Array(1), sourceHeaders);
  const found = await bucket.get(name);
  await bucket.remove(name);
  if (!found) throw new Error('what was written is not there');
}
