import DataLoader from 'dataloader';
import type { Database, Statement } from '../../platform/database.ts';
import { createSharedLoader } from '../../platform/shared-loader.ts';
import { oneself, toJson, userByUsername, usersByPair } from './queries.ts';
import { noteMeeting, type ReadNotes, type ReadStatements, statementFor } from './reader.ts';
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
  const shared = usersOf(db);
  const isAdministrator = administratorReads !== null;
  const read = async (userId: string) => {
    const user = await shared.load({ viewerId, userId, isAdministrator });
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

/** Users as whoever asks may know them; null for each who isn't there for them. */
export const usersOf = createSharedLoader(
  (db, pairs: readonly UserPair[]) => {
    const areOneself = pairs.every(({ viewerId, userId }) => viewerId === userId);
    return areOneself ? readUsers(db, pairs, oneself) : readForAll(db, pairs, usersByPair);
  },
  { maxBatchSize },
);

/** Administrators have a statement of their own; nearly always one of the two has nobody to read for. */
async function readForAll<Asked extends Asker>(
  db: Pick<Database, 'query'>,
  asked: readonly Asked[],
  statements: ReadStatements,
): Promise<(UserRecord | null)[]> {
  const users = new Map<Asked, UserRecord | null>();
  const readThose = async (isAdministrator: boolean) => {
    const those = asked.filter((one) => (one.isAdministrator ?? false) === isAdministrator);
    const read = those.length > 0 ? await readUsers(db, those, statementFor({ isAdministrator }, statements)) : [];
    for (const [place, one] of those.entries()) users.set(one, read[place] ?? null);
  };
  await Promise.all([readThose(false), readThose(true)]);
  return asked.map((one) => users.get(one) ?? null);
}

async function readUsers(
  db: Pick<Database, 'query'>,
  asked: readonly Asker[],
  statement: Statement,
): Promise<(UserRecord | null)[]> {
  const users = asked.map((): UserRecord | null => null);
  const rows = await db.query<UserRow>(statement, [toJson(asked)]);
  for (const row of rows) if (isThere(row)) users[row.index] = toUserRecord(row);
  return users;
}

/** Whom a username is to find, and for whom. */
interface UsernameSearch {
  viewer: { id: string; isAdministrator: boolean } | null;
  viewAs: ViewAs | null;
  username: string;
  reads: ReadNotes;
  users: UserLoader;
}

/** The user whom a username, current or former, finds for this viewer; the loader then has them too. */
export async function findUserByUsername(
  db: Pick<Database, 'query'>,
  { viewer, viewAs, username, reads, users }: UsernameSearch,
): Promise<UserRecord | null> {
  const { id: viewerId = null, isAdministrator = false } = viewer ?? {};
  const found = await usersByName(db).load({ viewerId, isAdministrator, username });
  if (!found) return null;
  const user = asSeenBy(viewAs, found);
  noteMeeting(reads, user);
  users.prime(user.id, user);
  return user;
}

/** Users by a name of theirs, as whoever asks may know them. */
const usersByName = createSharedLoader(
  (db, asked: readonly (Asker & { username: string })[]) => readForAll(db, asked, userByUsername),
  { maxBatchSize },
);
