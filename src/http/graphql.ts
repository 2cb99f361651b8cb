import { RequestError, unauthenticated } from '../errors.ts';
import type { Context, RequestFacts } from '../graphql/context.ts';
import { maskError } from '../graphql/masking.ts';
import { audiences, type ViewAs } from '../modules/user/view-as.ts';
import type { Log } from '../platform/log.ts';
import { enteredPictureLine } from '../platform/picture-line.ts';
import type { RateLimits } from '../platform/rate-limits.ts';
import type { Authenticated, Authentication } from './authentication.ts';
import type { EventStreams } from './event-streams.ts';
import { type HttpHandler, type HttpReply, type HttpRequest, header } from './exchange.ts';
import { createJsonOperations, type JsonOperations } from './json-operations.ts';
import { bodyLimits, readMediaType } from './request-body.ts';
import { takeUpload } from './upload-gate.ts';
import type { UploadContext } from './upload-operation.ts';
import { type RequestBody, toContentType, toReply, toWebRequest } from './web-messages.ts';
import type { GraphQLServer } from './yoga.ts';

/** A browser sends none of these without asking first, so that no other site can send a user's request for them. */
const preflightHeaders = ['authorization', 'apollo-require-preflight', 'graphql-preflight'];

export interface GraphQLHandlerOptions {
  graphql: GraphQLServer;
  authentication: Authentication;
  rateLimits: RateLimits;
  toContext(authenticated: Authenticated, request: RequestFacts): Context;
  eventStreams: EventStreams;
  log: Log;
}

/** `GET` and `POST /graphql`: what is refused is refused before its body is read and before anything of it runs. */
export function createGraphQLHandler(options: GraphQLHandlerOptions): HttpHandler {
  const services = { ...options, runJson: createJsonOperations(options.graphql) };
  return async (request) => {
    try {
      return await handle(request, services);
    } catch (error) {
      const reply = errorReply(request, error, options.log);
      // As the specification has it: whoever accepts application/json only reads of an error of ours in the body.
      return reply.status === 500 && !acceptsGraphQLResponse(request) ? { ...reply, status: 200 } : reply;
    }
  };
}

async function handle(
  request: HttpRequest,
  options: GraphQLHandlerOptions & { runJson: JsonOperations },
): Promise<HttpReply> {
  const { graphql, authentication, rateLimits, toContext, eventStreams, runJson } = options;
  const { method } = request;
  if (method !== 'GET' && method !== 'POST') {
    return { status: 405, headers: { allow: 'GET, POST', 'content-length': '0' } };
  }
  const mediaType = method === 'POST' ? readMediaType(request) : null;
  assertPreflighted(request, mediaType);
  const authenticated = await authentication.fromHeader(header(request, 'authorization'));
  const viewAs = readViewAs(request);
  const { viewer } = authenticated;
  const isUpload = mediaType === 'multipart/form-data';
  if (isUpload && !viewer) throw unauthenticated('Sign in first: uploads need a session token.');
  await rateLimits.take(isUpload ? 'uploads' : 'requests', viewer?.id ?? request.peer);
  const facts = {
    requestId: request.id,
    userAgent: header(request, 'user-agent') ?? null,
    // Whoever is not signed in has nothing of their own to look at.
    viewAs: viewer && viewAs,
  };
  const context = toContext(authenticated, facts);
  const { pictureLine: line } = context.platform;
  const run = async (body: RequestBody, as: Context & UploadContext) =>
    toReply(await graphql.fetch(toWebRequest(request, body, graphql), as), (stream) =>
      eventStreams.limit(stream, authenticated),
    );
  if (isUpload && viewer) {
    // To its end, though its client leaves: what is in work must not be without a place.
    return takeUpload(request, { line, viewerId: viewer.id }, (upload) =>
      run({ body: null, contentType: upload.contentType }, { ...withPlace(context), upload }),
    );
  }
  const body = mediaType && (await request.readBody(bodyLimits[mediaType]));
  const reply =
    mediaType === 'application/json' && body ? await runJson(body, header(request, 'accept'), context) : null;
  return reply ?? run({ body, contentType: toContentType(request), signal: request.signal }, context);
}

/** What a form asks for is done in the place of its body: a re-crop in it waits for no other. */
const withPlace = (context: Context): Context => ({
  ...context,
  platform: { ...context.platform, pictureLine: enteredPictureLine },
});

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
