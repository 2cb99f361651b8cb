import type { Database, Statement } from '../../platform/database.ts';
import { lockPair } from './pair-queries.ts';
import { queryOrRetry } from './retry.ts';

/** What a statement on two users did; MISSING: nothing, since for the viewer the other is not there. */
export interface PairOutcome<Outcome extends string> {
  outcome: Outcome | 'MISSING';
  since: Date | null;
}

/**
 * Runs a statement that starts with `pairFacts`, and takes `auditId` as $3 where one is given. One round trip, unless somebody changed one of the two users in the same
 * moment: then once more in a transaction that locks both first, so that it may have to wait, but never to try again.
 */
export async function changePair<Outcome extends string>(
  { db }: { db: Database },
  statement: Statement,
  { viewerId, otherId, auditId }: { viewerId: string; otherId: string; auditId?: string },
): Promise<PairOutcome<Outcome>> {
  const [row] = await queryOrRetry<PairOutcome<Outcome | 'STALE'>>(db, statement, {
    values: auditId === undefined ? [viewerId, otherId] : [viewerId, otherId, auditId],
    isDone: ([first]) => first?.outcome !== 'STALE',
    beforeRetry: { statement: lockPair, values: [viewerId, otherId] },
  });
  if (!row || row.outcome === 'STALE') throw new Error(`The statement ${statement.name} gave no outcome.`);
  return row as PairOutcome<Outcome>;
}
