import DataLoader from 'dataloader';
import { RequestError } from '../errors.ts';
import type { Database } from './database.ts';

/** Reads, or writes, for many requests by one statement. Whose turn it was to fail gets an Error in its place. */
type Batch<Key, Value> = (db: Pick<Database, 'query'>, keys: readonly Key[]) => Promise<(Value | Error)[]>;

/**
 * What many requests ask for at about the same moment, by one statement for all of them: whatever the process was asked for
 * since it last looked at its sockets. To send and to plan a statement costs PostgreSQL and Node more than a row of it, so
 * the busier a server is, the less a request costs; an idle one waits for nobody. Nothing is kept: whoever asks after a
 * change gets what is there then. Answers the one loader of a database.
 */
export function createSharedLoader<Key, Value>(
  batch: Batch<Key, Value>,
  { maxBatchSize }: { maxBatchSize: number },
): (db: Pick<Database, 'query'>) => DataLoader<Key, Value> {
  const loaders = new WeakMap<Pick<Database, 'query'>, DataLoader<Key, Value>>();
  return (db) => {
    const known = loaders.get(db);
    if (known) return known;
    const loader = new DataLoader((keys: readonly Key[]) => oneForAll(batch, { db, keys }), {
      cache: false,
      maxBatchSize,
      batchScheduleFn: (dispatch) => setImmediate(dispatch),
    });
    loaders.set(db, loader);
    return loader;
  };
}

/** What the database refuses for all may be the fault of one: then each is asked for alone, and fails alone. */
async function oneForAll<Key, Value>(
  batch: Batch<Key, Value>,
  { db, keys }: { db: Pick<Database, 'query'>; keys: readonly Key[] },
): Promise<(Value | Error)[]> {
  try {
    return await batch(db, keys);
  } catch (error) {
    // The database is away, for one as for all. Whether a statement that was cut off did anything is unknown.
    if (keys.length === 1 || error instanceof RequestError) throw error;
    const alone = await Promise.allSettled(keys.map((key) => batch(db, [key])));
    return alone.map((outcome) => (outcome.status === 'fulfilled' ? (outcome.value[0] as Value) : outcome.reason));
  }
}
