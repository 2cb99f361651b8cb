import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ExecutionArgs, GraphQLError, getOperationAST } from 'graphql';
import {
  CloseCode,
  type Context as ConnectionContext,
  handleProtocols,
  makeServer,
  type SubscribePayload,
} from 'graphql-ws';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Context } from '../graphql/context.ts';
import { maskError } from '../graphql/masking.ts';
import type { Log } from '../platform/log.ts';
import type { RateLimits } from '../platform/rate-limits.ts';
import { type Authenticated, type Authentication, isUnauthenticated, readBearer } from './authentication.ts';
import { createDeadline, graceMs } from './deadline.ts';
import type { HttpRequest } from './exchange.ts';
import type { GraphQLServer } from './yoga.ts';

/** A frame holds an operation with its variables; no file comes this way. */
const maxFrameBytes = 64 * 1024;
/** Operations open at once on one socket. */
const maxOperations = 100;
/** A peer that is gone without a word misses two of these: found within a minute. */
const pingEveryMs = 30_000;
/** Close codes of the WebSocket protocol itself. */
const goingAway = 1001;
const internalError = 1011;
const tryAgainLater = 1013;

interface Connection {
  socket: WebSocket;
  peer: string;
  authenticated: Authenticated | null;
}

export interface WebSocketOptions {
  graphql: GraphQLServer;
  authentication: Authentication;
  rateLimits: RateLimits;
  /** Called for each upgrade with an Origin header. */
  isAllowedOrigin(origin: string): boolean;
  toContext(authenticated: Authenticated, request: Pick<HttpRequest, 'id'>): Context;
  log: Log;
}

/** `WS /graphql`, by the protocol graphql-transport-ws. `close` says goodbye to every socket. */
export function createWebSocketServer(server: Server, options: WebSocketOptions) {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxFrameBytes,
    handleProtocols: (offered) => handleProtocols(offered),
  });
  const protocol = createProtocol(options);
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    const status = upgradeStatus(request, options);
    if (status) return refuseUpgrade(socket, status);
    sockets.handleUpgrade(request, socket, head, (client) => protocol(client, request.socket.remoteAddress ?? ''));
  });
  const pings = setInterval(() => pingAll(sockets.clients), pingEveryMs);
  return {
    openSockets: () => sockets.clients.size,
    async close() {
      clearInterval(pings);
      for (const client of sockets.clients) client.close(goingAway, 'Going away');
      sockets.close();
    },
  };
}

function upgradeStatus({ url, headers }: IncomingMessage, { isAllowedOrigin }: WebSocketOptions): string | null {
  if (url?.split('?')[0] !== '/graphql') return '404 Not Found';
  return headers.origin === undefined || isAllowedOrigin(headers.origin) ? null : '403 Forbidden';
}

