import type { Database } from '../../platform/database.ts';
import { maxInt32 } from '../../validation.ts';
import { type PictureRow, toPictureRecord } from '../user/queries.ts';
import type { PictureRecord } from '../user/record.ts';
import { newestVersions, oldestVersions, picturesForViewer, syncSessions } from './queries.ts';
import type { SyncSessionRecord } from './sync-sessions-service.ts';

/** Pictures that the viewer may see, in the order of the ids; null for each that is missing or hidden. */
export async function loadPictures(
  { db }: { db: Pick<Database, 'query'> },
  viewerId: string | null,
  ids: readonly string[],
): Promise<(PictureRecord | null)[]> {
  const rows = await db.query<PictureRow>(picturesForViewer, [ids, viewerId]);
  const byId = new Map(rows.map((row) => [row.pictureId, toPictureRecord(row)]));
  return ids.map((id) => byId.get(id.toLowerCase()) ?? null);
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
