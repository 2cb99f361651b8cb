import { setTimeout as delay } from 'node:timers/promises';
import { badUserInput, RequestError } from '../../errors.ts';
import type { RevisionStatements } from '../../platform/announcements.ts';
import type { Change, ChangeStream } from '../../platform/change-stream.ts';
import type { Topic } from '../../platform/live-bus.ts';
import type { Platform } from '../../platform/platform.ts';
import type { LiveUsers } from './loaders.ts';
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
export const revisionOf: Record<Topic, (user: UserRecord) => number | null> = {
  picture: ({ pictureRevision }) => pictureRevision,
  profile: ({ profile }) => profile.revision,
  preferences: ({ preferences }) => preferences?.revision ?? null,
};

type Subscriber = { id: string; isAdministrator: boolean } | null;

export interface UserSubscription {
  topic: Topic;
  viewer: Subscriber;
  userIds: string[];
  /** What the client shows already. */
  known?: Change[];
}

/**
 * Users of whom something changed, each as its viewer may know it, newest state only. First come those in `known` whose
 * state is newer. Throws BAD_USER_INPUT for more than 200 users, or what can't be a user's id.
 */
export async function followUsers(
  deps: Pick<Platform, 'db' | 'live'> & { liveUsers: LiveUsers },
  { topic, viewer, userIds, known = [] }: UserSubscription,
): Promise<UserStream> {
  const ids = new Set(userIds);
  assertUserIds(ids);
  // Subscribed first and read second: a change in between is seen twice and told once, not missed.
  const changes = deps.live.subscribe(topic, ids);
  try {
    startStream(changes, await deps.db.query<Change>(revisionStatements[topic], [[...ids]]), known);
  } catch (error) {
    changes.end();
    throw error;
  }
  return new UserStream(topic, changes, toReader(deps.liveUsers, viewer));
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

function startStream(changes: ChangeStream, current: Change[], known: Change[]): void {
  const revisions = new Map(current.map(({ userId, revision }) => [userId, revision]));
  const knownRevisions = new Map(known.map(({ userId, revision }) => [userId, revision]));
  for (const follow of changes.follows) {
    const revision = revisions.get(follow.userId);
    if (revision === undefined) continue;
    follow.startAt(revision);
    const knownRevision = knownRevisions.get(follow.userId);
    if (knownRevision === undefined) continue;
    // Its announcement may still be on the way, and a client that is ahead of the database must not miss the next one.
    follow.deliver(Math.min(knownRevision, revision));
    follow.offer(revision);
  }
}

type ReadUser = (userId: string) => Promise<UserRecord | null>;

const toReader =
  (liveUsers: LiveUsers, viewer: Subscriber): ReadUser =>
  (userId) =>
    liveUsers.load({ viewerId: viewer?.id ?? null, isAdministrator: viewer?.isAdministrator ?? false, userId });

/** Reads the state behind each change; a change of somebody whom the viewer may not know of is passed over. */
export class UserStream implements AsyncIterableIterator<UserRecord> {
  readonly topic: Topic;
  readonly changes: ChangeStream;
  readonly #read: ReadUser;

  constructor(topic: Topic, changes: ChangeStream, read: ReadUser) {
    this.topic = topic;
    this.changes = changes;
    this.#read = read;
  }

  async next(): Promise<IteratorResult<UserRecord>> {
    for (;;) {
      const { done, value: change } = await this.changes.next();
      const user = done ? null : await this.#readWhenThere(change);
      if (this.changes.isEnded) return { done: true, value: undefined };
      const revision = user && revisionOf[this.topic](user);
      if (user && revision !== null && this.changes.deliver({ userId: user.id, revision })) {
        return { done: false, value: user };
      }
    }
  }

  return(): Promise<IteratorResult<UserRecord>> {
    this.changes.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /**
   * A database that is away ends no stream: its client has no reason to ask again, and would show the old state from then
   * on. Any other error is ours and ends it with that error.
   */
  async #readWhenThere({ userId }: Change): Promise<UserRecord | null> {
    while (!this.changes.isEnded) {
      try {
        return await this.#read(userId);
      } catch (error) {
        if (!isDatabaseAway(error)) {
          this.changes.end();
          throw error;
        }
        await waitForDatabase();
      }
    }
    return null;
  }
}

/** Before a read that failed is tried again. */
export const waitForDatabase = (): Promise<void> => delay(readRetryMs, undefined, { ref: false });

export const isDatabaseAway = (error: unknown): boolean =>
  error instanceof RequestError && error.code === 'SERVICE_UNAVAILABLE';
