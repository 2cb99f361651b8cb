import DataLoader from 'dataloader';
import type { Database } from '../../platform/database.ts';
import { toUserRecord, type UserRow, userByUsername, usersForViewers } from './queries.ts';
import type { UserRecord } from './record.ts';
import { asSeenBy, type ViewAs } from './view-as.ts';

/** A user, as somebody may know them; null where there is none that they may know of. */
export type UserLoader = DataLoader<string, UserRecord | null>;

/** As many pairs go into one statement. */
const maxBatchSize = 500;

/** The users of one request, each read once; the viewer's own record as `viewAs` gets it. */
export function createUserLoader(
  db: Pick<Database, 'query'>,
  viewerId: string | null,
  viewAs: ViewAs | null = null,
): UserLoader {
  return new DataLoader(
    async (ids) => {
      const pairs = ids.map((userId) => ({ viewerId, userId }));
      const users = await readUsers(db, pairs);
      return viewAs ? users.map((user) => user && asSeenBy(viewAs, user)) : users;
    },
    { maxBatchSize },
  );
}

/** Who asks for whom. */
export interface UserPair {
  viewerId: string | null;
  userId: string;
}

/**
 * Users for open subscriptions: whatever is asked for at the same moment, by however many subscribers, is one statement.
 * Nothing is kept, since a subscription outlives any state it read.
 */
export function createLiveUserLoader(db: Pick<Database, 'query'>): DataLoader<UserPair, UserRecord | null> {
  return new DataLoader((pairs) => readUsers(db, pairs), { cache: false, maxBatchSize });
}

async function readUsers(db: Pick<Database, 'query'>, pairs: readonly UserPair[]): Promise<(UserRecord | null)[]> {
  const rows = await db.query<UserRow>(usersForViewers, [
    pairs.map(({ viewerId }) => viewerId),
    pairs.map(({ userId }) => userId),
  ]);
  const records = pairs.map((): UserRecord | null => null);
  for (const row of rows) if (!row.isHidden) records[row.index] = toUserRecord(row);
  return records;
}

/** Whom a username is to find, and for whom. */
interface UsernameSearch {
  viewerId: string | null;
  viewAs: ViewAs | null;
  username: string;
  users: UserLoader;
}

/** The user whom a username, current or former, finds for this viewer; the loader then has them too. */
export async function findUserByUsername(
  db: Pick<Database, 'query'>,
  { viewerId, viewAs, username, users }: UsernameSearch,
): Promise<UserRecord | null> {
  const [row] = await db.query<UserRow>(userByUsername, [viewerId, username]);
  const user = row && !row.isHidden ? asSeenBy(viewAs, toUserRecord(row)) : null;
  if (user) users.prime(user.id, user);
  return user;
}
