import type { Transaction } from '../../platform/database.ts';

/**
 * Whatever lets a user come or go waits here for the others, whether there is a row of theirs yet or not: first requests,
 * Clerk's webhooks, comparing with Clerk, deletion. Taken before any row of the user's is locked, and before it is asked
 * whether they have a tombstone: without it a deletion of somebody unknown and their first request, at the same moment,
 * could leave a user beside a tombstone. Taken twice in one transaction it does no harm.
 */
export async function lockIdentity(tx: Transaction, userId: string): Promise<void> {
  await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${`visage.user.${userId}`}, 0))`;
}

/** The same for several users at once, in the order of their ids. */
export async function lockIdentities(tx: Transaction, userIds: string[]): Promise<void> {
  const keys = userIds.map((id) => `visage.user.${id}`).toSorted();
  await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended(key, 0)) from unnest(${keys}::text[]) as key`;
}
