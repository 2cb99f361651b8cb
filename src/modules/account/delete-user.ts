import { announceDeletion } from '../../platform/announcements.ts';
import type { Transaction } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import type { Platform } from '../../platform/platform.ts';
import { holdUsernames } from '../user/username-service.ts';
import { lockAccount, unneededFiles } from './queries.ts';

/** What is left of a user once their rows are gone. */
export interface Remains {
  userId: string;
  /** Files of their pictures, which other users may have too. */
  fileKeys: string[];
}

/** Makes the user wait for nobody, and nobody for the user, while they are deleted. Answers null for one who isn't there. */
export async function lockUser(tx: Transaction, userId: string): Promise<{ username: string | null } | null> {
  for (const { text } of lockAccount) await tx.$queryRawUnsafe(text, userId);
  return tx.user.findUnique({ where: { id: userId }, select: { username: true } });
}

/**
 * Deletes a user who is locked, and all that is theirs; their names are held, and the tombstone keeps them from coming back.
 * Every process forgets them once the transaction commits. What is kept for Clerk of them, the caller writes afterwards.
 */
export async function deleteUser(tx: Transaction, userId: string): Promise<Remains> {
  await tx.tombstone.createMany({ data: [{ userId }], skipDuplicates: true });
  await holdUsernames(tx, userId);
  const pictures = await tx.picture.findMany({ where: { userId }, select: { fileKeys: true } });
  await tx.outboxEntry.deleteMany({ where: { userId } });
  await tx.webhookDelivery.updateMany({ where: { userId }, data: { userId: null } });
  await tx.user.deleteMany({ where: { id: userId } });
  await announceDeletion(tx, userId);
  return { userId, fileKeys: [...new Set(pictures.flatMap(({ fileKeys }) => fileKeys))] };
}

/**
 * After the commit: makes this process forget the user at once, also while it hears no announcements, and removes the files
 * that nobody else needs. What can't be removed now is left to the sweeper.
 */
export async function clearRemains(
  { db, pictures, deletedUsers, log }: Pick<Platform, 'db' | 'pictures' | 'deletedUsers'> & { log: Log },
  { userId, fileKeys }: Remains,
): Promise<void> {
  deletedUsers.add(userId);
  // Whoever uploads the same picture at this moment puts its files anew, and so makes them younger.
  const askedAt = new Date();
  try {
    const unneeded = await db.query<{ key: string }>(unneededFiles, [fileKeys]);
    for (const { key } of unneeded) await pictures.delete(key, askedAt);
  } catch (error) {
    log.warn({ error }, 'files of a deleted account could not be removed; the sweeper will');
  }
}
