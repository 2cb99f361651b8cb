import { randomUUID } from 'node:crypto';
import type { HttpHandler, HttpReply } from './exchange.ts';
import { readLength, tooLarge } from './request-body.ts';

/** The same handler for web-standard requests: the whole server without a port. */
export function createFetch(handle: HttpHandler): (request: Request) => Promise<Response> {
  return async (request) => {
    const { pathname, search } = new URL(request.url);
    const reply = await handle({
      id: randomUUID(),
      method: request.method,
      path: pathname,
      query: search,
      headers: Object.fromEntries(request.headers),
      peer: '127.0.0.1',
      signal: request.signal,
      readBody: (limitBytes) => readBody(request, limitBytes),
    });
    return toResponse(reply);
  };
}

async function readBody(request: Request, limitBytes: number): Promise<Buffer> {
  readLength(Object.fromEntries(request.headers), limitBytes);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.length;
    if (length > limitBytes) throw tooLarge(limitBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

function toResponse({ status, headers, body }: HttpReply): Response {
  const isEmpty = status === 204 || status === 304;
  return new Response(isEmpty ? null : ((body ?? null) as ConstructorParameters<typeof Response>[0]), {
    status,
    ...(headers && { headers }),
  });
}
