import { type Database, databaseCode, type Statement } from '../../platform/database.ts';

interface RetryOptions<Row> {
  values: unknown[];
  /** Whether the answer holds; one that doesn't must have written nothing. */
  isDone(rows: Row[]): boolean;
  /** What the transaction runs first. */
  beforeRetry?: { statement: Statement; values: unknown[] };
}

/** Runs a statement, and, where it gave way to another or its answer doesn't hold, once more in a transaction. */
export async function queryOrRetry<Row extends object>(
  db: Database,
  statement: Statement,
  { values, isDone, beforeRetry }: RetryOptions<Row>,
): Promise<Row[]> {
  const rows = await queryUnlessDeadlock<Row>(db, statement, values);
  if (rows && isDone(rows)) return rows;
  return db.transaction(async (tx) => {
    if (beforeRetry) await tx.$queryRawUnsafe(beforeRetry.statement.text, ...beforeRetry.values);
    return tx.$queryRawUnsafe<Row[]>(statement.text, ...values);
  });
}

/** Serialization failure and deadlock: the database undid the statement, and the same may succeed when run again. */
const transientCodes = new Set(['40001', '40P01']);

async function queryUnlessDeadlock<Row extends object>(db: Database, statement: Statement, values: unknown[]) {
  try {
    return await db.query<Row>(statement, values);
  } catch (error) {
    if (transientCodes.has(databaseCode(error) ?? '')) return null;
    throw error;
  }
}
