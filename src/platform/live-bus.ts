/**
 * Tells open subscriptions that something of a user changed. A message is a hint that carries an id and a revision only:
 * whoever gets it reads the state itself. Each subscription keeps the newest revision of each user and nothing more, so
 * that a consumer which stands still costs the same after one change as after a million.
 */

import { type Change, type ChangeStream, createChangeStream } from './change-stream.ts';

/** What of a user can change: the active picture; the profile with the names and who sees it; the preferences. */
export const topics = ['picture', 'profile', 'preferences'] as const;
export type Topic = (typeof topics)[number];

export interface LiveBus {
  subscribe(topic: Topic, userIds: Iterable<string>): ChangeStream;
  /** Hands a change to every stream that is about its user. */
  dispatch(topic: Topic, change: Change): void;
  /**
   * Hands the current state to every stream that is about its user, where some may have missed a change since
   * `missedSinceMs` (of `performance.now()`).
   */
  catchUp(topic: Topic, current: Change, missedSinceMs: number): void;
  /** The users that somebody is subscribed to. */
  subscribedUserIds(topic: Topic): string[];
  /** Ends every stream, and each that would begin. */
  close(): void;
}

export function createLiveBus(): LiveBus {
  const streams: Record<Topic, Map<string, Set<ChangeStream>>> = {
    picture: new Map(),
    profile: new Map(),
    preferences: new Map(),
  };
  let isClosed = false;

  const add = (topic: Topic, userId: string, stream: ChangeStream) => {
    const set = streams[topic].get(userId) ?? new Set();
    streams[topic].set(userId, set.add(stream));
  };
  const remove = (topic: Topic, userId: string, stream: ChangeStream) => {
    const set = streams[topic].get(userId);
    set?.delete(stream);
    if (set?.size === 0) streams[topic].delete(userId);
  };

  return {
    subscribe(topic, userIds) {
      const ids = new Set(userIds);
      const stream = createChangeStream(() => {
        for (const userId of ids) remove(topic, userId, stream);
      });
      for (const userId of ids) add(topic, userId, stream);
      // A subscription that was starting when the server stopped would hold its connection open.
      if (isClosed) void stream.return();
      return stream;
    },
    dispatch(topic, change) {
      for (const stream of streams[topic].get(change.userId) ?? []) stream.offer(change);
    },
    catchUp(topic, current, missedSinceMs) {
      for (const stream of streams[topic].get(current.userId) ?? []) stream.catchUp(current, missedSinceMs);
    },
    subscribedUserIds: (topic) => [...streams[topic].keys()],
    close() {
      isClosed = true;
      for (const users of Object.values(streams)) {
        for (const stream of new Set([...users.values()].flatMap((set) => [...set]))) void stream.return();
      }
    },
  };
}
