import type { Database } from '../../platform/database.ts';
import { createSharedLoader } from '../../platform/shared-loader.ts';
import { changePair, type PairOutcome } from './pair.ts';
import { followUser, unfollowUser } from './pair-queries.ts';
import { changeFollows } from './pairs-queries.ts';
import type { FollowState } from './record.ts';

/** Two users, of whom the first asks to follow the second, or to no longer do so. */
export interface FollowChange {
  viewerId: string;
  otherId: string;
  isToFollow: boolean;
}

type Outcome = PairOutcome<FollowState>;

/**
 * Makes the change together with those that others ask for at the same moment: nearly always they are about other people. Who
 * has to wait for somebody waits alone.
 */
export const changeFollow = async ({ db }: { db: Database }, change: FollowChange): Promise<Outcome> =>
  (await together(db, changeFollows, change)) ?? changeAlone(db, change);

const changeAlone = (db: Database, { isToFollow, ...pair }: FollowChange): Promise<Outcome> =>
  changePair<FollowState>({ db }, isToFollow ? followUser : unfollowUser, pair);

/** Null for whoever has to go alone. */
const together = createSharedLoader(
  async (db: Database, statement, changes: readonly FollowChange[]): Promise<(Outcome | null)[]> => {
    const [only, ...others] = changes;
    // No faster than by itself, but those who come meanwhile wait for it, and go together.
    if (only && others.length === 0) return [await changeAlone(db, only)];
    const apart = withoutMeetings(changes);
    if (apart.length < 2) return changes.map(() => null);
    const asked = apart.map(({ viewerId, otherId, isToFollow }, at) => ({
      viewer_id: viewerId,
      other_id: otherId,
      is_to_follow: isToFollow,
      ordinal: at + 1,
    }));
    const rows = await db.query<Outcome & { index: number }>(statement, [JSON.stringify(asked)]);
    const outcomes = new Map(rows.map(({ index, outcome, since }) => [apart[index], { outcome, since }]));
    return changes.map((change) => outcomes.get(change) ?? null);
  },
  { maxBatchSize: 50, writes: true },
);

/** Those in which nobody stands who stands in an earlier one. */
function withoutMeetings(changes: readonly FollowChange[]): FollowChange[] {
  const seen = new Set<string>();
  return changes.filter(({ viewerId, otherId }) => {
    if (seen.has(viewerId) || seen.has(otherId)) return false;
    seen.add(viewerId).add(otherId);
    return true;
  });
}
