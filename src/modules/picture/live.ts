import type DataLoader from 'dataloader';
import { badUserInput } from '../../errors.ts';
import type { Change, ChangeStream } from '../../platform/live-bus.ts';
import type { Platform } from '../../platform/platform.ts';
import type { UserPair } from '../user/loaders.ts';
import { pictureRevisions } from '../user/queries.ts';
import type { UserRecord } from '../user/record.ts';

/** Users that one subscription may be about. */
const maxUsers = 200;

export interface PictureSubscription {
  viewerId: string | null;
  userIds: string[];
  /** What the client shows already. */
  known: Change[];
}

/**
 * Users whose active picture changed, each as its viewer may know it, newest state only. First come those in `known`
 * whose state is newer. Throws BAD_USER_INPUT for more than 200 users.
 */
export async function followPictures(
  deps: Pick<Platform, 'db' | 'live'> & { liveUsers: DataLoader<UserPair, UserRecord | null> },
  { viewerId, userIds, known }: PictureSubscription,
): Promise<AsyncIterableIterator<UserRecord>> {
  const ids = new Set(userIds);
  if (ids.size > maxUsers) throw badUserInput(`Expected at most ${maxUsers} users, and got ${ids.size}.`);
  // Subscribed first and read second: a change in between is seen twice and told once, not missed.
  const stream = deps.live.subscribe('picture', ids);
  try {
    startStream(stream, await deps.db.query<Change>(pictureRevisions, [[...ids]]), known);
  } catch (error) {
    await stream.return();
    throw error;
  }
  return mapChanges(stream, ({ userId }) => deps.liveUsers.load({ viewerId, userId }));
}

function startStream(stream: ChangeStream, current: Change[], known: Change[]): void {
  const knownRevisions = new Map(known.map(({ userId, revision }) => [userId, revision]));
  for (const change of current) {
    const revision = knownRevisions.get(change.userId);
    if (revision !== undefined && revision < change.revision) stream.offer(change);
    else stream.startAt(change);
  }
}

/** Reads the state behind each change; a change of somebody whom the viewer may not know of is passed over. */
function mapChanges(
  stream: ChangeStream,
  read: (change: Change) => Promise<UserRecord | null>,
): AsyncIterableIterator<UserRecord> {
  const next = async (): Promise<IteratorResult<UserRecord>> => {
    for (;;) {
      const { done, value: change } = await stream.next();
      if (done) return { done: true, value: undefined };
      const user = await read(change);
      if (!user) continue;
      stream.delivered({ userId: user.id, revision: user.pictureRevision });
      return { done: false, value: user };
    }
  };
  const iterator: AsyncIterableIterator<UserRecord> = {
    next,
    return: async () => {
      await stream.return();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}
