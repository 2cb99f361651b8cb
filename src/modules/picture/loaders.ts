import { NotFoundError } from '../../errors.ts';
import type { Database } from '../../platform/database.ts';
import { maxInt32 } from '../../validation.ts';
import type { UserLoader } from '../user/loaders.ts';
import type { PictureRecord } from '../user/record.ts';
import { type PictureRow, toPictureRecord } from '../user/rows.ts';
import type { CanSee } from '../visibility/policy.ts';
import { newestVersions, oldestVersions, picturesById, picturesForViewer, syncSessions } from './queries.ts';
import type { SyncSessionRecord } from './sync-sessions-service.ts';

/** Pictures that the viewer may see, in the order of the ids; null for each that is missing or hidden. */
export async function loadPictures(
  { db }: { db: Pick<Database, 'query'> },
  viewerId: string | null,
  ids: readonly string[],
): Promise<(PictureRecord | null)[]> {
  return inOrder(ids, await db.query<PictureRow>(picturesForViewer, [ids, viewerId]));
}

/** The same for an administrator, whose reading is judged by the pictures' owners, so that it is noted. */
export async function loadPicturesAsAdministrator(
  { db, users, canSee }: { db: Pick<Database, 'query'>; users: UserLoader; canSee: CanSee },
  ids: readonly string[],
): Promise<(PictureRecord | null)[]> {
  const rows = await db.query<PictureRow>(picturesById, [ids]);
  const owners = await Promise.all(rows.map(({ pictureUserId }) => users.load(pictureUserId)));
  const visible = rows.filter(({ isActive }, index) => {
    const owner = owners[index];
    return owner && (isActive || canSee(owner, 'own'));
  });
  return inOrder(ids, visible);
}

function inOrder(ids: readonly string[], rows: readonly PictureRow[]): (PictureRecord | null)[] {
  const byId = new Map(rows.map((row) => [row.pictureId, toPictureRecord(row)]));
  return ids.map((id) => byId.get(id.toLowerCase()) ?? null);
}

/** The version that its owner just made, as they see it. Throws NotFoundError. */
export async function loadMadeVersion(
  { db }: { db: Pick<Database, 'query'> },
  ownerId: string,
  { id }: { id: string },
): Promise<PictureRecord> {
  const [picture] = await loadPictures({ db }, ownerId, [id]);
  if (!picture) throw new NotFoundError('The picture was removed meanwhile.');
  return picture;
}

/** Some versions of a user's picture, from one end of their range. */
export interface VersionRange {
  isNewestFirst: boolean;
  /** Not included; null: up to the newest. */
  below: number | null;
  /** Not included; null: down to the oldest. */
  above: number | null;
  /** How many at most. */
  limit: number;
}

/** Versions of a user's picture, deleted ones too. */
export async function loadVersions(
  { db }: { db: Pick<Database, 'query'> },
  userId: string,
  { isNewestFirst, below, above, limit }: VersionRange,
): Promise<PictureRecord[]> {
  const statement = isNewestFirst ? newestVersions : oldestVersions;
  const rows = await db.query<PictureRow>(statement, [userId, below ?? maxInt32, above ?? 0, limit]);
  return rows.map(toPictureRecord);
}

/** A user is seldom signed in at more places, and the oldest say little. */
const maxSessions = 100;

/** The sessions of a user that were seen most recently. */
export const loadSyncSessions = (
  { db }: { db: Pick<Database, 'query'> },
  userId: string,
): Promise<SyncSessionRecord[]> => db.query<SyncSessionRecord>(syncSessions, [userId, maxSessions]);
