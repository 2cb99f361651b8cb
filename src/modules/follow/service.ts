import { InvalidInputError, NotFoundError } from '../../errors.ts';
import type { Database, Statement } from '../../platform/database.ts';
import { followCatalogue, unfollowCatalogue } from './catalogue-service.ts';
import { changeFollow } from './follow-change.ts';
import { changePair } from './pair.ts';
import { acceptRequest, declineRequest, removeFollow } from './pair-queries.ts';
import type { FollowRecord, FollowState, FollowTarget } from './record.ts';

/** What stands between two users, and which of them is meant by the input. */
interface UserPair {
  viewerId: string;
  /** Null: an id that can't be a user's. */
  otherId: string | null;
}

/**
 * Follows a user, crew member or studio; of a user whose profile isn't PUBLIC it starts as a request. Idempotent. Throws
 * NotFoundError, InvalidInputError.
 */
export function follow(deps: { db: Database }, viewerId: string, target: FollowTarget): Promise<FollowRecord> {
  if (target.kind !== 'User') return followCatalogue(deps, viewerId, target);
  return changeFollowing(deps, { viewerId, otherId: target.id }, true);
}

/** Ends a follow or takes a request back. Idempotent. Throws NotFoundError, InvalidInputError. */
export function unfollow(deps: { db: Database }, viewerId: string, target: FollowTarget): Promise<FollowRecord> {
  if (target.kind !== 'User') return unfollowCatalogue(deps, viewerId, target);
  return changeFollowing(deps, { viewerId, otherId: target.id }, false);
}

/** Lets a user follow who asked to. Throws NotFoundError where nobody did. */
export const acceptFollowRequest = (deps: { db: Database }, pair: UserPair): Promise<FollowRecord> =>
  changeFollower(deps, acceptRequest, pair);

/** Takes a request away. Throws NotFoundError where there is none. */
export const declineFollowRequest = (deps: { db: Database }, pair: UserPair): Promise<FollowRecord> =>
  changeFollower(deps, declineRequest, pair);

/** Ends another's follow of the viewer. Idempotent. Throws NotFoundError, InvalidInputError. */
export async function removeFollower(deps: { db: Database }, pair: UserPair): Promise<FollowRecord> {
  assertNotOneself(pair, 'userId', 'Nobody follows themselves.');
  return changeFollower(deps, removeFollow, pair);
}

/** Throws InvalidInputError where both are the same. */
export function assertNotOneself({ viewerId, otherId }: UserPair, path: string, rule: string): void {
  if (viewerId === otherId) throw new InvalidInputError([{ path, message: `Expected another user. ${rule}` }]);
}

/** The same answer for one who is not there and one who is hidden. */
export const userNotFound = () => new NotFoundError('There is no such user.');
const requestNotFound = () => new NotFoundError('There is no such request.');

async function changeFollowing(deps: { db: Database }, pair: UserPair, isToFollow: boolean): Promise<FollowRecord> {
  assertNotOneself(pair, 'target.userId', 'Nobody follows themselves.');
  const { viewerId, otherId } = pair;
  if (otherId === null) throw userNotFound();
  const { outcome, since } = await changeFollow(deps, { viewerId, otherId, isToFollow });
  if (outcome === 'MISSING') throw userNotFound();
  return { followerId: viewerId, target: { kind: 'User', id: otherId }, state: outcome, since };
}

async function changeFollower(
  { db }: { db: Database },
  statement: Statement,
  { viewerId, otherId }: UserPair,
): Promise<FollowRecord> {
  const missing = statement === removeFollow ? userNotFound : requestNotFound;
  if (otherId === null) throw missing();
  const { outcome, since } = await changePair<FollowState>({ db }, statement, { viewerId, otherId });
  if (outcome === 'MISSING') throw missing();
  return { followerId: otherId, target: { kind: 'User', id: viewerId }, state: outcome, since };
}
