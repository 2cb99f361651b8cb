import { GraphQLError } from 'graphql';
import { CloseCode, type Context as ConnectionContext, makeServer } from 'graphql-ws';
import type { RawData, WebSocket } from 'ws';
import { type Authenticated, type Authentication, isUnauthenticated, readBearer } from './authentication.ts';
import { createDeadline, farewellMs, graceMs } from './deadline.ts';
import { type OperationOptions, type PreparedArgs, prepareOperation, toFace } from './websocket-operation.ts';

/** Close codes of the WebSocket protocol itself. */
const internalError = 1011;
const tryAgainLater = 1013;
/** What a close frame can say. */
const maxReasonBytes = 123;
/** Bytes that may wait for a peer who goes on asking without reading the answers. */
const maxBacklogBytes = 4 * 1024 * 1024;

export interface ProtocolOptions extends OperationOptions {
  authentication: Authentication;
  /** How long a socket outlives its token. */
  graceMs?: number | undefined;
}

/** One socket, and who speaks through it. */
interface Connection {
  socket: WebSocket;
  /** The other end's address. */
  peer: string;
  /** How the client named itself when it asked for the socket. */
  userAgent: string | null;
  authenticated: Authenticated | null;
  deadline: ReturnType<typeof createDeadline> | null;
  /** Ids of the operations that have not ended. */
  operations: Set<string>;
}

type ProtocolContext = ConnectionContext<Record<string, unknown>, Connection>;

/** Speaks the protocol graphql-transport-ws on each socket that it is given. */
export function createProtocol(
  options: ProtocolOptions,
): (socket: WebSocket, client: Pick<Connection, 'peer' | 'userAgent'>) => void {
  const { deletedUsers, log } = options;
  const connections = new Set<Connection>();
  deletedUsers.watch({
    forget(userId) {
      for (const connection of connections) if (viewerIdOf(connection) === userId) limitLife(connection, options);
    },
    heldUserIds: () => [...connections].flatMap((connection) => viewerIdOf(connection) ?? []),
  });
  const server = makeServer<Record<string, unknown>, Connection>({
    onConnect: (context) => signIn(context, options),
    onPing: (context, payload) => renew(context, payload, options),
    onSubscribe: ({ extra }, id, payload) => begin(extra, id, () => prepareOperation(extra, payload, options)),
    execute: (args) => (args as PreparedArgs).run(args),
    subscribe: (args) => (args as PreparedArgs).run(args),
    onNext: (_, __, ___, ____, result) =>
      (result.errors ? { ...result, errors: result.errors.map(toFace) } : result) as never,
    onError: (_, __, ___, errors) => errors.map(toFace) as never,
    onComplete: ({ extra }, id) => {
      extra.operations.delete(id);
    },
  });

  return (socket, client) => {
    const connection: Connection = { socket, ...client, authenticated: null, deadline: null, operations: new Set() };
    connections.add(connection);
    const closed = server.opened(toAdapter(connection, options), connection);
    // What it is about, a frame that is too large or malformed, ws has answered with its close code.
    socket.on('error', (error) => log.debug({ error }, 'a socket failed'));
    socket.once('close', (code, reason) => {
      connections.delete(connection);
      connection.deadline?.clear();
      closed(code, String(reason)).catch((error) => log.error({ error }, 'a socket could not be cleaned up'));
    });
  };
}

function toAdapter(connection: Connection, { log }: ProtocolOptions) {
  const { socket } = connection;
  const close = (code: number, reason: string) =>
    socket.close(code, Buffer.byteLength(reason) > maxReasonBytes ? '' : reason);
  return {
    protocol: socket.protocol,
    send: (data: string) => send(socket, data),
    close,
    onMessage: (handle: (data: string) => Promise<void>) =>
      socket.on('message', (data: RawData) => {
        // Between our goodbye and the peer's, messages still arrive: whoever was refused must not get anything done.
        if (socket.readyState !== socket.OPEN) return;
        if (socket.bufferedAmount > maxBacklogBytes) return socket.terminate();
        handle(String(data)).catch((error) => {
          if (isForeignMessage(error)) return close(CloseCode.BadRequest, 'Invalid message received');
          log.error({ error }, 'a message could not be handled');
          close(internalError, 'Internal error');
        });
      }),
    // The library's own answer would send the ping's payload back, the token with it.
    onPing: () => send(socket, '{"type":"pong"}'),
  };
}

