import { timingSafeEqual } from 'node:crypto';
import type { Log } from '../platform/log.ts';
import type { PictureStore } from '../platform/picture-store.ts';
import { type HttpHandler, type HttpReply, type HttpRequest, header, plainReply } from './exchange.ts';
import { errorReply } from './graphql.ts';
import { createReadiness, type Readiness, serveLiveness } from './health.ts';
import type { Metrics } from './metrics.ts';
import { servePicture } from './pictures.ts';

export interface RouterOptions {
  graphql: HttpHandler;
  export: HttpHandler;
  /** Null in production. */
  graphiql: ((request: HttpRequest) => Promise<HttpReply>) | null;
  rest: HttpHandler;
  clerkWebhook: HttpHandler;
  readiness: Readiness;
  metrics: Metrics;
  /** Who may read metrics and the detail of readiness: anyone, or whoever has the token. */
  operators: { token: string | null; isOpen: boolean };
  pictures: PictureStore;
  log: Log;
}

/** Finds who answers an address, measures it, and puts on every answer the request's id, and what a 401 has to have. */
export function createRouter(options: RouterOptions): HttpHandler {
  const services = { ...options, serveReadiness: createReadiness(options.readiness) };
  return async (request) => {
    const startedAt = performance.now();
    const { name, answer } = route(request, services);
    const reply = await settled(request, answer, options.log);
    const durationMs = performance.now() - startedAt;
    options.metrics.observeRequest(name, reply.status, durationMs / 1000);
    const { id, method } = request;
    options.log.debug({ requestId: id, method, route: name, status: reply.status, durationMs }, 'request');
    const challenge = reply.status === 401 ? { 'www-authenticate': 'Bearer' } : {};
    return { ...reply, headers: Object.assign({}, reply.headers, challenge, { 'x-request-id': id }) };
  };
}

interface Route {
  /** For metrics and log: one of a few, whatever the address. */
  name: string;
  answer: () => HttpReply | Promise<HttpReply>;
}

interface Services extends RouterOptions {
  serveReadiness: ReturnType<typeof createReadiness>;
}

function route(request: HttpRequest, options: Services): Route {
  const { path } = request;
  if (path === '/graphql') return { name: '/graphql', answer: () => answerGraphQL(request, options) };
  if (path.startsWith('/pictures/')) {
    return {
      name: '/pictures',
      answer: () => servePicture(request, path.slice('/pictures/'.length), options.pictures),
    };
  }
  if (path === '/api/export') return { name: path, answer: () => options.export(request) };
  if (path === '/api/webhooks/clerk') return { name: path, answer: () => options.clerkWebhook(request) };
  if (path === '/api' || path.startsWith('/api/')) return { name: '/api', answer: () => options.rest(request) };
  if (path === '/health/live') return { name: path, answer: serveLiveness };
  if (path === '/health/ready') {
    return { name: path, answer: () => options.serveReadiness(isOperator(request, options)) };
  }
  if (path === '/metrics') return { name: path, answer: () => answerMetrics(request, options) };
  if (path === '/' && options.graphiql)
    return { name: '/', answer: () => plainReply(302, 'GraphiQL is at /graphql.', { location: '/graphql' }) };
  return { name: 'other', answer: () => plainReply(404, 'Not found.') };
}

/** A browser that opens the address gets GraphiQL; everything else is an operation. */
function answerGraphQL(request: HttpRequest, { graphql, graphiql }: RouterOptions) {
  const isPage = request.method === 'GET' && header(request, 'accept')?.includes('text/html');
  return graphiql && isPage ? graphiql(request) : graphql(request);
}

async function answerMetrics(request: HttpRequest, options: RouterOptions): Promise<HttpReply> {
  if (!isOperator(request, options)) return plainReply(401, 'Expected METRICS_TOKEN as a bearer token.');
  const { contentType, read } = options.metrics;
  return { status: 200, headers: { 'content-type': contentType, 'cache-control': 'no-store' }, body: await read() };
}

function isOperator(request: HttpRequest, { operators: { token, isOpen } }: RouterOptions): boolean {
  if (isOpen) return true;
  const given = Buffer.from(header(request, 'authorization') ?? '');
  const expected = Buffer.from(`Bearer ${token}`);
  return token !== null && given.length === expected.length && timingSafeEqual(given, expected);
}

async function settled(request: HttpRequest, answer: Route['answer'], log: Log): Promise<HttpReply> {
  try {
    return await answer();
  } catch (error) {
    return errorReply(request, error, log);
  }
}
