import type { WebSocket } from 'ws';

/** Whoever has something to tell through an outlet as soon as it is free. */
export interface OutletUser {
  onFree(): void;
}

/** Sends through one socket, and knows whether its other end takes what is sent. */
export class Outlet {
  readonly #socket: WebSocket;
  /** Messages that the kernel hasn't taken. */
  #inFlight = 0;
  /** When the kernel last took one, or had none left to take, in milliseconds of `performance.now()`. */
  #movedAtMs = 0;
  #waiting: Set<OutletUser> | null = null;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /**
   * Whether something waits that the kernel has no room for: what could be replaced by something newer should wait. Of a
   * message that it took at once, ws says so a moment later only.
   */
  get isBusy(): boolean {
    return this.#inFlight > 0 && this.#socket.bufferedAmount > 0;
  }

  /** Nothing was taken since that moment of `performance.now()`, though something waits. */
  isStuckSince(atMs: number): boolean {
    return this.isBusy && this.#movedAtMs < atMs;
  }

  /** Sends a message, unless the socket is closed or about to be. `onTaken` is called in any case, once. */
  send(message: string, onTaken?: () => void): void {
    if (this.#socket.readyState !== this.#socket.OPEN) {
      onTaken?.();
      return;
    }
    if (!this.isBusy) this.#movedAtMs = performance.now();
    this.#inFlight += 1;
    this.#socket.send(message, onTaken ? () => this.#move(onTaken) : this.#onTaken);
  }

  /** Calls the user once, as soon as the outlet isn't busy any more. */
  whenFree(user: OutletUser): void {
    this.#waiting ??= new Set();
    this.#waiting.add(user);
  }

  readonly #onTaken = (): void => this.#move();

  #move(onTaken?: () => void): void {
    this.#inFlight -= 1;
    this.#movedAtMs = performance.now();
    onTaken?.();
    if (this.isBusy || !this.#waiting) return;
    const waiting = this.#waiting;
    this.#waiting = null;
    for (const user of waiting) user.onFree();
  }
}
