import type { IncomingHttpHeaders } from 'node:http';

/** A request, whoever carried it here: Node's server, or a test without a port. */
export interface HttpRequest {
  id: string;
  method: string;
  /** With a leading slash, percent-encoded as it came. */
  path: string;
  /** With its question mark; empty where there is none. */
  query: string;
  headers: IncomingHttpHeaders;
  /** The other end's address. */
  peer: string;
  /** Aborted when the client goes away. */
  signal: AbortSignal;
  /** The whole body. Throws PAYLOAD_TOO_LARGE past the limit, without reading the rest. */
  readBody(limitBytes: number): Promise<Buffer>;
}

export interface HttpReply {
  status: number;
  headers?: Record<string, string>;
  body?: string | Uint8Array | ReadableStream<Uint8Array> | null;
}

export type HttpHandler = (request: HttpRequest) => HttpReply | Promise<HttpReply>;

/** A small answer for people and programs that look at the status. */
export const plainReply = (status: number, text: string, headers: Record<string, string> = {}): HttpReply => ({
  status,
  headers: { 'content-type': 'text/plain; charset=utf-8', ...headers },
  body: `${text}\n`,
});

export const jsonReply = (status: number, value: unknown, headers: Record<string, string> = {}): HttpReply => ({
  status,
  headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', ...headers },
  body: JSON.stringify(value),
});

/** The header's first value; undefined where it is missing. */
export function header(request: Pick<HttpRequest, 'headers'>, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
