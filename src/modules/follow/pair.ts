import { v7 as uuidv7 } from 'uuid';
import type { Database, Statement } from '../../platform/database.ts';
import { lockPair } from './pair-queries.ts';
import { queryOrRetry } from './retry.ts';

/** What a statement on two users did; MISSING: nothing, since for the viewer the other is not there. */
export interface PairOutcome<Outcome extends string> {
  outcome: Outcome | 'MISSING';
  since: Date | null;
}

/**
 * Runs a statement that starts with `pairFacts`. One round trip, unless somebody changed one of the two users in the same
 * moment: then once more in a transaction that locks both first, so that it may have to wait, but never to try again.
 */
export async function changePair<Outcome extends string>(
  { db }: { db: Database },
  statement: Statement,
  { viewerId, otherId }: { viewerId: string; otherId: string },
): Promise<PairOutcome<Outcome>> {
  const [row] = await queryOrRetry<PairOutcome<Outcome | 'STALE'>>(db, statement, {
    values: [viewerId, otherId, uuidv7()],
    isDone: ([first]) => first?.outcome !== 'STALE',
    beforeRetry: { statement: lockPair, values: [viewerId, otherId] },
  });
  if (!row || row.outcome === 'STALE') throw new Error(`The statement ${statement.name} gave no outcome.`);
  return row as PairOutcome<Outcome>;
}