/** A message of the protocol that only servers send. */
const isForeignMessage = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith('Unexpected message of type');

/** Resolves when the kernel took the data: a consumer that stands still isn't sent more. */
function send(socket: WebSocket, data: string): Promise<void> {
  return new Promise((resolve) => {
    if (socket.readyState !== socket.OPEN) return resolve();
    socket.send(data, () => resolve());
  });
}

/**
 * The library forgets an id as soon as its client says `complete`, while the operation may still be starting: a second
 * one of the same id would then be ended by the end of the first, and the first by nothing.
 */
async function begin(
  { socket, operations }: Connection,
  id: string,
  prepare: () => Promise<PreparedArgs | readonly GraphQLError[]>,
) {
  if (operations.has(id)) {
    socket.close(CloseCode.SubscriberAlreadyExists, 'Subscriber already exists');
    return [new GraphQLError('The operation before it has not ended.')];
  }
  operations.add(id);
  const prepared = await prepare();
  if (Array.isArray(prepared)) operations.delete(id);
  return prepared;
}

async function signIn({ connectionParams, extra }: ProtocolContext, options: ProtocolOptions) {
  try {
    const { token, authorization } = connectionParams ?? {};
    extra.authenticated =
      token != null
        ? await options.authentication.fromToken(String(token))
        : await options.authentication.fromHeader(authorization != null ? String(authorization) : undefined);
    limitLife(extra, options);
    return true;
  } catch (error) {
    if (isUnauthenticated(error)) return false;
    options.log.warn({ error }, 'a socket could not be signed in');
    extra.socket.close(tryAgainLater, 'Try again later');
    return true;
  }
}

/** A ping with a fresh token of the same user lets the socket live on. */
async function renew({ acknowledged, extra }: ProtocolContext, payload: unknown, options: ProtocolOptions) {
  const given = payload as { token?: unknown; authorization?: unknown } | undefined;
  if (!acknowledged || (given?.token == null && given?.authorization == null)) return;
  try {
    const token = given.token != null ? String(given.token) : readBearer(String(given.authorization));
    const renewed = await options.authentication.fromToken(token);
    if (renewed.viewer?.id !== extra.authenticated?.viewer?.id) return forbid(extra);
    // Answers may come in another order than pings, and a client may send its old token again.
    if ((renewed.expiresAtMs ?? 0) < (extra.authenticated?.expiresAtMs ?? 0)) return;
    extra.authenticated = renewed;
    limitLife(extra, options);
  } catch (error) {
    if (isUnauthenticated(error)) forbid(extra);
    else options.log.warn({ error }, 'a token could not be renewed');
  }
}

const forbid = ({ socket }: Connection): void => socket.close(CloseCode.Forbidden, 'Forbidden');

const viewerIdOf = ({ authenticated }: Connection): string | null => authenticated?.viewer?.id ?? null;

/** A socket ends with its token, and soon after its user was deleted. */
function limitLife(connection: Connection, options: ProtocolOptions): void {
  const { socket, authenticated } = connection;
  connection.deadline?.clear();
  if (!authenticated?.expiresAtMs || socket.readyState !== socket.OPEN) return;
  const endsAtMs = options.deletedUsers.has(viewerIdOf(connection))
    ? Date.now() + farewellMs
    : authenticated.expiresAtMs + (options.graceMs ?? graceMs);
  connection.deadline = createDeadline(endsAtMs, () => forbid(connection));
}
