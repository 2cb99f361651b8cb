import { RequestError } from '../errors.ts';
import { type Database, databaseCode, type Statement } from './database.ts';

type Reader = Pick<Database, 'query'>;

/** Reads, or writes, for many requests by a statement; in the order of the keys. */
type Batch<Key, Value, Db extends Reader> = (db: Db, statement: Statement, keys: readonly Key[]) => Promise<Value[]>;

export interface SharedLoaderOptions {
  /** Keys at most that go into one statement. */
  maxBatchSize: number;
  /** What is written may have been written though no answer came: it is never tried again. */
  writes?: boolean;
}

/** Loads a key by a statement in a database. */
export type SharedLoader<Key, Value, Db extends Reader = Reader> = (
  db: Db,
  statement: Statement,
  key: Key,
) => Promise<Value>;

/**
 * What many requests ask for at about the same moment, by one statement for all of them: whatever the process was asked for
 * since it last looked at its sockets, and while the last statement of the kind was under way. To send and to start a
 * statement costs PostgreSQL and Node more than a row of it, so the busier a server is, the less a request costs; an idle one
 * waits for nobody. Nothing is kept: whoever asks after a change gets what is there then. Each statement has a queue of its
 * own, so that nobody waits for another kind of work.
 */
export function createSharedLoader<Key, Value, Db extends Reader = Reader>(
  batch: Batch<Key, Value, Db>,
  { maxBatchSize, writes = false }: SharedLoaderOptions,
): SharedLoader<Key, Value, Db> {
  const queues = new WeakMap<Reader, Map<Statement, Queue<Key, Value>>>();
  return (db, statement, key) => {
    const ofDatabase = queues.get(db) ?? new Map<Statement, Queue<Key, Value>>();
    let queue = ofDatabase.get(statement);
    if (!queue) {
      queue = new Queue((keys) => oneForAll((some) => batch(db, statement, some), keys, writes), maxBatchSize);
      queues.set(db, ofDatabase.set(statement, queue));
    }
    return queue.load(key);
  };
}

/**
 * Nobody waits for what takes longer than this, or one statement that takes its time would hold up all. Of 3 to 24 ms, all
 * cost a busy server the same.
 */
const patienceMs = 5;

interface Waiting<Key, Value> {
  key: Key;
  resolve(value: Value | Promise<Value>): void;
  reject(reason: unknown): void;
}

/** Reads, or writes, for all of the keys; of some it may still be under way. */
type Run<Key, Value> = (keys: readonly Key[]) => Promise<(Value | Promise<Value>)[]>;

/** Keys that wait to go into a statement together. */
class Queue<Key, Value> {
  readonly #run: Run<Key, Value>;
  readonly #maxBatchSize: number;
  #waiting: Waiting<Key, Value>[] = [];
  /** Runs once Node has read what stood in its sockets. */
  #turn: NodeJS.Immediate | undefined;
  /** Runs when the last statement has taken too long to be waited for. */
  #patience: NodeJS.Timeout | undefined;
  /** The last statement; null once it is done, though those before it, or what was refused and goes alone, may not be. */
  #last: { sentAt: number } | null = null;

  constructor(run: Run<Key, Value>, maxBatchSize: number) {
    this.#run = run;
    this.#maxBatchSize = maxBatchSize;
  }

  load(key: Key): Promise<Value> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ key, resolve, reject });
      this.#turn ??= setImmediate(() => this.#sendWhatMayGo());
    });
  }

  #sendWhatMayGo(): void {
    this.#turn = undefined;
    const waitMs = this.#msToWait();
    while (this.#waiting.length > 0 && (waitMs === 0 || this.#waiting.length >= this.#maxBatchSize)) {
      void this.#send(this.#waiting.splice(0, this.#maxBatchSize));
    }
    if (this.#waiting.length > 0) this.#patience ??= setTimeout(() => this.#stopWaiting(), waitMs);
  }

  /** Until the last statement has taken too long; 0: there is nothing to wait for. */
  #msToWait(): number {
    return this.#last ? Math.max(0, this.#last.sentAt + patienceMs - performance.now()) : 0;
  }

  #stopWaiting(): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
    const { length } = this.#waiting;
    for (let sent = 0; sent < length; sent += this.#maxBatchSize) {
      void this.#send(this.#waiting.splice(0, this.#maxBatchSize));
    }
  }

  async #send(batch: readonly Waiting<Key, Value>[]): Promise<void> {
    const statement = { sentAt: performance.now() };
    this.#last = statement;
    try {
      const values = await this.#run(batch.map(({ key }) => key));
      for (const [at, { resolve }] of batch.entries()) resolve(values[at] as Value | Promise<Value>);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      if (this.#last === statement) this.#last = null;
      this.#stopWaiting();
    }
  }
}

/** A connection that is found to be cut is found so at once; where all of them are, trying again takes as little. */
const soonMs = 1_000;

async function oneForAll<Key, Value>(
  run: (keys: readonly Key[]) => Promise<Value[]>,
  keys: readonly Key[],
  writes: boolean,
): Promise<(Value | Promise<Value>)[]> {
  const startedAt = performance.now();
  try {
    return await run(keys);
  } catch (error) {
    // One connection may be gone, which would have failed one of them alone.
    if (error instanceof RequestError && !writes && performance.now() - startedAt < soonMs) return run(keys);
    if (keys.length === 1 || !isOfOne(error)) throw error;
    // One of them may have to wait for somebody; the others don't wait for that.
    return keys.map(async (key) => (await run([key]))[0] as Value);
  }
}

/** What the database refuses for all may be the fault of one: a value, a constraint, a conflict. Then each fails alone. */
const isOfOne = (error: unknown): boolean =>
  !(error instanceof RequestError) && /^(22|23|40)/.test(databaseCode(error) ?? '');
