import DataLoader from 'dataloader';
import type { Database } from '../../platform/database.ts';
import { createSharedLoader } from '../../platform/shared-loader.ts';
import { toJson, usersByPair } from '../user/queries.ts';
import { statementFor } from '../user/reader.ts';
import type { UserRecord } from '../user/record.ts';
import { toUserRecord, type UserRow } from '../user/rows.ts';
import { catalogueStatements } from './catalogue-queries.ts';
import { maxRowsPerOwner } from './list-queries.ts';
import type { CatalogueKind, CatalogueRecord } from './record.ts';

type Reader = Pick<Database, 'query'>;

/** One page of one owner's list. */
interface ListKey {
  /** For whom it is read; null: for nobody in particular. */
  readerId: string | null;
  ownerId: string;
  /** The bounds of the page and its length, as the statement takes them. */
  keyset: readonly unknown[];
}

/** What any list's statement tells of a row; `index` says which owner's it is. */
interface ListRow {
  index: number;
  since: Date;
}

/** A member of a list of users. */
export type UserListRow = UserRow & ListRow;

/** A member of a list of crew members or studios. */
type CatalogueListRow = ListRow & Omit<CatalogueRecord, 'kind'>;

/** Pages of a list, of whatever owners, and whoever reads them. */
const listLoader = <Row extends ListRow>() =>
  createSharedLoader(
    async (db, statement, keys: readonly ListKey[]) => {
      const pages = keys.map((): Row[] => []);
      const rows = await db.query<Row>(statement, [JSON.stringify(keys.map(toOwner))]);
      for (const row of rows) pages[Math.floor(row.index / maxRowsPerOwner)]?.push(row);
      return pages;
    },
    // A page may be a hundred whole users: nobody waits for many of those to have theirs of three.
    { maxBatchSize: 20 },
  );

/** Lists of users. */
export const userListsOf = listLoader<UserListRow>();

/** Lists of crew members or studios. */
export const catalogueListsOf = listLoader<CatalogueListRow>();

/** An owner's page, as `pageRows` reads it. */
function toOwner({ readerId, ownerId, keyset }: ListKey, place: number) {
  const [newest_at, newest_item, oldest_at, oldest_item, row_count] = keyset;
  return {
    reader_id: readerId,
    id: ownerId,
    ordinal: place + 1,
    newest_at,
    newest_item,
    oldest_at,
    oldest_item,
    row_count,
  };
}

/** Crew members or studios as the viewer stands to them, whatever is asked for in the same moment in one statement. */
function createCatalogueLoader(
  db: Reader,
  viewerId: string | null,
  kind: CatalogueKind,
): DataLoader<number, CatalogueRecord> {
  return new DataLoader(
    async (tmdbIds) => {
      const rows = await db.query<Omit<CatalogueRecord, 'kind'>>(catalogueStatements[kind].read, [viewerId, tmdbIds]);
      const records = new Map(rows.map((row) => [row.tmdbId, { kind, ...row }]));
      return tmdbIds.map((id) => records.get(id) ?? { kind, tmdbId: id, followerCount: 0, viewerFollows: false });
    },
    { cache: false },
  );
}

/** Crew members or studios by their kind, as the viewer of one request stands to them. */
type CatalogueLoaders = Record<CatalogueKind, DataLoader<number, CatalogueRecord>>;

/** What of a request's context the loaders need. */
interface Asker {
  platform: { db: Reader };
  viewer: { id: string } | null;
}

const loadersByAsker = new WeakMap<Asker, CatalogueLoaders>();

/** The loaders of the request with this context, made when they are first asked for. */
export function catalogueOf(asker: Asker): CatalogueLoaders {
  const { platform, viewer } = asker;
  const create = (kind: CatalogueKind) => createCatalogueLoader(platform.db, viewer?.id ?? null, kind);
  const loaders = loadersByAsker.get(asker) ?? { CrewMember: create('CrewMember'), Studio: create('Studio') };
  loadersByAsker.set(asker, loaders);
  return loaders;
}

/** A user with what is always visible only, whoever blocks whom; all of them for an administrator. Null: no such user. */
export async function loadVisibleToAll(
  db: Reader,
  { viewerId, isAdministrator, userId }: { viewerId: string; isAdministrator: boolean; userId: string },
): Promise<UserRecord | null> {
  const [row] = await db.query<UserRow>(statementFor({ isAdministrator }, usersByPair), [
    toJson([{ viewerId, userId }]),
  ]);
  return row ? toVisibleToAll(row) : null;
}

/** What stays of a user for one who has blocked them, unless they administrate: everything that privacy governs is hidden. */
export function toVisibleToAll(row: UserRow): UserRecord {
  const user = toUserRecord(row);
  const visible: UserRecord = row.isAdministrator
    ? user
    : {
        ...user,
        privacy: { ...user.privacy, profile: 'PRIVATE', watchHistory: 'PRIVATE', ratings: 'PRIVATE' },
        relation: { ...user.relation, isOwner: false },
      };
  if (visible.picture) visible.picture = { ...visible.picture, owner: visible };
  return visible;
}
