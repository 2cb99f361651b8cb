import { RequestError, unauthenticated } from '../errors.ts';
import type { Context, RequestFacts } from '../graphql/context.ts';
import { maskError } from '../graphql/masking.ts';
import { audiences, type ViewAs } from '../modules/user/view-as.ts';
import type { Gate } from '../platform/gate.ts';
import type { Log } from '../platform/log.ts';
import type { RateLimits } from '../platform/rate-limits.ts';
import type { Authenticated, Authentication } from './authentication.ts';
import type { EventStreams } from './event-streams.ts';
import { type HttpHandler, type HttpReply, type HttpRequest, header } from './exchange.ts';
import { readMultipartType } from './multipart.ts';
import { bodyLimits, readMediaType } from './request-body.ts';
import type { GraphQLServer } from './yoga.ts';

/** A browser sends none of these without asking first, so that no other site can send a user's request for them. */
const preflightHeaders = ['authorization', 'apollo-require-preflight', 'graphql-preflight'];

export interface GraphQLHandlerOptions {
  graphql: GraphQLServer;
  authentication: Authentication;
  rateLimits: RateLimits;
  uploadGate: Gate;
  toContext(authenticated: Authenticated, request: RequestFacts): Context;
  eventStreams: EventStreams;
  log: Log;
}

/** `GET` and `POST /graphql`: what is refused is refused before its body is read and before anything of it runs. */
export function createGraphQLHandler(options: GraphQLHandlerOptions): HttpHandler {
  return async (request) => {
    try {
      return await handle(request, options);
    } catch (error) {
      const reply = errorReply(request, error, options.log);
      // As the specification has it: whoever accepts application/json only reads of an error of ours in the body.
      return reply.status === 500 && !acceptsGraphQLResponse(request) ? { ...reply, status: 200 } : reply;
    }
  };
}

async function handle(request: HttpRequest, options: GraphQLHandlerOptions): Promise<HttpReply> {
  const { graphql, authentication, rateLimits, uploadGate, toContext, eventStreams } = options;
  const { method } = request;
  if (method !== 'GET' && method !== 'POST') {
    return { status: 405, headers: { allow: 'GET, POST', 'content-length': '0' } };
  }
  const mediaType = method === 'POST' ? readMediaType(request) : null;
  assertPreflighted(request, mediaType);
  const authenticated = await authentication.fromHeader(header(request, 'authorization'));
  const viewAs = readViewAs(request);
  const isUpload = mediaType === 'multipart/form-data';
  if (isUpload && !authenticated.viewer) throw unauthenticated('Sign in first: uploads need a session token.');
  await rateLimits.take(isUpload ? 'uploads' : 'requests', authenticated.viewer?.id ?? request.peer);
  const body = mediaType ? await request.readBody(bodyLimits[mediaType]) : null;
  const contentType = isUpload && body ? readMultipartType(request, body) : toContentType(request);
  const facts = {
    requestId: request.id,
    userAgent: header(request, 'user-agent') ?? null,
    // Whoever is not signed in has nothing of their own to look at.
    viewAs: authenticated.viewer && viewAs,
  };
  const run = async () =>
    graphql.fetch(toWebRequest(request, { body, contentType }, graphql), toContext(authenticated, facts));
  const response = await (isUpload ? uploadGate.run(run) : run());
  return toReply(response, (stream) => eventStreams.limit(stream, authenticated));
}

/** As whom a viewer looks at what is their own; null without the header. Throws BAD_USER_INPUT for another audience. */
function readViewAs(request: HttpRequest): ViewAs | null {
  const given = header(request, 'visage-view-as');
  if (given === undefined) return null;
  const viewAs = audiences.find((audience) => audience === given);
  if (viewAs) return viewAs;
  const message = `Expected Visage-View-As: ${audiences.join(' or ')}, and got ${JSON.stringify(given.slice(0, 60))}.`;
  throw new RequestError('BAD_USER_INPUT', message, { status: acceptsGraphQLResponse(request) ? 400 : 200 });
}

function assertPreflighted(request: HttpRequest, mediaType: string | null): void {
  if (mediaType === 'application/json' || preflightHeaders.some((name) => request.headers[name] !== undefined)) return;
  throw new RequestError('FORBIDDEN', `Expected one of the headers ${preflightHeaders.join(', ')}.`, { status: 403 });
}

/** Yoga knows types in lower case only; what follows has to stay as it is. */
const toContentType = (request: HttpRequest) =>
  header(request, 'content-type')?.replace(/^[^;]+/, (type) => type.trim().toLowerCase());

function toWebRequest(
  request: HttpRequest,
  { body, contentType }: { body: Buffer | null; contentType: string | undefined },
  { fetchAPI }: GraphQLServer,
): Request {
  const headers = new fetchAPI.Headers();
  const accept = header(request, 'accept');
  if (accept !== undefined) headers.set('accept', accept);
  if (contentType !== undefined) headers.set('content-type', contentType);
  return new fetchAPI.Request(`http://localhost${request.path}${request.query}`, {
    method: request.method,
    headers,
    body: body as never,
    signal: request.signal,
  });
}

type Stream = ReadableStream<Uint8Array>;

async function toReply(response: Response, limit: (stream: Stream) => Stream): Promise<HttpReply> {
  // Yoga's own headers keep the case in which they were set.
  const headers = Object.fromEntries([...response.headers].map(([name, value]) => [name.toLowerCase(), value]));
  headers['cache-control'] ??= 'no-store';
  const isStream = headers['content-type']?.startsWith('text/event-stream') && response.body;
  const body = isStream ? limit(response.body as Stream) : Buffer.from(await response.arrayBuffer());
  return { status: response.status, headers, body };
}

/** One GraphQL error as the whole answer. */
export function errorReply(request: HttpRequest, error: unknown, log: Log): HttpReply {
  const { message, extensions } = maskError(error, { requestId: request.id, log });
  const {
    http,
    unexpected: _,
    ...shown
  } = extensions as { http?: { status?: number; headers?: Record<string, string> } } & Record<string, unknown>;
  const type = acceptsGraphQLResponse(request) ? 'application/graphql-response+json' : 'application/json';
  return {
    status: http?.status ?? 500,
    headers: { ...http?.headers, 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-store' },
    body: JSON.stringify({ errors: [{ message, extensions: shown }] }),
  };
}

const acceptsGraphQLResponse = (request: HttpRequest) =>
  header(request, 'accept')?.includes('application/graphql-response+json') ?? false;
