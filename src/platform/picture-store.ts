import { createHash } from 'node:crypto';

/** A file of the store, and when it was last put. */
export interface StoredKey {
  key: string;
  writtenAt: Date;
}

/**
 * Keeps files under names made of their content (`toPictureKey`, `toSourceKey`); every function throws on any other name.
 * While the store is away (disk full, read-only, gone), they throw SERVICE_UNAVAILABLE.
 */
export interface PictureStore {
  /**
   * When it resolves, the file survives a crash of the machine. Put again, a file is as good as new: its `writtenAt`
   * moves, so that a sweeper that judges by age spares it.
   */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** Null where there is none. */
  read(key: string): Promise<Buffer | null>;
  /** Does nothing where there is none, or where it was put after `unlessPutAfter`. */
  delete(key: string, unlessPutAfter?: Date): Promise<void>;
  /** Every file, in no order. */
  list(): AsyncIterable<StoredKey>;
  /** Throws where nothing can be written and read; for readiness. */
  check(): Promise<void>;
  /**
   * Removes what writes that were interrupted longer ago than that have left, and undoes deletions that were: files under
   * names that `list` doesn't show. Answers how many it removed. From time to time.
   */
  sweepTemporary(olderThanMs: number): Promise<number>;
  /**
   * An address elsewhere at which anyone can fetch the file in this way, good for `signedForS` at least; null where the
   * store is behind this server alone. It is made without asking the store, so the file may not be there.
   */
  addressOf(key: string, method: 'GET' | 'HEAD'): Promise<string | null>;
  /** Lets go of connections, once nothing is under way. */
  close(): Promise<void>;
}

/**
 * How long an address elsewhere can be used at least. A bucket's keys may be borrowed for a while, as a machine's role has
 * them, and no signature outlives them: they are renewed five minutes before their end.
 */
export const signedForS = 300;

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Name of a file that anyone may fetch: `public/<sha256>.webp`. */
export const toPictureKey = (bytes: Uint8Array): string => `public/${sha256(bytes)}.webp`;

/** Name of an upright copy, which the owner's crops are made from and nobody may fetch: `source/<sha256>.webp`. */
export const toSourceKey = (bytes: Uint8Array): string => `source/${sha256(bytes)}.webp`;

/** Is it a name of this store? A route for the public asks with `public/` before what it was given. */
export const isStoreKey = (key: string): boolean => /^(public|source)\/[0-9a-f]{64}\.webp$/.test(key);

/** Throws on a name that this store doesn't give: a mistake of ours, or an attempt to leave the store's folder. */
export function assertStoreKey(key: string): void {
  if (!isStoreKey(key)) throw new Error(`not a name of the picture store: ${JSON.stringify(key)}`);
}
