import { type Clerk, ClerkAwayError, type ClerkUser } from '../../platform/clerk.ts';
import type { Transaction } from '../../platform/database.ts';
import type { Platform } from '../../platform/platform.ts';
import { TimeLimitError, within } from '../../platform/time-limit.ts';
import { enqueue, withdraw } from '../outbox/service.ts';
import { userDeleted } from '../user/service.ts';

/** A person waits for it, and so does the transaction, with the locks and the connection that it holds. */
const clerkWaitMs = 2_000;

export interface NewUsername {
  userId: string;
  username: string;
}

/**
 * Gives the user the same username in Clerk, before the transaction that gives it here commits: to others it changed in both
 * or in none. Where Clerk is away, slow, or busy with others of these calls, it is told once it is back. Without Clerk, or
 * without usernames there, nothing is told. Throws ClerkRefusedError, and UNAUTHENTICATED for a user whom Clerk doesn't
 * have.
 */
export async function tellUsername(
  tx: Transaction,
  { clerk, clerkGate }: Pick<Platform, 'clerk' | 'clerkGate'>,
  { userId, username }: NewUsername,
): Promise<void> {
  if (!clerk) return;
  const answer = await clerkGate.run(() => updateInTime(clerk, { userId, username })).catch(unlessAway);
  if (answer === 'AWAY') return enqueue(tx, { userId, kind: 'USERNAME' });
  // Deleted there: the news of it is on its way, and will delete the user here.
  if (answer === null) throw userDeleted();
  if (answer !== 'NO_USERNAMES') await noteToldUsername(tx, { userId, username }, answer);
  await withdraw(tx, { userId, kind: 'USERNAME' });
}

/** Clerk has the name from us: when it tells us of it, that is no news. */
export async function noteToldUsername(
  tx: Transaction,
  { userId, username }: NewUsername,
  answer: Pick<ClerkUser, 'updatedAt'>,
): Promise<void> {
  await tx.user.updateMany({
    where: { id: userId },
    data: { clerkUsername: username, clerkUsernameUpdatedAt: answer.updatedAt },
  });
}

const updateInTime = (clerk: Clerk, { userId, username }: NewUsername): ReturnType<Clerk['updateUsername']> =>
  within(clerkWaitMs, clerk.updateUsername(userId, username));

function unlessAway(error: unknown): 'AWAY' {
  if (error instanceof ClerkAwayError || error instanceof TimeLimitError) return 'AWAY';
  throw error;
}
