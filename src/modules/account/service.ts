import { WrongConfirmationError } from '../../errors.ts';
import type { Platform } from '../../platform/platform.ts';
import { enqueue } from '../outbox/service.ts';
import { userDeleted } from '../user/service.ts';
import { clearRemains, deleteUser, lockUser } from './delete-user.ts';

/**
 * Deletes the account of a user who typed their username again, in any case, or their id where they have no username; in
 * Clerk too, where there is one, as soon as it can be told. Throws WrongConfirmationError.
 */
export async function deleteAccount(
  deps: Pick<Platform, 'db' | 'clerk' | 'deletedUsers'>,
  { userId, confirmation }: { userId: string; confirmation: string },
): Promise<void> {
  const remains = await deps.db.transaction(async (tx) => {
    const user = await lockUser(tx, userId);
    if (!user) throw userDeleted();
    assertConfirmed({ ...user, id: userId }, confirmation.trim());
    const left = await deleteUser(tx, userId, 'OWNER');
    if (deps.clerk) await enqueue(tx, { userId, kind: 'DELETE_USER' });
    return left;
  });
  clearRemains(deps, remains);
}

function assertConfirmed({ id, username }: { id: string; username: string | null }, given: string): void {
  if (username === null ? given === id : given.toLowerCase() === username) return;
  throw new WrongConfirmationError(`Expected the ${username === null ? 'id' : 'username'} of the account.`);
}
