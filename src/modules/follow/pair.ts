import type { Database, Statement } from '../../platform/database.ts';
import { createSharedLoader } from '../../platform/shared-loader.ts';
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

/** Two users, which of them asks for a change, and the statement that makes it for a single pair. */
interface Pair {
  viewerId: string;
  otherId: string;
  one: Statement;
}

/** What one statement makes of many pairs: `many` takes what `toRow` gives of each, beside its users and its ordinal. */
interface Together {
  many: Statement;
  toRow(pair: Pair): object;
}

/**
 * Makes the change of a pair together with those of others that ask for one at the same moment: nearly always they are about
 * other people. Who has to wait for somebody waits alone.
 */
export function createPairChange<Outcome extends string>({ many, toRow }: Together) {
  const together = createSharedLoader(
    async (db: Database, statement, pairs: readonly Pair[]): Promise<(PairOutcome<Outcome> | null)[]> => {
      const [only, ...others] = pairs;
      // No faster than by itself, but those who come meanwhile wait for it, and go together.
      if (only && others.length === 0) return [await changePair<Outcome>({ db }, only.one, only)];
      const apart = withoutMeetings(pairs);
      if (apart.length < 2) return pairs.map(() => null);
      const asked = apart.map((pair, at) => ({
        viewer_id: pair.viewerId,
        other_id: pair.otherId,
        ordinal: at + 1,
        ...toRow(pair),
      }));
      const rows = await db.query<PairOutcome<Outcome> & { index: number }>(statement, [JSON.stringify(asked)]);
      const outcomes = new Map(rows.map(({ index, outcome, since }) => [apart[index], { outcome, since }]));
      return pairs.map((pair) => outcomes.get(pair) ?? null);
    },
    { maxBatchSize: 50, writes: true },
  );
  return async ({ db }: { db: Database }, pair: Pair): Promise<PairOutcome<Outcome>> =>
    (await together(db, many, pair)) ?? changePair<Outcome>({ db }, pair.one, pair);
}

/** Those pairs in which nobody stands who stands in an earlier one. */
function withoutMeetings(pairs: readonly Pair[]): Pair[] {
  const seen = new Set<string>();
  return pairs.filter(({ viewerId, otherId }) => {
    if (seen.has(viewerId) || seen.has(otherId)) return false;
    seen.add(viewerId).add(otherId);
    return true;
  });
}