function refuseUpgrade(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

const silent = new WeakSet<WebSocket>();

function pingAll(clients: Set<WebSocket>): void {
  for (const client of clients) {
    if (silent.has(client)) client.terminate();
    silent.add(client);
    if (client.readyState === client.OPEN) client.ping();
  }
}

/** Speaks the protocol on each socket that opens. */
function createProtocol(options: WebSocketOptions): (socket: WebSocket, peer: string) => void {
  const { log } = options;
  const server = makeServer<Record<string, unknown>, Connection>({
    onConnect: (connection) => signIn(connection, options),
    onPing: (connection, payload) => renew(connection, payload, options),
    onSubscribe: (connection, _, payload) => prepare(connection, payload, options),
    execute: (args) => (args as PreparedArgs).run(args),
    subscribe: (args) => (args as PreparedArgs).run(args),
    onNext: (_, __, ___, ____, result) =>
      (result.errors ? { ...result, errors: result.errors.map(toFace) } : result) as never,
    onError: (_, __, ___, errors) => errors.map(toFace) as never,
  });

  return (socket, peer) => {
    const closed = server.opened(
      {
        protocol: socket.protocol,
        send: (data) => send(socket, data),
        close: (code, reason) => socket.close(code, reason),
        onMessage: (handle) =>
          socket.on('message', (data) => {
            Promise.resolve(handle(String(data))).catch((error) => {
              log.error({ error }, 'a message could not be handled');
              socket.close(internalError, 'Internal error');
            });
          }),
        // The library's own answer would send the ping's payload back, the token with it.
        onPing: () => send(socket, '{"type":"pong"}'),
      },
      { socket, peer, authenticated: null },
    );
    socket.on('pong', () => silent.delete(socket));
    // What it is about, a frame that is too large or malformed, ws has answered with its close code.
    socket.on('error', (error) => log.debug({ error }, 'a socket failed'));
    socket.once('close', (code, reason) => {
      deadlines.get(socket)?.clear();
      closed(code, String(reason)).catch((error) => log.error({ error }, 'a socket could not be cleaned up'));
    });
  };
}

/** Resolves when the kernel took the data: a consumer that stands still isn't sent more. */
function send(socket: WebSocket, data: string): Promise<void> {
  return new Promise((resolve) => {
    if (socket.readyState !== socket.OPEN) return resolve();
    socket.send(data, () => resolve());
  });
}

const deadlines = new WeakMap<WebSocket, ReturnType<typeof createDeadline>>();

async function signIn(
  { connectionParams, extra }: ConnectionContext<Record<string, unknown>, Connection>,
  options: WebSocketOptions,
) {
  try {
    const { token, authorization } = connectionParams ?? {};
    extra.authenticated =
      token != null
        ? await options.authentication.fromToken(String(token))
        : await options.authentication.fromHeader(authorization != null ? String(authorization) : undefined);
    limitLife(extra);
    return true;
  } catch (error) {
    if (isUnauthenticated(error)) return false;
    options.log.warn({ error }, 'a socket could not be signed in');
    extra.socket.close(tryAgainLater, 'Try again later');
    return true;
  }
}

/** A ping with a fresh token of the same user lets the socket live on. */
async function renew(
  { acknowledged, extra }: ConnectionContext<Record<string, unknown>, Connection>,
  payload: unknown,
  options: WebSocketOptions,
) {
  const given = payload as { token?: unknown; authorization?: unknown } | undefined;
  if (!acknowledged || (given?.token == null && given?.authorization == null)) return;
  try {
    const token = given.token != null ? String(given.token) : readBearer(String(given.authorization));
    const renewed = await options.authentication.fromToken(token);
    if (renewed.viewer?.id !== extra.authenticated?.viewer?.id)
      return extra.socket.close(CloseCode.Forbidden, 'Forbidden');
    extra.authenticated = renewed;
    limitLife(extra);
  } catch (error) {
    if (isUnauthenticated(error)) extra.socket.close(CloseCode.Forbidden, 'Forbidden');
    else options.log.warn({ error }, 'a token could not be renewed');
  }
}

function limitLife({ socket, authenticated }: Connection): void {
  deadlines.get(socket)?.clear();
  if (!authenticated?.expiresAtMs) return;
  deadlines.set(
    socket,
    createDeadline(authenticated.expiresAtMs + graceMs, () => socket.close(CloseCode.Forbidden, 'Forbidden')),
  );
}

type PreparedArgs = ExecutionArgs & { run(args: ExecutionArgs): never };

/** Parses and validates by the same rules as over HTTP. Whatever is wrong is an answer: thrown, it would close the socket. */
async function prepare(
  { extra, subscriptions }: ConnectionContext<Record<string, unknown>, Connection>,
  { query, operationName, variables }: SubscribePayload,
  { graphql, rateLimits, toContext, log }: WebSocketOptions,
): Promise<PreparedArgs | readonly GraphQLError[]> {
  const requestId = randomUUID();
  try {
    const { authenticated, peer } = extra;
    if (!authenticated) throw new Error('An operation came before the connection was signed in.');
    await rateLimits.take('requests', authenticated.viewer?.id ?? peer);
    if (Object.keys(subscriptions).length > maxOperations) {
      return [
        new GraphQLError(`Expected at most ${maxOperations} operations at once.`, {
          extensions: { code: 'RATE_LIMITED', retryAfter: 1 },
        }),
      ];
    }
    const { schema, parse, validate, execute, subscribe, contextFactory } = graphql.getEnveloped(
      toContext(authenticated, { id: requestId }),
    );
    const document = parse(query);
    const errors = validate(schema, document);
    if (errors.length > 0) return errors;
    const isSubscription = getOperationAST(document, operationName)?.operation === 'subscription';
    return {
      schema,
      document,
      operationName: operationName ?? null,
      variableValues: variables ?? null,
      contextValue: await contextFactory(),
      run: (isSubscription ? subscribe : execute) as never,
    };
  } catch (error) {
    return [maskError(error, { requestId, log })];
  }
}

/** An error as clients see it: without what only HTTP needs. */
function toFace(error: GraphQLError) {
  const { http: _, unexpected: __, ...extensions } = error.extensions;
  return { ...error.toJSON(), extensions };
}
