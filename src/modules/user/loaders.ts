import DataLoader from 'dataloader';
import type { Database, Statement } from '../../platform/database.ts';
import { createSharedLoader } from '../../platform/shared-loader.ts';
import { oneself, toJson, userByUsername, usersByPair } from './queries.ts';
import { noteMeeting, type ReadNotes, statementFor } from './reader.ts';
import type { UserRecord } from './record.ts';
import { isThere, toUserRecord, type UserRow } from './rows.ts';
import { asSeenBy, type ViewAs } from './view-as.ts';

/** A user, as somebody may know them; null where there is none that they may know of. */
export type UserLoader = DataLoader<string, UserRecord | null>;

/** As many go into one statement. */
const maxBatchSize = 500;

/** How the users of a request are read: as everybody reads them, where nothing is said. */
export interface Reading {
  /** The audience as which the viewer gets their own record. */
  viewAs?: ViewAs | null;
  /** Of an administrator: what they read as one is noted there. */
  administratorReads?: ReadNotes | null;
}

/** The users of one request, each read once. */
export function createUserLoader(
  db: Pick<Database, 'query'>,
  viewerId: string | null,
  { viewAs = null, administratorReads = null }: Reading = {},
): UserLoader {
  const isAdministrator = administratorReads !== null;
  const read = async (userId: string) => {
    const user = await loadUser(db, { viewerId, userId, isAdministrator });
    if (user && administratorReads) noteMeeting(administratorReads, user);
    return user && asSeenBy(viewAs, user);
  };
  // Those of many requests go into one statement, and so do those of one.
  return new DataLoader((ids) => Promise.all(ids.map(read)), { batch: false });
}

/** Who asks for whom. */
export interface UserPair extends Asker {
  userId: string;
}

interface Asker {
  viewerId: string | null;
  isAdministrator?: boolean;
}

/** A user as whoever asks may know them; null where there is none for them. Administrators read by a statement of their own. */
export const loadUser = (db: Pick<Database, 'query'>, pair: UserPair): Promise<UserRecord | null> => {
  const { viewerId, userId, isAdministrator = false } = pair;
  return users(db, statementFor({ isAdministrator: isAdministrator && viewerId !== userId }, usersByPair), pair);
};

const users = createSharedLoader(
  (db, statement, pairs: readonly UserPair[]) => {
    // Nobody's blocks and follows are looked at where all ask for themselves.
    const areOneself = pairs.every(({ viewerId, userId }) => viewerId === userId);
    return readUsers(db, areOneself ? oneself : statement, pairs);
  },
  { maxBatchSize },
);

/** Users for open subscriptions. */
export interface LiveUsers {
  /** Read anew each time, since a subscription outlives any state that it read. */
  load(pair: UserPair): Promise<UserRecord | null>;
}

export const createLiveUsers = (db: Pick<Database, 'query'>): LiveUsers => ({ load: (pair) => loadUser(db, pair) });

async function readUsers(
  db: Pick<Database, 'query'>,
  statement: Statement,
  asked: readonly Asker[],
): Promise<(UserRecord | null)[]> {
  const read = asked.map((): UserRecord | null => null);
  const rows = await db.query<UserRow>(statement, [toJson(asked)]);
  for (const row of rows) if (isThere(row)) read[row.index] = toUserRecord(row);
  return read;
}

/** For whom a username is to find somebody. */
interface Searcher {
  viewer: { id: string; isAdministrator: boolean } | null;
  viewAs: ViewAs | null;
  reads: ReadNotes;
  users: UserLoader;
}

/** The user whom a username, current or former, finds for this viewer; the loader then has them too. */
export async function findUserByUsername(
  db: Pick<Database, 'query'>,
  username: string,
  { viewer, viewAs, reads, users }: Searcher,
): Promise<UserRecord | null> {
  const { id: viewerId = null, isAdministrator = false } = viewer ?? {};
  const found = await usersByName(db, statementFor({ isAdministrator }, userByUsername), { viewerId, username });
  if (!found) return null;
  const user = asSeenBy(viewAs, found);
  noteMeeting(reads, user);
  users.prime(user.id, user);
  return user;
}

/** Users by a name of theirs, as whoever asks may know them. */
const usersByName = createSharedLoader(
  (db, statement, asked: readonly (Asker & { username: string })[]) => readUsers(db, statement, asked),
  { maxBatchSize },
);
