import { GraphQLError } from 'graphql';
import { CloseCode, type Context as ConnectionContext, makeServer } from 'graphql-ws';
import type { RawData, WebSocket } from 'ws';
import { type Authenticated, type Authentication, isUnauthenticated, readBearer } from './authentication.ts';
import { createBroadcasts } from './broadcasts.ts';
import { farewellMs, graceMs } from './deadline.ts';
import { toFace } from './error-face.ts';
import { Connection, type ConnectionOptions } from './websocket-connection.ts';
import { type OperationOptions, type PreparedArgs, prepareOperation, type SignedIn } from './websocket-operation.ts';

/** Close code of the WebSocket protocol itself. */
const tryAgainLater = 1013;
/** How long a socket may take nothing of what waits for it, until it is cut off. */
const defaultStuckAfterMs = 30_000;
/** How often it is looked which sockets' time is up. */
const watchEveryMs = 500;
export interface ProtocolOptions extends Omit<OperationOptions, 'broadcasts'> {
  authentication: Authentication;
  /** How long a socket outlives its token. */
  graceMs?: number | undefined;
  /** How long a socket may take nothing of what waits for it; default 30 s. */
  stuckAfterMs?: number | undefined;
}

type ProtocolContext = ConnectionContext<Record<string, unknown>, Connection>;

export interface Protocol {
  /** Speaks graphql-transport-ws on a socket that was opened. */
  speak(opened: Omit<ConnectionOptions, 'log'>): void;
  close(): void;
}

export function createProtocol(options: ProtocolOptions): Protocol {
  const { deletedUsers, log, stuckAfterMs = defaultStuckAfterMs } = options;
  const broadcasts = createBroadcasts(options);
  const connections = new Map<WebSocket, Connection>();
  deletedUsers.watch({
    forget(userId) {
      for (const connection of connections.values()) if (connection.viewerId === userId) limitLife(connection, options);
    },
    heldUserIds: () => [...connections.values()].flatMap(({ viewerId }) => viewerId ?? []),
  });
  const server = makeServer<Record<string, unknown>, Connection>({
    onConnect: (context) => signIn(context, options),
    onPing: (context, payload) => renew(context, payload, options),
    onSubscribe: ({ extra }, id, payload) =>
      begin(extra, id, () => prepareOperation(extra, { ...payload, id }, { ...options, broadcasts })),
    execute: (args) => (args as PreparedArgs).run(args),
    subscribe: (args) => (args as PreparedArgs).run(args),
    onNext: (_, __, ___, ____, result) =>
      (result.errors ? { ...result, errors: result.errors.map(toFace) } : result) as never,
    onError: (_, __, ___, errors) => errors.map(toFace) as never,
    onComplete: ({ extra }, id) => {
      leave(extra, id);
    },
  });

  // One timer for all: thousands of sockets are open.
  const timer = setInterval(
    () => {
      const [now, stuckSinceMs] = [Date.now(), performance.now() - stuckAfterMs];
      for (const connection of connections.values()) {
        if (connection.outlet.isStuckSince(stuckSinceMs)) connection.socket.terminate();
        else if (connection.endsAtMs <= now) connection.forbid();
      }
    },
    Math.min(watchEveryMs, stuckAfterMs / 4),
  );

  // These are shared by all sockets, too.
  const closers = new WeakMap<WebSocket, (code: number, reason: string) => Promise<void>>();
  function hear(this: WebSocket, data: RawData) {
    connections.get(this)?.receive(data);
  }
  function onError(error: Error) {
    // What it is about, a frame that is too large or malformed, ws has answered with its close code.
    log.debug({ error }, 'a socket failed');
  }
  function onClose(this: WebSocket, code: number, reason: Buffer) {
    connections.delete(this);
    const cleanUp = closers.get(this)?.(code, String(reason));
    cleanUp?.catch((error) => log.error({ error }, 'a socket could not be cleaned up'));
  }

  return {
    speak(opened) {
      const { socket } = opened;
      const connection = new Connection({ ...opened, log });
      connections.set(socket, connection);
      closers.set(socket, server.opened(connection, connection));
      socket.on('message', hear);
      socket.on('error', onError);
      socket.on('close', onClose);
    },
    close: () => clearInterval(timer),
  };
}

/**
 * The library forgets an id as soon as its client says `complete`, while the operation may still be starting: a second
 * one of the same id would then be ended by the end of the first, and the first by nothing.
 */
async function begin(
  connection: Connection,
  id: string,
  prepare: () => Promise<PreparedArgs | readonly GraphQLError[]>,
) {
  if (connection.operations.includes(id)) {
    connection.close(CloseCode.SubscriberAlreadyExists, 'Subscriber already exists');
    return [new GraphQLError('The operation before it has not ended.')];
  }
  connection.operations.push(id);
  const prepared = await prepare();
  if (Array.isArray(prepared)) leave(connection, id);
  return prepared;
}

function leave(connection: Connection, id: string): void {
  connection.operations = connection.operations.filter((open) => open !== id);
}

async function signIn(context: ProtocolContext, options: ProtocolOptions) {
  const { extra } = context;
  const { token, authorization } = context.connectionParams ?? {};
  // The token is kept nowhere: whoever needs it again is sent it again.
  delete (context as { connectionParams?: unknown }).connectionParams;
  try {
    extra.authenticated = toSignedIn(
      token != null
        ? await options.authentication.fromToken(String(token))
        : await options.authentication.fromHeader(authorization != null ? String(authorization) : undefined),
    );
    limitLife(extra, options);
    return true;
  } catch (error) {
    if (isUnauthenticated(error)) return false;
    options.log.warn({ error }, 'a socket could not be signed in');
    extra.close(tryAgainLater, 'Try again later');
    return true;
  }
}

/** Without the loader: each operation has one of its own, and the socket holds nobody's record. */
const toSignedIn = ({ viewer, expiresAtMs }: Authenticated): SignedIn => ({ viewer, expiresAtMs });

/** A ping with a fresh token of the same user lets the socket live on. */
async function renew({ acknowledged, extra }: ProtocolContext, payload: unknown, options: ProtocolOptions) {
  const given = payload as { token?: unknown; authorization?: unknown } | undefined;
  if (!acknowledged || (given?.token == null && given?.authorization == null)) return;
  try {
    const token = given.token != null ? String(given.token) : readBearer(String(given.authorization));
    const renewed = await options.authentication.fromToken(token);
    if (renewed.viewer?.id !== extra.authenticated?.viewer?.id) return extra.forbid();
    // Answers may come in another order than pings, and a client may send its old token again.
    if ((renewed.expiresAtMs ?? 0) < (extra.authenticated?.expiresAtMs ?? 0)) return;
    // What is open began as an administrator's, and goes on telling what only they may know.
    if (extra.authenticated?.viewer?.isAdministrator && !renewed.viewer?.isAdministrator) return extra.forbid();
    extra.authenticated = toSignedIn(renewed);
    limitLife(extra, options);
  } catch (error) {
    if (isUnauthenticated(error)) extra.forbid();
    else options.log.warn({ error }, 'a token could not be renewed');
  }
}

/** A socket ends with its token, and soon after its user was deleted. */
function limitLife(connection: Connection, options: ProtocolOptions): void {
  const { socket, authenticated } = connection;
  if (!authenticated?.expiresAtMs || socket.readyState !== socket.OPEN) return;
  connection.endsAtMs = options.deletedUsers.has(connection.viewerId)
    ? Date.now() + farewellMs
    : authenticated.expiresAtMs + (options.graceMs ?? graceMs);
}
