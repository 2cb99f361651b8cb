import type { Database } from '../../platform/database.ts';
import { type PictureRow, toPictureRecord } from '../user/queries.ts';
import type { PictureRecord } from '../user/record.ts';
import { picturesForViewer } from './queries.ts';

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
