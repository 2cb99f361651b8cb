import { unauthenticated } from '../../errors.ts';
import type { Database } from '../../platform/database.ts';
import { parseInput, positiveInt } from '../../validation.ts';
import { catalogueStatements } from './catalogue-queries.ts';
import type { CatalogueKind, FollowRecord } from './record.ts';
import { queryOrRetry } from './retry.ts';

interface CatalogueTarget {
  kind: CatalogueKind;
  tmdbId: number;
}

/** Where each kind stands in the input. */
const paths = { CrewMember: 'target.crewMemberTmdbId', Studio: 'target.studioTmdbId' } as const;

/** Follows a crew member or a studio. Idempotent. Throws InvalidInputError. */
export async function followCatalogue(
  { db }: { db: Database },
  viewerId: string,
  target: CatalogueTarget,
): Promise<FollowRecord> {
  parseInput(positiveInt, target.tmdbId, paths[target.kind]);
  const [made] = await queryOrRetry<{ since: Date | null }>(db, catalogueStatements[target.kind].follow, {
    values: [viewerId, target.tmdbId],
    isDone: (rows) => rows.every(({ since }) => since !== null),
  });
  if (!made) throw unauthenticated('The user of this token was deleted.');
  return { followerId: viewerId, target, state: 'FOLLOWING', since: made.since };
}

/** Ends the follow of a crew member or a studio. Idempotent. Throws InvalidInputError. */
export async function unfollowCatalogue(
  { db }: { db: Database },
  viewerId: string,
  target: CatalogueTarget,
): Promise<FollowRecord> {
  parseInput(positiveInt, target.tmdbId, paths[target.kind]);
  await queryOrRetry(db, catalogueStatements[target.kind].unfollow, {
    values: [viewerId, target.tmdbId],
    isDone: () => true,
  });
  return { followerId: viewerId, target, state: 'NONE', since: null };
}
