import type { ExecutionArgs } from 'graphql';
import type { UserStream } from '../modules/user/live.ts';
import type { ChangeConsumer, Follow } from '../platform/change-stream.ts';
import { toBytes } from './websocket-frame.ts';
import type { Outlet, OutletUser } from './websocket-outlet.ts';

/** Subscriptions whose messages are the same, as they would all be made. */
export interface Group {
  key: string;
  args: ExecutionArgs;
  memberCount: number;
}

export interface MemberOptions {
  group: Group;
  /** Null: anonymous. */
  viewerId: string | null;
  /** The client's name of the operation. */
  id: string;
  outlet: Outlet;
  source: UserStream;
  /** Called when there is a change that the member can be told. */
  onTurn(member: Member, follow: Follow): void;
  onEnd(member: Member): void;
}

type Outcome = IteratorResult<never>;

/**
 * A subscription that gets messages which are made once for its whole group. They go straight to its socket: what the protocol
 * sees of it is an iterator that yields nothing, and ends or fails with the subscription. A class, since thousands are open.
 */
export class Member implements AsyncIterableIterator<never>, ChangeConsumer, OutletUser {
  readonly group: Group;
  readonly viewerId: string | null;
  readonly source: UserStream;
  readonly #outlet: Outlet;
  readonly #id: string;
  readonly #onTurn: MemberOptions['onTurn'];
  readonly #onEnd: MemberOptions['onEnd'];
  #error: Error | null = null;
  #settle: ((outcome: Outcome | Promise<Outcome>) => void) | null = null;

  constructor({ group, viewerId, id, outlet, source, onTurn, onEnd }: MemberOptions) {
    this.group = group;
    this.viewerId = viewerId;
    this.source = source;
    this.#outlet = outlet;
    this.#id = toBytes(JSON.stringify(id));
    this.#onTurn = onTurn;
    this.#onEnd = onEnd;
  }

  get isEnded(): boolean {
    return this.source.changes.isEnded;
  }

  /** Whether its socket has taken what it was sent: until then a newer state may come. */
  get isReady(): boolean {
    return !this.#outlet.isBusy;
  }

  /** Sends one message, of which the payload is JSON already, its bytes one a character. */
  send(payload: string): void {
    this.#outlet.send(`{"id":${this.#id},"type":"next","payload":${payload}}`);
  }

  wake(follow: Follow): void {
    if (this.isReady) this.#onTurn(this, follow);
    else this.#outlet.whenFree(this);
  }

  onFree(): void {
    for (const follow of this.source.changes.follows) if (follow.isPending) this.wake(follow);
  }

  /** Ends the subscription with an error, which its client is told. */
  fail(error: Error): void {
    this.#error = error;
    this.source.changes.end();
  }

  end(): void {
    this.#onEnd(this);
    this.#settle?.(this.#outcome());
  }

  next(): Promise<Outcome> {
    if (this.isEnded) return this.#outcome();
    return new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  return(): Promise<Outcome> {
    this.source.changes.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  #outcome(): Promise<Outcome> {
    return this.#error ? Promise.reject(this.#error) : Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
