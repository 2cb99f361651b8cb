import { v7 as uuidv7 } from 'uuid';
import { unauthenticated } from '../../errors.ts';
import type { AuditActor } from '../../generated/prisma/enums.ts';
import { announce } from '../../platform/announcements.ts';
import type { Transaction } from '../../platform/database.ts';
import type { Platform } from '../../platform/platform.ts';
import { enqueue } from '../outbox/service.ts';

/** A change of a user's active picture, by its name in the audit log. */
export interface PictureChange {
  userId: string;
  action: 'picture.uploaded' | 'picture.recropped' | 'picture.restored' | 'picture.deleted' | 'user.imported';
  /** Who did it; the owner if left out. */
  actor?: AuditActor;
  /** Whether the user's next version is to take the place. */
  isNewVersion?: boolean;
}

/** Makes changes of one user's pictures come one after the other. Throws UNAUTHENTICATED where the user was deleted. */
export async function lockUser(tx: Transaction, userId: string): Promise<void> {
  const rows = await tx.$queryRaw<object[]>`
    select id from users where id = ${userId} and closed_at is null for no key update`;
  if (rows.length === 0) throw userDeleted();
}

/**
 * The part that every change of the active picture has: takes the active one off, if there is one, counts the revision up,
 * notes and announces the change, and has Clerk told where it has a copy. What takes its place, the caller writes in the same transaction. It locks the user's row,
 * so that the last announced revision is the stored one. Answers the revision, and the highest version, which is a new one
 * where `isNewVersion` asks for it. Throws UNAUTHENTICATED where the user was deleted.
 */
export async function retireActivePicture(
  tx: Transaction,
  { mirrors }: Pick<Platform, 'mirrors'>,
  { isNewVersion = false, ...change }: PictureChange,
): Promise<{ version: number; revision: number }> {
  const { userId } = change;
  const [user] = await tx.user.updateManyAndReturn({
    where: { id: userId, closedAt: null },
    data: {
      pictureRevision: { increment: 1 },
      updatedAt: new Date(),
      ...(isNewVersion && { lastPictureVersion: { increment: 1 } }),
    },
    select: { lastPictureVersion: true, pictureRevision: true },
  });
  if (!user) throw userDeleted();
  await tx.picture.updateMany({ where: { userId, isActive: true }, data: { isActive: false } });
  await writeAuditEntry(tx, { ...change, changedField: 'picture' });
  await announce(tx, 'picture', { userId, revision: user.pictureRevision });
  if (mirrors.picture) await enqueue(tx, { userId, kind: 'PICTURE' });
  // Whether there is a picture is part of the profile's completion.
  if (mirrors.metadata) await enqueue(tx, { userId, kind: 'METADATA' });
  return { version: user.lastPictureVersion, revision: user.pictureRevision };
}

/** Notes what was done to a user's active picture, or to the history of it. */
export async function writeAuditEntry(
  tx: Transaction,
  { userId, action, actor = 'OWNER', changedField }: PictureChange & { changedField: 'picture' | 'pictures' },
): Promise<void> {
  await tx.auditEntry.createMany({
    data: [{ id: uuidv7(), userId, action, actor, changedFields: [changedField] }],
  });
}

const userDeleted = () => unauthenticated('The user of this token was deleted.');
