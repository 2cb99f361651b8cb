import { type HttpHandler, type HttpReply, header } from './exchange.ts';

/** Which pages of other origins may call: those listed, or, in development, any of this machine. */
export type AllowedOrigins = readonly string[] | 'localhost';

const localhostPattern = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

export function isAllowedOrigin(origin: string, allowed: AllowedOrigins): boolean {
  return allowed === 'localhost' ? localhostPattern.test(origin) : allowed.includes(origin);
}

/** Answers preflights, and lets allowed origins read answers. No credentials: tokens travel in a header, not in cookies. */
export function withCors(handle: HttpHandler, allowed: AllowedOrigins): HttpHandler {
  return async (request) => {
    const origin = header(request, 'origin');
    const isPreflight = request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
    const reply: HttpReply = isPreflight ? { status: 204 } : await handle(request);
    // A picture says of itself that anyone may show it; told apart by origin, caches would keep a copy for each.
    if (reply.headers?.['access-control-allow-origin'] !== undefined) return reply;
    const headers: Record<string, string> = Object.assign({}, reply.headers, { vary: 'Origin' });
    if (origin !== undefined && isAllowedOrigin(origin, allowed)) {
      headers['access-control-allow-origin'] = origin;
      if (isPreflight) {
        headers['access-control-allow-methods'] = 'GET, POST, PUT, DELETE, OPTIONS';
        headers['access-control-allow-headers'] = header(request, 'access-control-request-headers') ?? '';
        headers['access-control-max-age'] = '86400';
      } else {
        headers['access-control-expose-headers'] = 'Content-Disposition, Retry-After, X-Request-Id';
      }
    }
    return { ...reply, headers };
  };
}
