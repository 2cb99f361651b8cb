import { v7 as uuidv7 } from 'uuid';
import type { Database, Statement } from '../../platform/database.ts';
import type { UserRecord } from '../user/record.ts';
import { blockPair, unblockPair } from './block-queries.ts';
import { loadVisibleToAll } from './loaders.ts';
import { changePair } from './pair.ts';
import { assertNotOneself, userNotFound } from './service.ts';

interface UserPair {
  viewerId: string;
  isAdministrator: boolean;
  /** Null: an id that can't be a user's. */
  otherId: string | null;
}

/**
 * Blocks a user: follows and requests end both ways, and neither sees the other from then on. Idempotent. Answers the user
 * with what is always visible only. Throws NotFoundError, also where that user blocks the viewer; InvalidInputError.
 */
export const blockUser = (deps: { db: Database }, pair: UserPair): Promise<UserRecord> =>
  changeBlock(deps, blockPair, pair);

/**
 * Ends the viewer's block; nothing that it ended comes back. Idempotent. Answers the user with what is always visible only.
 * Throws NotFoundError, InvalidInputError.
 */
export const unblockUser = (deps: { db: Database }, pair: UserPair): Promise<UserRecord> =>
  changeBlock(deps, unblockPair, pair);

async function changeBlock(
  { db }: { db: Database },
  statement: Statement,
  { viewerId, isAdministrator, otherId }: UserPair,
): Promise<UserRecord> {
  assertNotOneself({ viewerId, otherId }, 'userId', 'Nobody blocks themselves.');
  if (otherId === null) throw userNotFound();
  const { outcome } = await changePair<string>({ db }, statement, { viewerId, otherId, auditId: uuidv7() });
  const user =
    outcome === 'MISSING' ? null : await loadVisibleToAll(db, { viewerId, isAdministrator, userId: otherId });
  if (!user) throw userNotFound();
  return user;
}
