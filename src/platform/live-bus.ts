/**
 * Tells open subscriptions that something of a user changed. A message is a hint that carries an id and a revision only:
 * whoever gets it reads the state itself. Each subscription keeps the newest revision of each user and nothing more, so
 * that a consumer which stands still costs the same after one change as after a million.
 */

import { type Audience, type Change, ChangeStream, type Follow } from './change-stream.ts';

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
  const audiences = {
    picture: createAudiences(),
    profile: createAudiences(),
    preferences: createAudiences(),
  } satisfies Record<Topic, Audiences>;
  let isClosed = false;

  return {
    subscribe(topic, userIds) {
      const stream = audiences[topic].enter(new Set(userIds));
      // A subscription that was starting when the server stopped would hold its connection open.
      if (isClosed) stream.end();
      return stream;
    },
    dispatch(topic, { userId, revision }) {
      for (const follow of audiences[topic].followsOf(userId)) follow.offer(revision);
    },
    catchUp(topic, { userId, revision }, missedSinceMs) {
      for (const follow of audiences[topic].followsOf(userId)) follow.catchUp(revision, missedSinceMs);
    },
    subscribedUserIds: (topic) => audiences[topic].userIds(),
    close() {
      isClosed = true;
      for (const topic of topics) {
        for (const userId of audiences[topic].userIds()) {
          for (const { stream } of audiences[topic].followsOf(userId)) stream.end();
        }
      }
    },
  };
}

type Audiences = ReturnType<typeof createAudiences>;

/** The audiences of one topic, each as long as somebody is in it. */
function createAudiences() {
  const byUser = new Map<string, Audience>();
  const audienceOf = (userId: string): Audience => {
    const audience = byUser.get(userId) ?? { userId, follows: new Set() };
    byUser.set(audience.userId, audience);
    return audience;
  };
  const leave = (follow: Follow) => {
    const { userId, follows } = follow.audience;
    follows.delete(follow);
    if (follows.size === 0) byUser.delete(userId);
  };
  return {
    enter(userIds: Iterable<string>): ChangeStream {
      const stream = new ChangeStream(Array.from(userIds, audienceOf), leave);
      for (const follow of stream.follows) follow.audience.follows.add(follow);
      return stream;
    },
    followsOf: (userId: string): Iterable<Follow> => byUser.get(userId)?.follows ?? [],
    userIds: () => [...byUser.keys()],
  };
}
