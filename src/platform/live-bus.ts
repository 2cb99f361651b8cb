/**
 * Tells open subscriptions that something of a user changed. A message is a hint that carries an id and a revision only:
 * whoever gets it reads the state itself. Each subscription keeps the newest revision of each user and nothing more, so
 * that a consumer which stands still costs the same after one change as after a million.
 */

/** What can change: the active picture of a user. */
export type Topic = 'picture';

/** The state of a user has reached this revision. */
export interface Change {
  userId: string;
  revision: number;
}

/** Changes of the users that a subscription is about; revisions of a user only go up. */
export interface ChangeStream extends AsyncIterableIterator<Change> {
  /** Puts a change into the stream, unless as new a one went through it before. */
  offer(change: Change): void;
  /** Says that the consumer was given the state of this revision: what isn't newer will not come again. */
  delivered(change: Change): void;
  /** The state was at this revision when the stream started: catching up begins after it. */
  startAt(change: Change): void;
  /** Offers the current state after a gap, in case the consumer missed how it came about. */
  catchUp(change: Change): void;
  return(): Promise<IteratorResult<Change>>;
}

export interface LiveBus {
  subscribe(topic: Topic, userIds: Iterable<string>): ChangeStream;
  /** Hands a change to every stream that is about its user. */
  dispatch(topic: Topic, change: Change): void;
  /** Hands the current state to every stream that is about its user: some may have missed a change. */
  catchUp(topic: Topic, current: Change): void;
  /** The users that somebody is subscribed to. */
  subscribedUserIds(topic: Topic): string[];
  /** Ends every stream. */
  close(): void;
}

export function createLiveBus(): LiveBus {
  const streams: Record<Topic, Map<string, Set<ChangeStream>>> = { picture: new Map() };

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
      return stream;
    },
    dispatch(topic, change) {
      for (const stream of streams[topic].get(change.userId) ?? []) stream.offer(change);
    },
    catchUp(topic, current) {
      for (const stream of streams[topic].get(current.userId) ?? []) stream.catchUp(current);
    },
    subscribedUserIds: (topic) => [...streams[topic].keys()],
    close() {
      for (const users of Object.values(streams)) {
        for (const stream of new Set([...users.values()].flatMap((set) => [...set]))) void stream.return();
      }
    },
  };
}

function createChangeStream(onEnd: () => void): ChangeStream {
  const pending = new Map<string, number>();
  const newest = new Map<string, number>();
  const startedAt = new Map<string, number>();
  let waiting: ((result: IteratorResult<Change>) => void) | null = null;
  let isEnded = false;

  const take = (): IteratorResult<Change> | null => {
    if (isEnded) return { done: true, value: undefined };
    for (const [userId, revision] of pending) {
      pending.delete(userId);
      return { done: false, value: { userId, revision } };
    }
    return null;
  };
  const wake = () => {
    const result = waiting && take();
    if (!result) return;
    waiting?.(result);
    waiting = null;
  };

  const stream: ChangeStream = {
    offer({ userId, revision }) {
      if (isEnded || revision <= (newest.get(userId) ?? -1)) return;
      newest.set(userId, revision);
      pending.set(userId, revision);
      wake();
    },
    delivered({ userId, revision }) {
      if (revision > (newest.get(userId) ?? -1)) newest.set(userId, revision);
      const waitingRevision = pending.get(userId);
      if (waitingRevision !== undefined && waitingRevision <= revision) pending.delete(userId);
    },
    startAt({ userId, revision }) {
      startedAt.set(userId, revision);
    },
    catchUp(change) {
      if (change.revision > (startedAt.get(change.userId) ?? -1)) stream.offer(change);
    },
    next() {
      const result = take();
      if (result) return Promise.resolve(result);
      return new Promise((resolve) => {
        waiting = resolve;
      });
    },
    // A generator's own return() would wait for its pending next(), which may never come.
    async return() {
      isEnded = true;
      pending.clear();
      onEnd();
      wake();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => stream,
  };
  return stream;
}
