import DataLoader from 'dataloader';
import type { Database } from '../../platform/database.ts';
import { oneself, toPairs, userByUsername, usersByPair } from './queries.ts';
import { noteMeeting, type ReadNotes, statementFor } from './reader.ts';
import type { UserRecord } from './record.ts';
import { isThere, toUserRecord, type UserRow } from './rows.ts';
import { asSeenBy, type ViewAs } from './view-as.ts';

/** A user, as somebody may know them; null where there is none that they may know of. */
export type UserLoader = DataLoader<string, UserRecord | null>;

/** As many pairs go into one statement. */
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
  return new DataLoader(
    async (ids) => {
      const users = await readUsers(
        db,
        ids.map((userId) => ({ viewerId, userId })),
        { isAdministrator: administratorReads !== null },
      );
      for (const user of users) if (user && administratorReads) noteMeeting(administratorReads, user);
      return users.map((user) => user && asSeenBy(viewAs, user));
    },
    { maxBatchSize },
  );
}

/** Who asks for whom. */
export interface UserPair {
  viewerId: string | null;
  userId: string;
  isAdministrator?: boolean;
}

/**
 * Users for open subscriptions: whatever is asked for at the same moment, by however many subscribers, is one statement.
 * Nothing is kept, since a subscription outlives any state it read.
 */
export function createLiveUserLoader(db: Pick<Database, 'query'>): DataLoader<UserPair, UserRecord | null> {
  return new DataLoader((pairs) => readForAll(db, pairs), { cache: false, maxBatchSize });
}

/** Administrators have a statement of their own; nearly always one of the two has nobody to read for. */
async function readForAll(db: Pick<Database, 'query'>, pairs: readonly UserPair[]): Promise<(UserRecord | null)[]> {
  const records = new Map<UserPair, UserRecord | null>();
  const readThose = async (isAdministrator: boolean) => {
    const those = pairs.filter((pair) => (pair.isAdministrator ?? false) === isAdministrator);
    const users = those.length > 0 ? await readUsers(db, those, { isAdministrator }) : [];
    for (const [place, pair] of those.entries()) records.set(pair, users[place] ?? null);
  };
  await Promise.all([readThose(false), readThose(true)]);
  return pairs.map((pair) => records.get(pair) ?? null);
}

async function readUsers(
  db: Pick<Database, 'query'>,
  pairs: readonly UserPair[],
  reader: { isAdministrator: boolean },
): Promise<(UserRecord | null)[]> {
  const [first] = pairs;
  const isOneself = pairs.length === 1 && first?.userId === first?.viewerId;
  const rows = isOneself
    ? await db.query<UserRow>(oneself, [first?.userId])
    : await db.query<UserRow>(statementFor(reader, usersByPair), [toPairs(pairs)]);
  const records = pairs.map((): UserRecord | null => null);
  for (const row of rows) if (isThere(row)) records[row.index] = toUserRecord(row);
  return records;
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
  const [row] = await db.query<UserRow>(statementFor(viewer, userByUsername), [viewer?.id ?? null, username]);
  if (!row || !isThere(row)) return null;
  const user = asSeenBy(viewAs, toUserRecord(row));
  noteMeeting(reads, user);
  users.prime(user.id, user);
  return user;
}
