import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { toTextFrame } from './websocket-frame.ts';

/** Whoever has something to tell through an outlet as soon as it is free. */
export interface OutletUser {
  onFree(): void;
}

/**
 * Sends through one socket, and knows whether its other end takes what is sent. Its frames are written where `ws` writes its
 * own: of the same socket, between them, and each in one piece, which costs the kernel and Node less than two.
 */
export class Outlet {
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  /** Messages that aren't known to have been taken by the kernel. */
  #inFlight = 0;
  /** Since when it takes nothing, in milliseconds of `performance.now()`; of no meaning unless something waits. */
  #movedAtMs = 0;
  #waiting: Set<OutletUser> | null = null;

  /** `stream` is what the socket was made from. */
  constructor(socket: WebSocket, stream: Duplex) {
    this.#socket = socket;
    this.#stream = stream;
  }

  /**
   * Whether something waits that the kernel has no room for: what could be replaced by something newer should wait. Of a
   * message that it took at once, the stream says so a moment later only.
   */
  get isBusy(): boolean {
    return this.#inFlight > 0 && this.#stream.writableLength > 0;
  }

  /** Nothing was taken since that moment of `performance.now()`, though something waits. */
  isStuckSince(atMs: number): boolean {
    return this.isBusy && this.#movedAtMs < atMs;
  }

  /**
   * Sends a message, its bytes in UTF-8 one a character, unless the socket is closed or about to be. `onTaken` is called in
   * any case, once.
   */
  send(bytes: string, onTaken?: () => void): void {
    if (this.#socket.readyState !== this.#socket.OPEN) {
      onTaken?.();
      return;
    }
    const wasBusy = this.isBusy;
    this.#inFlight += 1;
    this.#stream.write(toTextFrame(bytes), 'latin1', onTaken ? () => this.#move(onTaken) : this.#onTaken);
    if (!wasBusy && this.isBusy) this.#movedAtMs = performance.now();
  }

  /** Calls the user once, as soon as the outlet isn't busy any more. */
  whenFree(user: OutletUser): void {
    this.#waiting ??= new Set();
    this.#waiting.add(user);
  }

  readonly #onTaken = (): void => this.#move();

  #move(onTaken?: () => void): void {
    this.#inFlight -= 1;
    onTaken?.();
    if (this.isBusy) {
      this.#movedAtMs = performance.now();
    } else if (this.#waiting) {
      const waiting = this.#waiting;
      this.#waiting = null;
      for (const user of waiting) user.onFree();
    }
  }
}
