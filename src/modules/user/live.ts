import { setTimeout as delay } from 'node:timers/promises';
import type DataLoader from 'dataloader';
import { badUserInput, RequestError } from '../../errors.ts';
import type { RevisionStatements } from '../../platform/announcements.ts';
import type { Change, ChangeStream } from '../../platform/change-stream.ts';
import type { Topic } from '../../platform/live-bus.ts';
import type { Platform } from '../../platform/platform.ts';
import type { UserPair } from './loaders.ts';
import { pictureRevisions, preferencesRevisions, profileRevisions } from './queries.ts';
import type { UserRecord } from './record.ts';

/** Users that one subscription may be about. */
const maxUsers = 200;
const readRetryMs = 500;

/** Where the current revisions stand. */
export const revisionStatements: RevisionStatements = {
  picture: pictureRevisions,
  profile: profileRevisions,
  preferences: preferencesRevisions,
};

/** The revision of what was read; null where it wasn't read for this viewer. */
const revisionOf: Record<Topic, (user: UserRecord) => number | null> = {
  picture: ({ pictureRevision }) => pictureRevision,
  profile: ({ profile }) => profile.revision,
  preferences: ({ preferences }) => preferences?.revision ?? null,
};

export interface UserSubscription {
  topic: Topic;
  viewer: { id: string; isAdministrator: boolean } | null;
  userIds: string[];
  /** What the client shows already. */
  known?: Change[];
}

/**
 * Users of whom something changed, each as its viewer may know it, newest state only. First come those in `known` whose
 * state is newer. Throws BAD_USER_INPUT for more than 200 users, or what can't be a user's id.
 */
export async function followUsers(
  deps: Pick<Platform, 'db' | 'live'> & { liveUsers: DataLoader<UserPair, UserRecord | null> },
  { topic, viewer, userIds, known = [] }: UserSubscription,
): Promise<AsyncIterableIterator<UserRecord>> {
  const ids = new Set(userIds);
  assertUserIds(ids);
  // Subscribed first and read second: a change in between is seen twice and told once, not missed.
  const stream = deps.live.subscribe(topic, ids);
  try {
    startStream(stream, await deps.db.query<Change>(revisionStatements[topic], [[...ids]]), known);
  } catch (error) {
    await stream.return();
    throw error;
  }
  return mapChanges(stream, {
    read: ({ userId }) =>
      deps.liveUsers.load({ viewerId: viewer?.id ?? null, isAdministrator: viewer?.isAdministrator ?? false, userId }),
    revisionOf: revisionOf[topic],
  });
}

function assertUserIds(ids: Set<string>): void {
  if (ids.size > maxUsers) throw badUserInput(`Expected at most ${maxUsers} users, and got ${ids.size}.`);
  for (const id of ids) {
    // PostgreSQL refuses U+0000.
    if (!/^[\x21-\x7e]{1,255}$/.test(id)) {
      throw badUserInput(`Expected the id of a user, and got ${JSON.stringify(id.slice(0, 60))}.`);
    }
  }
}

function startStream(stream: ChangeStream, current: Change[], known: Change[]): void {
  const knownRevisions = new Map(known.map(({ userId, revision }) => [userId, revision]));
  for (const state of current) {
    const revision = knownRevisions.get(state.userId);
    stream.startAt(state);
    if (revision === undefined) continue;
    // Its announcement may still be on the way, and a client that is ahead of the database must not miss the next one.
    stream.deliver({ userId: state.userId, revision: Math.min(revision, state.revision) });
    stream.offer(state);
  }
}

interface Reading {
  read(change: Change): Promise<UserRecord | null>;
  revisionOf(user: UserRecord): number | null;
}

/** Reads the state behind each change; a change of somebody whom the viewer may not know of is passed over. */
function mapChanges(stream: ChangeStream, { read, revisionOf }: Reading): AsyncIterableIterator<UserRecord> {
  const next = async (): Promise<IteratorResult<UserRecord>> => {
    for (;;) {
      const { done, value: change } = await stream.next();
      const user = done ? null : await readWhenThere(stream, () => read(change));
      if (stream.isEnded) return { done: true, value: undefined };
      const revision = user && revisionOf(user);
      if (user && revision !== null && stream.deliver({ userId: user.id, revision })) {
        return { done: false, value: user };
      }
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

/**
 * A database that is away ends no stream: its client has no reason to ask again, and would show the old state from then
 * on. Any other error is ours and ends it with that error.
 */
async function readWhenThere<Result>(stream: ChangeStream, read: () => Promise<Result>): Promise<Result | null> {
  while (!stream.isEnded) {
    try {
      return await read();
    } catch (error) {
      if (!isDatabaseAway(error)) {
        await stream.return();
        throw error;
      }
      await delay(readRetryMs, undefined, { ref: false });
    }
  }
  return null;
}

const isDatabaseAway = (error: unknown): boolean =>
  error instanceof RequestError && error.code === 'SERVICE_UNAVAILABLE';
