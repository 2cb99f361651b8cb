import { type HttpReply, type HttpRequest, header } from './exchange.ts';
import type { GraphQLServer } from './yoga.ts';

export interface RequestBody {
  body: Buffer | null;
  contentType: string | undefined;
  /** Ends what is done with it when the client leaves; left out: it is done to its end. */
  signal?: AbortSignal;
}

/** Yoga knows types in lower case only; what follows has to stay as it is. */
export const toContentType = (request: HttpRequest): string | undefined =>
  header(request, 'content-type')?.replace(/^[^;]+/, (type) => type.trim().toLowerCase());

/** The message as Yoga takes it. */
export function toWebRequest(
  request: HttpRequest,
  { body, contentType, signal }: RequestBody,
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
    ...(signal && { signal }),
  });
}

type Stream = ReadableStream<Uint8Array>;

/** Yoga's answer as a message. A stream goes through `limit`. */
export async function toReply(response: Response, limit: (stream: Stream) => Stream): Promise<HttpReply> {
  // Yoga's own headers keep the case in which they were set.
  const headers = Object.fromEntries([...response.headers].map(([name, value]) => [name.toLowerCase(), value]));
  headers['cache-control'] ??= 'no-store';
  const isStream = headers['content-type']?.startsWith('text/event-stream') && response.body;
  const body = isStream ? limit(response.body as Stream) : Buffer.from(await response.arrayBuffer());
  return { status: response.status, headers, body };
}
