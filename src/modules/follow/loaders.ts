import DataLoader from 'dataloader';
import type { Database, Statement } from '../../platform/database.ts';
import { toPairs, usersByPair } from '../user/queries.ts';
import { statementFor } from '../user/reader.ts';
import type { UserRecord } from '../user/record.ts';
import { toUserRecord, type UserRow } from '../user/rows.ts';
import { catalogueStatements } from './catalogue-queries.ts';
import { maxRowsPerOwner } from './list-queries.ts';
import type { CatalogueKind, CatalogueRecord } from './record.ts';

type Reader = Pick<Database, 'query'>;

/** One page of one owner's list. */
interface ListKey {
  statement: Statement;
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

/**
 * Pages of lists, one statement for the same page of whatever owners are asked for in the same moment: lists in a list cost
 * one statement. Nothing is kept.
 */
function createListLoader<Row extends ListRow>(db: Reader, viewerId: string | null): DataLoader<ListKey, Row[]> {
  return new DataLoader(
    async (keys) => {
      const pages = keys.map((): Row[] => []);
      await Promise.all(groupPages(keys).map((places) => readPages(db, viewerId, { keys, places, pages })));
      return pages;
    },
    { cache: false },
  );
}

/** Places of the keys that ask for the same page of the same list. */
function groupPages(keys: readonly ListKey[]): number[][] {
  const groups = new Map<string, number[]>();
  for (const [place, { statement, keyset }] of keys.entries()) {
    const name = JSON.stringify([statement.name, keyset]);
    groups.set(name, [...(groups.get(name) ?? []), place]);
  }
  return [...groups.values()];
}

async function readPages<Row extends ListRow>(
  db: Reader,
  viewerId: string | null,
  { keys, places, pages }: { keys: readonly ListKey[]; places: number[]; pages: Row[][] },
): Promise<void> {
  const asked = places.map((place) => keys[place] as ListKey);
  const [{ statement }] = asked as [ListKey];
  const rows = await db.query<Row>(statement, [viewerId, JSON.stringify(asked.map(toOwner))]);
  for (const row of rows) pages[places[Math.floor(row.index / maxRowsPerOwner)] as number]?.push(row);
}

/** An owner's page, as `pageRows` reads it. */
function toOwner({ ownerId, keyset }: ListKey, index: number) {
  const [newest_at, newest_item, oldest_at, oldest_item, row_count] = keyset;
  return { id: ownerId, ordinal: index + 1, newest_at, newest_item, oldest_at, oldest_item, row_count };
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
      const records = new Map(rows.map((row) => [row.tmdbId, { ...row, kind }]));
      return tmdbIds.map((id) => records.get(id) ?? { kind, tmdbId: id, followerCount: 0, viewerFollows: false });
    },
    { cache: false },
  );
}

/** The loaders of one request. */
interface Loaders extends Record<CatalogueKind, DataLoader<number, CatalogueRecord>> {
  userLists: DataLoader<ListKey, UserListRow[]>;
  catalogueLists: DataLoader<ListKey, CatalogueListRow[]>;
}

/** What of a request's context the loaders need. */
interface Asker {
  platform: { db: Reader };
  viewer: { id: string } | null;
}

const loadersByAsker = new WeakMap<Asker, Map<string | null, Loaders>>();

/** The loaders of the request with this context, made when they are first asked for; they read for the viewer, or for another. */
export function loadersOf(asker: Asker, readerId: string | null = asker.viewer?.id ?? null): Loaders {
  const loadersByReader = loadersByAsker.get(asker) ?? new Map<string | null, Loaders>();
  const loaders = loadersByReader.get(readerId) ?? createLoaders(asker.platform, readerId);
  loadersByAsker.set(asker, loadersByReader.set(readerId, loaders));
  return loaders;
}

function createLoaders({ db }: Asker['platform'], viewerId: string | null): Loaders {
  return {
    userLists: createListLoader(db, viewerId),
    catalogueLists: createListLoader(db, viewerId),
    CrewMember: createCatalogueLoader(db, viewerId, 'CrewMember'),
    Studio: createCatalogueLoader(db, viewerId, 'Studio'),
  };
}

/** A user with what is always visible only, whoever blocks whom; all of them for an administrator. Null: no such user. */
export async function loadVisibleToAll(
  db: Reader,
  { viewerId, isAdministrator, userId }: { viewerId: string; isAdministrator: boolean; userId: string },
): Promise<UserRecord | null> {
  const [row] = await db.query<UserRow>(statementFor({ isAdministrator }, usersByPair), [
    toPairs([{ viewerId, userId }]),
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
