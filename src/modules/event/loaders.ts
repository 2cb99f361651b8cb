import { EventType } from '../../generated/prisma/enums.ts';
import type { Database, Statement } from '../../platform/database.ts';
import { createSharedLoader } from '../../platform/shared-loader.ts';
import type { UserLoader } from '../user/loaders.ts';
import type { UserRecord } from '../user/record.ts';
import type { CanSee } from '../visibility/policy.ts';
import { type EventRow, eventsById, eventsOfMovie, eventsOfTypes, eventsOfUsers } from './queries.ts';
import { type EventRecord, partOfType } from './record.ts';

const allTypes = Object.values(EventType);

/** The types of those asked for (null: all of them) whose events the viewer may see. */
export const visibleTypes = (owner: UserRecord, asked: readonly EventType[] | null, canSee: CanSee): EventType[] =>
  allTypes.filter((type) => (asked ?? allTypes).includes(type) && canSee(owner, partOfType[type]));

/** Events that the viewer may see, in the order of the ids; null for each that is missing or hidden. */
export async function loadEvents(
  { db, users, canSee }: { db: Pick<Database, 'query'>; users: UserLoader; canSee: CanSee },
  ids: readonly string[],
): Promise<(EventRecord | null)[]> {
  const events = await db.query<EventRecord>(eventsById, [ids]);
  const owners = await Promise.all(events.map(({ userId }) => users.load(userId)));
  const visible = events.filter((event, index) => {
    const owner = owners[index];
    return owner && canSee(owner, partOfType[event.type]);
  });
  const byId = new Map(visible.map((event) => [event.id, event]));
  return ids.map((id) => byId.get(id.toLowerCase()) ?? null);
}

/** Newest and oldest position between which a page lies, both excluded, and how many rows are read. */
export type Keyset = [newestAt: string, newestId: string, oldestAt: string, oldestId: string, rowCount: number];

/** A page of one user's events. */
export interface EventPage {
  userId: string;
  /** At least one. */
  types: EventType[];
  /** Null: any. */
  movieId: number | null;
  /** From the newest on, else from the oldest back. */
  isForward: boolean;
  keyset: Keyset;
}

/** A page of events, as its statement reads it. */
export const loadEventPage = (db: Pick<Database, 'query'>, page: EventPage): Promise<EventRecord[]> =>
  eventPages(db, statementFor(page), page);

/** Pages of many users, or of one by many arguments. */
const eventPages = createSharedLoader(
  async (db, statement, pages: readonly EventPage[]) => {
    const read = pages.map((): EventRecord[] => []);
    const rows = await db.query<EventRow>(statement, [JSON.stringify(pages.map(toJson))]);
    for (const row of rows) read[row.page]?.push(row);
    return read;
  },
  { maxBatchSize: 20 },
);

function toJson({ userId, types, movieId, keyset }: EventPage, page: number) {
  const [newest_at, newest_id, oldest_at, oldest_id, row_count] = keyset;
  return { page, user_id: userId, types, movie_id: movieId, newest_at, newest_id, oldest_at, oldest_id, row_count };
}

function statementFor({ types, movieId, isForward }: EventPage): Statement {
  const statements =
    movieId !== null ? eventsOfMovie : types.length === allTypes.length ? eventsOfUsers : eventsOfTypes;
  return isForward ? statements.newest : statements.oldest;
}
