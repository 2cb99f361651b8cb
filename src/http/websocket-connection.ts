import type { Duplex } from 'node:stream';
import { CloseCode, type WebSocket as ProtocolSocket } from 'graphql-ws';
import type { RawData, WebSocket } from 'ws';
import type { Log } from '../platform/log.ts';
import { toBytes } from './websocket-frame.ts';
import type { SignedIn } from './websocket-operation.ts';
import { Outlet } from './websocket-outlet.ts';

/** Close code of the WebSocket protocol itself. */
const internalError = 1011;
/** What a close frame can say. */
const maxReasonBytes = 123;
/** Bytes that may wait for a peer who goes on asking without reading the answers. */
const maxBacklogBytes = 4 * 1024 * 1024;

/** What is known of the other end before it has said anything. */
export interface Client {
  /** Its address. */
  peer: string;
  /** How it named itself when it asked for the socket. */
  userAgent: string | null;
}

export interface ConnectionOptions {
  socket: WebSocket;
  /** What the socket was made from. */
  stream: Duplex;
  client: Client;
  log: Log;
}

/**
 * One socket, and who speaks through it; to the library, the socket. A class, since thousands are open: what they do is there
 * once.
 */
export class Connection implements ProtocolSocket, Client {
  readonly socket: WebSocket;
  readonly outlet: Outlet;
  readonly peer: string;
  readonly userAgent: string | null;
  authenticated: SignedIn | null = null;
  /** When it is closed, in milliseconds since 1970. */
  endsAtMs = Number.POSITIVE_INFINITY;
  /** Ids of the operations that have not ended; a hundred at most. */
  operations: string[] = [];
  readonly #log: Log;
  #handle: ((data: string) => Promise<void>) | null = null;

  constructor({ socket, stream, client, log }: ConnectionOptions) {
    this.socket = socket;
    this.outlet = new Outlet(socket, stream);
    this.peer = client.peer;
    this.userAgent = client.userAgent;
    this.#log = log;
  }

  get protocol(): string {
    return this.socket.protocol;
  }

  get viewerId(): string | null {
    return this.authenticated?.viewer?.id ?? null;
  }

  /** Resolves when the kernel took the data: a consumer that stands still isn't sent more. */
  send(data: string): Promise<void> {
    return new Promise((resolve) => this.outlet.send(toBytes(data), resolve));
  }

  close(code: number, reason: string): void {
    this.socket.close(code, Buffer.byteLength(reason) > maxReasonBytes ? '' : reason);
  }

  forbid(): void {
    this.close(CloseCode.Forbidden, 'Forbidden');
  }

  onMessage(handle: (data: string) => Promise<void>): void {
    this.#handle = handle;
  }

  // The library's own answer would send the ping's payload back, the token with it.
  onPing(): Promise<void> {
    return this.send('{"type":"pong"}');
  }

  receive(data: RawData): void {
    // Between our goodbye and the peer's, messages still arrive: whoever was refused must not get anything done.
    if (this.socket.readyState !== this.socket.OPEN) return;
    if (this.socket.bufferedAmount > maxBacklogBytes) this.socket.terminate();
    else this.#handle?.(String(data)).catch((error) => this.#fail(error));
  }

  #fail(error: unknown): void {
    if (isForeignMessage(error)) {
      this.close(CloseCode.BadRequest, 'Invalid message received');
    } else {
      this.#log.error({ error }, 'a message could not be handled');
      this.close(internalError, 'Internal error');
    }
  }
}

/** A message of the protocol that only servers send. */
const isForeignMessage = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith('Unexpected message of type');
