import type { DeliveryOutcome } from '../../generated/prisma/enums.ts';
import type { ClerkDelivery, ClerkEvent } from '../../platform/clerk-webhooks.ts';
import type { Transaction } from '../../platform/database.ts';
import type { Platform } from '../../platform/platform.ts';
import { clearRemains, deleteUser, lockUser, type Remains } from '../account/delete-user.ts';
import { withdraw } from '../outbox/service.ts';
import { mirrorMetadata } from '../profile/service.ts';
import { applyClerkUser } from './apply-clerk-user.ts';
import { isDeleted } from './create-user.ts';
import { correctDelivery, recordDelivery } from './queries.ts';

/** What came of an event. */
interface Effect {
  outcome: DeliveryOutcome;
  /** Whose event it was; null of one who was deleted. */
  userId: string | null;
  /** What has to go once the transaction has committed. */
  remains?: Remains;
}

/**
 * Does what an event of Clerk's asks for, once: the delivery is recorded in the transaction that has the effect, and does
 * nothing when it comes again. Answers what is recorded of it, or KNOWN.
 */
export async function receiveDelivery(
  deps: Pick<Platform, 'db' | 'deletedUsers' | 'mirrors'>,
  { id, type, event }: ClerkDelivery,
): Promise<DeliveryOutcome | 'KNOWN'> {
  const expected = expectedEffect(event);
  const effect = await deps.db.transaction(async (tx) => {
    if (!(await isNew(tx, [id, type, expected.userId, expected.outcome]))) return null;
    const effect = await takeEffect(tx, deps, event);
    if (effect.outcome !== expected.outcome) {
      await tx.$executeRawUnsafe(correctDelivery.text, id, effect.userId, effect.outcome);
    }
    return effect;
  });
  if (effect?.remains) clearRemains(deps, effect.remains);
  return effect?.outcome ?? 'KNOWN';
}

/** Records a delivery. The same at the same moment waits here for the first, and is new only if that one failed. */
async function isNew(tx: Transaction, values: unknown[]): Promise<boolean> {
  const recorded = await tx.$queryRawUnsafe<object[]>(recordDelivery.text, ...values);
  return recorded.length > 0;
}

/** What nearly every delivery comes to: recorded as this from the start, it needn't be touched again. */
function expectedEffect(event: ClerkEvent): Effect {
  if (event.kind === 'OTHER') return { outcome: 'IGNORED', userId: null };
  return { outcome: 'APPLIED', userId: event.kind === 'USER' ? event.user.id : null };
}

async function takeEffect(tx: Transaction, deps: Pick<Platform, 'mirrors'>, event: ClerkEvent): Promise<Effect> {
  if (event.kind === 'USER_DELETED') return applyDeletion(tx, event.userId);
  if (event.kind === 'OTHER') return expectedEffect(event);
  const { outcome, changedFields } = await applyClerkUser(tx, event.user, 'CLERK');
  if (changedFields.includes('username')) await mirrorMetadata(tx, deps, event.user.id);
  if (outcome === 'DELETED') return { outcome: 'STALE', userId: null };
  return { outcome: outcome === 'STALE' ? 'STALE' : 'APPLIED', userId: event.user.id };
}

/** One who was never seen here leaves a tombstone too: the news that they came may still be on its way. */
async function applyDeletion(tx: Transaction, userId: string): Promise<Effect> {
  const user = await lockUser(tx, userId);
  if (user || !(await isDeleted(tx, userId))) {
    return { outcome: 'APPLIED', userId: null, remains: await deleteUser(tx, userId, 'CLERK') };
  }
  await withdraw(tx, { userId, kind: 'DELETE_USER' });
  return { outcome: 'STALE', userId: null };
}
