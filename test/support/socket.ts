import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';

/** A message of the protocol graphql-transport-ws. */
export interface Message {
  type: string;
  id?: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever was asked for.
  payload?: any;
}

export interface Closing {
  code: number;
  reason: string;
}

/** A real socket, whose messages wait until the test asks for them. */
export interface Socket {
  raw: WebSocket;
  closed: Promise<Closing>;
  /** Sends a message, or any text as it is. */
  send(message: Message | string): void;
  /** The next message; fails where the socket is closed instead. */
  next(): Promise<Message>;
  /** The next message, which must be of this type; its payload. */
  expect(type: string, id?: string): Promise<Message['payload']>;
  /** The operation's results up to its `complete`, or the errors of its `error`. */
  ask(query: string, variables?: object): Promise<Message['payload'][]>;
  /** How many messages nobody asked for yet. */
  unread(): number;
  close(): Promise<Closing>;
}

export interface SocketOptions {
  path?: string;
  protocols?: string[];
  origin?: string;
}

const open = new Set<WebSocket>();

/** Opens a socket, without `connection_init`. */
export async function openSocket(address: string, options: SocketOptions = {}): Promise<Socket> {
  const raw = dial(address, options);
  const socket = asSocket(raw);
  await once(raw, 'open');
  return socket;
}

/** Opens a socket and signs it in with these `connectionParams`. */
export async function signIn(address: string, connectionParams?: object): Promise<Socket> {
  const socket = await openSocket(address);
  socket.send({ type: 'connection_init', ...(connectionParams && { payload: connectionParams }) });
  await socket.expect('connection_ack');
  return socket;
}

/** The HTTP status with which an upgrade is refused. */
export async function refusedUpgrade(address: string, options: SocketOptions): Promise<number | undefined> {
  const raw = dial(address, options);
  raw.on('error', () => undefined);
  const [, response] = (await once(raw, 'unexpected-response')) as [unknown, IncomingMessage];
  response.resume();
  raw.terminate();
  return response.statusCode;
}

/** Closes whatever the test left open. */
export function closeSockets(): void {
  for (const raw of open) raw.terminate();
  open.clear();
}

function dial(address: string, { path = '/graphql', protocols = ['graphql-transport-ws'], origin }: SocketOptions) {
  const url = new URL(path, address.replace(/^http/, 'ws'));
  const raw = new WebSocket(url, protocols, origin === undefined ? {} : { origin });
  open.add(raw);
  return raw;
}

function asSocket(raw: WebSocket): Socket {
  const messages: Message[] = [];
  let waiting: ((message: Message | null) => void)[] = [];
  let operations = 0;
  raw.on('message', (data) => {
    const message = JSON.parse(String(data)) as Message;
    const resolve = waiting.shift();
    if (resolve) resolve(message);
    else messages.push(message);
  });
  const closed = new Promise<Closing>((resolve) => {
    raw.on('close', (code, reason) => {
      open.delete(raw);
      for (const wake of waiting) wake(null);
      waiting = [];
      resolve({ code, reason: String(reason) });
    });
  });
  const receive = () =>
    new Promise<Message | null>((resolve) => {
      const message = messages.shift();
      if (message) resolve(message);
      else if (raw.readyState === raw.CLOSED) resolve(null);
      else waiting.push(resolve);
    });

  const socket: Socket = {
    raw,
    closed,
    send: (message) => raw.send(typeof message === 'string' ? message : JSON.stringify(message)),
    async next() {
      const message = await receive();
      if (message) return message;
      throw new Error(`Expected a message, and the socket was closed: ${JSON.stringify(await closed)}`);
    },
    async expect(type, id) {
      const message = await socket.next();
      if (message.type === type && (id === undefined || message.id === id)) return message.payload;
      throw new Error(`Expected ${type} ${id ?? ''}, and got ${JSON.stringify(message)}`);
    },
    async ask(query, variables) {
      operations += 1;
      const id = `ask_${operations}`;
      socket.send({ type: 'subscribe', id, payload: { query, ...(variables && { variables }) } as never });
      const results: Message['payload'][] = [];
      for (;;) {
        const message = await socket.next();
        if (message.id !== id) throw new Error(`Expected a message of ${id}, and got ${JSON.stringify(message)}`);
        if (message.type === 'complete') return results;
        if (message.type === 'error') return message.payload;
        results.push(message.payload);
      }
    },
    unread: () => messages.length,
    close() {
      raw.close();
      return closed;
    },
  };
  return socket;
}
