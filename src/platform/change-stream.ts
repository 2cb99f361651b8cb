/** The state of a user has reached this revision. */
export interface Change {
  userId: string;
  revision: number;
}

/** Changes of the users that a subscription is about: of each the newest that its consumer hasn't got yet. */
export interface ChangeStream extends AsyncIterableIterator<Change> {
  readonly isEnded: boolean;
  /** Puts a change into the stream, unless the consumer has as new a state. */
  offer(change: Change): void;
  /** Says that the consumer gets, or has, the state of this revision. False where it has it, or a newer one, already. */
  deliver(state: Change): boolean;
  /** The state was at this revision when the stream began, whatever of it the consumer knows: catching up begins after it. */
  startAt(state: Change): void;
  /** Offers the current state, in case the consumer missed how it came about since `missedSinceMs` (of `performance.now()`). */
  catchUp(current: Change, missedSinceMs: number): void;
  return(): Promise<IteratorResult<Change>>;
}

/** A stream that holds one revision a user, however many changes come; `onEnd` is called when its consumer leaves. */
export function createChangeStream(onEnd: () => void): ChangeStream {
  const pending = new Map<string, number>();
  const delivered = new Map<string, number>();
  const startedAt = new Map<string, number>();
  let startedAtMs = Number.POSITIVE_INFINITY;
  let waiting: ((result: IteratorResult<Change>) => void)[] = [];
  let isEnded = false;

  const wake = () => {
    for (const [userId, revision] of pending) {
      const resolve = waiting.shift();
      if (!resolve) return;
      pending.delete(userId);
      resolve({ done: false, value: { userId, revision } });
    }
  };

  const stream: ChangeStream = {
    get isEnded() {
      return isEnded;
    },
    offer({ userId, revision }) {
      const newest = Math.max(delivered.get(userId) ?? -1, pending.get(userId) ?? -1);
      if (isEnded || revision <= newest) return;
      pending.set(userId, revision);
      wake();
    },
    deliver({ userId, revision }) {
      const waitingFor = pending.get(userId);
      if (waitingFor !== undefined && waitingFor <= revision) pending.delete(userId);
      if (revision <= (delivered.get(userId) ?? -1)) return false;
      delivered.set(userId, revision);
      return true;
    },
    startAt({ userId, revision }) {
      startedAt.set(userId, revision);
      startedAtMs = performance.now();
    },
    catchUp(current, missedSinceMs) {
      // What was announced before the gap has arrived. Of a stream that began within it, nobody knows what has.
      const isKnownToAll = startedAtMs <= missedSinceMs && current.revision <= (startedAt.get(current.userId) ?? -1);
      if (!isKnownToAll) stream.offer(current);
    },
    next() {
      if (isEnded) return Promise.resolve({ done: true, value: undefined });
      return new Promise((resolve) => {
        waiting.push(resolve);
        wake();
      });
    },
    // A generator's own return() would wait for its pending next(), which may never come.
    async return() {
      isEnded = true;
      pending.clear();
      onEnd();
      for (const resolve of waiting) resolve({ done: true, value: undefined });
      waiting = [];
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => stream,
  };
  return stream;
}
