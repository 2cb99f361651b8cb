import { v7 as uuidv7 } from 'uuid';
import { NotFoundError } from '../../errors.ts';
import type { Transaction } from '../../platform/database.ts';
import type { Platform } from '../../platform/platform.ts';
import type { PictureRecord } from '../user/record.ts';
import { type PictureRow, toPictureRecord } from '../user/rows.ts';
import { lockUser, retireActivePicture, writeAuditEntry } from './active-picture.ts';
import { readAltText } from './input.ts';
import { updateAltText } from './queries.ts';

/** Names a version; without a number, the active one. */
export interface VersionChoice {
  userId: string;
  version?: number | null | undefined;
}

/** The user has, or had, no picture of that version. */
export const noSuchVersion = (version: number) => new NotFoundError(`There is no picture of version ${version}.`);

/**
 * Makes an earlier version the active picture again, a deleted one too. Where it is active already, nothing changes. Throws
 * NotFoundError.
 */
export async function restoreProfilePicture(
  { db, mirrors }: Pick<Platform, 'db' | 'mirrors'>,
  choice: VersionChoice & { version: number },
): Promise<void> {
  await db.transaction(async (tx) => {
    const { id, userId, isActive } = await lockVersion(tx, choice);
    if (isActive) return;
    await retireActivePicture(tx, { mirrors }, { userId, action: 'picture.restored' });
    await tx.picture.updateMany({ where: { id }, data: { isActive: true, deletedAt: null } });
  });
}

/**
 * Marks a version as deleted; it stays in the history. Only where it was the active one, the revision counts up. Where it is
 * deleted already, nothing changes. Throws NotFoundError.
 */
export async function deleteProfilePicture(
  { db, mirrors }: Pick<Platform, 'db' | 'mirrors'>,
  choice: VersionChoice,
): Promise<void> {
  await db.transaction(async (tx) => {
    const { id, userId, isActive, deletedAt } = await lockVersion(tx, choice);
    if (deletedAt) return;
    const change = { userId, action: 'picture.deleted' } as const;
    if (isActive) await retireActivePicture(tx, { mirrors }, change);
    else await writeAuditEntry(tx, { ...change, changedField: 'pictures' });
    await tx.picture.updateMany({ where: { id }, data: { deletedAt: new Date() } });
  });
}

async function lockVersion(tx: Transaction, { userId, version }: VersionChoice) {
  // Locked first and read second: another change in between would make what was read untrue.
  await lockUser(tx, userId);
  const picture = await tx.picture.findFirst({
    where: version == null ? { userId, isActive: true } : { userId, version },
    select: { id: true, userId: true, isActive: true, deletedAt: true },
  });
  if (picture) return picture;
  throw version == null ? new NotFoundError('There is no active picture.') : noSuchVersion(version);
}

/** Replaces what a version says that it shows; null empties it. Throws InvalidInputError (`altText`), NotFoundError. */
export async function changePictureAltText(
  { db }: Pick<Platform, 'db'>,
  { userId, version, altText }: { userId: string; version: number; altText: string | null | undefined },
): Promise<PictureRecord> {
  const [row] = await db.query<PictureRow>(updateAltText, [userId, version, readAltText(altText), uuidv7()]);
  if (!row) throw noSuchVersion(version);
  return toPictureRecord(row);
}
