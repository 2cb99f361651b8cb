import { v7 as uuidv7 } from 'uuid';
import type { AuditActor } from '../../generated/prisma/enums.ts';
import type { Transaction } from '../../platform/database.ts';
import { isWaiting } from '../outbox/service.ts';
import { parseUsername } from '../user/username.ts';
import { claimUsername } from '../user/username-service.ts';

/** What came of a username from Clerk: it is the user's now, there was nothing to do, or it can't be theirs here. */
export type ClerkUsernameOutcome = 'CHANGED' | 'UNCHANGED' | 'CONFLICT';

/** A user who is locked, and the username that a state of Clerk's tells of. */
export interface ClerkUsernameChange {
  userId: string;
  /** The username here. */
  current: string | null;
  /** The last one that Clerk told us, in lower case. */
  lastTold: string | null;
  /** As Clerk has it. */
  told: string;
  actor: AuditActor;
}

/** Clerk compares usernames without case, as we do. */
export const toTold = (username: string): string => username.trim().toLowerCase();

/**
 * Takes over a username that changed in Clerk. What Clerk told us before is no change, whatever the owner has chosen here
 * meanwhile; and a choice that Clerk hasn't been told of yet is newer than what Clerk tells. A name that is not allowed
 * here, or that somebody else has, is a conflict: the user keeps the one they have.
 */
export async function followClerkUsername(
  tx: Transaction,
  { userId, current, lastTold, told, actor }: ClerkUsernameChange,
): Promise<ClerkUsernameOutcome> {
  if (toTold(told) === lastTold) return 'UNCHANGED';
  const parsed = parseUsername(told);
  if ('username' in parsed) {
    if (parsed.username === current) return 'UNCHANGED';
    if (current !== null && (await isWaiting(tx, { userId, kind: 'USERNAME' }))) return 'UNCHANGED';
    const claim = await claimUsername(tx, { userId, from: current, to: parsed.username, actor });
    if (claim !== 'TAKEN') return claim;
  }
  await tx.auditEntry.create({
    data: { id: uuidv7(), userId, action: 'username.conflict', actor, changedFields: ['username'] },
  });
  return 'CONFLICT';
}
