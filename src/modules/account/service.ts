import { WrongConfirmationError } from '../../errors.ts';
import type { Log } from '../../platform/log.ts';
import type { Platform } from '../../platform/platform.ts';
import { userDeleted } from '../user/service.ts';
import { clearRemains, deleteUser, lockUser } from './delete-user.ts';

/**
 * Deletes the account of a user who typed their username again, in any case, or their id where they have no username; Clerk
 * is told later. Throws WrongConfirmationError.
 */
export async function deleteAccount(
  deps: Pick<Platform, 'db' | 'pictures' | 'deletedUsers'> & { log: Log },
  { userId, confirmation }: { userId: string; confirmation: string },
): Promise<void> {
  const remains = await deps.db.transaction(async (tx) => {
    const user = await lockUser(tx, userId);
    if (!user) throw userDeleted();
    assertConfirmed({ ...user, id: userId }, confirmation.trim());
    const left = await deleteUser(tx, userId);
    await tx.outboxEntry.createMany({ data: [{ userId, kind: 'DELETE_USER' }] });
    return left;
  });
  await clearRemains(deps, remains);
}

function assertConfirmed({ id, username }: { id: string; username: string | null }, given: string): void {
  if (username === null ? given === id : given.toLowerCase() === username) return;
  throw new WrongConfirmationError(`Expected the ${username === null ? 'id' : 'username'} of the account.`);
}
