import { v7 as uuidv7 } from 'uuid';
import type { AuditActor } from '../../generated/prisma/enums.ts';
import { announceDeletion, announceWork } from '../../platform/announcements.ts';
import type { Transaction } from '../../platform/database.ts';
import type { Platform } from '../../platform/platform.ts';
import { lockIdentity } from '../user/identity-lock.ts';
import { toTombstone } from '../user/tombstone.ts';
import { holdUsernames } from '../user/username-service.ts';

/** What this process still has of a user who was deleted. */
export interface Remains {
  userId: string;
}

/** Makes whatever else changes the user's own row wait. Answers null for one who isn't there, or was deleted. */
export async function lockUser(tx: Transaction, userId: string): Promise<{ username: string | null } | null> {
  await lockIdentity(tx, userId);
  const [user] = await tx.$queryRaw<{ username: string | null }[]>`
    select username from users where id = ${userId} and closed_at is null for no key update`;
  return user ?? null;
}

/**
 * Deletes a user who is locked: once the transaction commits, nobody finds or sees them, every process forgets them, and the
 * tombstone keeps them from coming back. It is short, however much is theirs; the eraser removes all of that afterwards.
 * What Clerk is to be told of it, the caller notes afterwards.
 */
export async function deleteUser(tx: Transaction, userId: string, actor: AuditActor): Promise<Remains> {
  await tx.tombstone.createMany({ data: [{ idHash: toTombstone(userId) }], skipDuplicates: true });
  await holdUsernames(tx, userId);
  await tx.outboxEntry.deleteMany({ where: { userId } });
  // Who looks for a name, or for a picture by its id, finds nobody from now on; who reads users passes over closed ones.
  await tx.profile.updateMany({ where: { userId }, data: { displayName: null, searchName: null } });
  await tx.picture.updateMany({ where: { userId, isActive: true }, data: { isActive: false } });
  await tx.user.updateMany({ where: { id: userId, closedAt: null }, data: { ...nameless, closedAt: new Date() } });
  // Of whom, nobody is to know.
  await tx.auditEntry.create({ data: { id: uuidv7(), action: 'account.deleted', actor } });
  await announceDeletion(tx, userId);
  await announceWork(tx, 'erasure');
  return { userId };
}

const nameless = {
  username: null,
  email: null,
  firstName: null,
  lastName: null,
  clerkImageUrl: null,
  clerkMirroredImageUrl: null,
  clerkUsername: null,
};

/** After the commit: makes this process forget the user at once, also while it hears no announcements. */
export function clearRemains({ deletedUsers }: Pick<Platform, 'deletedUsers'>, { userId }: Remains): void {
  deletedUsers.add(userId);
}
