/** The state of a user has reached this revision. */
export interface Change {
  userId: string;
  revision: number;
}

/** Takes changes as they come, instead of asking for the next one. */
export interface ChangeConsumer {
  /** Something of this user changed. Not called again until the change was taken. */
  wake(follow: Follow): void;
  /** The stream has ended, whoever ended it. */
  end(): void;
}

/** Everybody who follows one user, in one topic. */
export interface Audience {
  readonly userId: string;
  readonly follows: Set<Follow>;
}

/** Revisions begin at 0. */
const none = -1;

/** One stream's view of one user: one revision waits, however many changes come. */
export class Follow {
  readonly audience: Audience;
  readonly stream: ChangeStream;
  #pending = none;
  #delivered = none;
  #startedAt = none;

  constructor(audience: Audience, stream: ChangeStream) {
    this.audience = audience;
    this.stream = stream;
  }

  get userId(): string {
    return this.audience.userId;
  }

  /** Whether there is a change that the consumer hasn't taken. */
  get isPending(): boolean {
    return this.#pending !== none;
  }

  /** Puts a change into the stream, unless the consumer has as new a state. */
  offer(revision: number): void {
    if (this.stream.isEnded || revision <= this.#delivered || revision <= this.#pending) return;
    const isNews = !this.isPending;
    this.#pending = revision;
    if (isNews) this.stream.wake(this);
  }

  /** Takes the change that waits, and answers its revision; null where none does. */
  take(): number | null {
    const revision = this.isPending ? this.#pending : null;
    this.#pending = none;
    return revision;
  }

  /** Says that the consumer gets, or has, the state of this revision. False where it has it, or a newer one, already. */
  deliver(revision: number): boolean {
    if (this.#pending <= revision) this.#pending = none;
    if (revision <= this.#delivered) return false;
    this.#delivered = revision;
    return true;
  }

  /** The state was at this revision when the stream began, whatever of it the consumer knows: catching up begins after it. */
  startAt(revision: number): void {
    this.#startedAt = revision;
    this.stream.startedAtMs = performance.now();
  }

  /** Offers the current state, in case the consumer missed how it came about since `missedSinceMs` (of `performance.now()`). */
  catchUp(revision: number, missedSinceMs: number): void {
    // What was announced before the gap has arrived. Of a stream that began within it, nobody knows what has.
    const isKnownToAll = this.stream.startedAtMs <= missedSinceMs && revision <= this.#startedAt;
    if (!isKnownToAll) this.offer(revision);
  }
}

/**
 * Changes of the users that a subscription is about: of each the newest that its consumer hasn't got yet. A consumer asks for
 * the next one, or has itself woken. A class, since thousands are open: what they do is there once.
 */
export class ChangeStream implements AsyncIterableIterator<Change> {
  readonly follows: readonly Follow[];
  startedAtMs = Number.POSITIVE_INFINITY;
  isEnded = false;
  readonly #leave: (follow: Follow) => void;
  #consumer: ChangeConsumer | null = null;
  /** In the order in which they changed; those that were taken meanwhile are passed over. */
  #changed: Follow[] | null = null;
  #waiting: ((result: IteratorResult<Change>) => void)[] | null = null;

  /** `leave` is called for each of `audiences` when the stream ends. */
  constructor(audiences: readonly Audience[], leave: (follow: Follow) => void) {
    this.follows = audiences.map((audience) => new Follow(audience, this));
    this.#leave = leave;
  }

  /** From now on changes go to the consumer, those that wait first. */
  pushTo(consumer: ChangeConsumer): void {
    this.#consumer = consumer;
    this.#changed = null;
    if (this.isEnded) consumer.end();
    else for (const follow of this.follows) if (follow.isPending) consumer.wake(follow);
  }

  /** As `Follow.deliver`, of the user whom the state is about. */
  deliver({ userId, revision }: Change): boolean {
    return this.follows.find((follow) => follow.userId === userId)?.deliver(revision) ?? false;
  }

  wake(follow: Follow): void {
    if (this.#consumer) {
      this.#consumer.wake(follow);
    } else {
      this.#changed ??= [];
      this.#changed.push(follow);
      this.#handOut();
    }
  }

  next(): Promise<IteratorResult<Change>> {
    if (this.isEnded) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => {
      this.#waiting ??= [];
      this.#waiting.push(resolve);
      this.#handOut();
    });
  }

  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    for (const follow of this.follows) this.#leave(follow);
    this.#consumer?.end();
    for (const resolve of this.#waiting ?? []) resolve({ done: true, value: undefined });
    this.#waiting = null;
    this.#changed = null;
  }

  // A generator's own return() would wait for its pending next(), which may never come.
  return(): Promise<IteratorResult<Change>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #handOut(): void {
    while (this.#waiting?.length && this.#changed?.length) {
      const follow = this.#changed.shift();
      const revision = follow?.take() ?? null;
      if (follow && revision !== null) {
        this.#waiting.shift()?.({ done: false, value: { userId: follow.userId, revision } });
      }
    }
  }
}
