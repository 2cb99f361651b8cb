import DataLoader from 'dataloader';
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

/** The loader of a statement in a database. */
export type SharedLoader<Key, Value, Db extends Reader = Reader> = (
  db: Db,
  statement: Statement,
) => DataLoader<Key, Value>;

/**
 * What many requests ask for at about the same moment, by one statement for all of them: whatever the process was asked for
 * since it last looked at its sockets, and while the last statement of the kind was under way. To send and to start a
 * statement costs PostgreSQL and Node more than a row of it, so the busier a server is, the less a request costs; an idle one
 * waits for nobody. Nothing is kept: whoever asks after a change gets what is there then. Each statement has a loader of its
 * own, so that nobody waits for another kind of work.
 */
export function createSharedLoader<Key, Value, Db extends Reader = Reader>(
  batch: Batch<Key, Value, Db>,
  { maxBatchSize, writes = false }: SharedLoaderOptions,
): SharedLoader<Key, Value, Db> {
  const loaders = new WeakMap<Reader, Map<Statement, DataLoader<Key, Value>>>();
  return (db, statement) => {
    const ofDatabase = loaders.get(db) ?? new Map<Statement, DataLoader<Key, Value>>();
    const known = ofDatabase.get(statement);
    if (known) return known;
    const run = (keys: readonly Key[]) => batch(db, statement, keys);
    const turns = createTurns();
    const loader = new DataLoader((keys: readonly Key[]) => turns.take(() => oneForAll(run, keys, writes)), {
      cache: false,
      maxBatchSize,
      batchScheduleFn: (dispatch) => setImmediate(turns.await, dispatch),
    });
    loaders.set(db, ofDatabase.set(statement, loader));
    return loader;
  };
}

/**
 * Nobody waits longer for what others asked for, or one statement that takes its time would hold up all. Of 3 to 24 ms, all
 * cost a busy server the same.
 */
const patienceMs = 5;

/** Lets those who come while others are under way wait for them, and go together. */
function createTurns() {
  let underWay = 0;
  const waiting = new Map<() => void, NodeJS.Timeout>();
  const go = (dispatch: () => void) => {
    clearTimeout(waiting.get(dispatch));
    waiting.delete(dispatch);
    dispatch();
  };
  return {
    /** Says when a batch may be sent. */
    await: (dispatch: () => void) => {
      if (underWay === 0) dispatch();
      else waiting.set(dispatch, setTimeout(go, patienceMs, dispatch));
    },
    /** Does the work of a batch that was sent. */
    async take<Result>(work: () => Promise<Result>): Promise<Result> {
      underWay++;
      try {
        return await work();
      } finally {
        underWay--;
        for (const dispatch of [...waiting.keys()]) go(dispatch);
      }
    },
  };
}

/** A connection that is found to be cut is found so at once; where all of them are, trying again takes as little. */
const soonMs = 1_000;

async function oneForAll<Key, Value>(
  run: (keys: readonly Key[]) => Promise<Value[]>,
  keys: readonly Key[],
  writes: boolean,
): Promise<(Value | Error)[]> {
  const startedAt = performance.now();
  try {
    return await run(keys);
  } catch (error) {
    // One connection may be gone, which would have failed one of them alone.
    if (error instanceof RequestError && !writes && performance.now() - startedAt < soonMs) return run(keys);
    if (keys.length === 1 || !isOfOne(error)) throw error;
    const alone = await Promise.allSettled(keys.map((key) => run([key])));
    return alone.map((outcome) => (outcome.status === 'fulfilled' ? (outcome.value[0] as Value) : outcome.reason));
  }
}

/** What the database refuses for all may be the fault of one: a value, a constraint, a conflict. Then each fails alone. */
const isOfOne = (error: unknown): boolean =>
  !(error instanceof RequestError) && /^(22|23|40)/.test(databaseCode(error) ?? '');
