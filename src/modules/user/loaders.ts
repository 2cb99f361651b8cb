import DataLoader from 'dataloader';
import type { Database } from '../../platform/database.ts';
import { toUserRecord, type UserRow, userByUsername, usersForViewers } from './queries.ts';
import type { UserRecord } from './record.ts';

/** A user, as somebody may know them; null where there is none that they may know of. */
export type UserLoader = DataLoader<string, UserRecord | null>;

/** As many pairs go into one statement. */
const maxBatchSize = 500;

/** The users of one request, each read once. */
export function createUserLoader(db: Pick<Database, 'query'>, viewerId: string | null): UserLoader {
  return new DataLoader(
    (ids) =>
      readUsers(
        db,
        ids.map((userId) => ({ viewerId, userId })),
      ),
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

/** The user whom a username, current or former, finds for this viewer; the loader then has them too. */
export async function findUserByUsername(
  db: Pick<Database, 'query'>,
  { viewerId, username, users }: { viewerId: string | null; username: string; users: UserLoader },
): Promise<UserRecord | null> {
  const [row] = await db.query<UserRow>(userByUsername, [viewerId, username]);
  const user = row && !row.isHidden ? toUserRecord(row) : null;
  if (user) users.prime(user.id, user);
  return user;
}
