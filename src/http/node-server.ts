import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream as WebStream } from 'node:stream/web';
import { RequestError } from '../errors.ts';
import type { HttpHandler, HttpReply, HttpRequest } from './exchange.ts';

/** A client that is still sending when it is refused is heard for so long, so that it gets to read why. */
const lingerMs = 2_000;
const lingerBytes = 32 * 1024 * 1024;

/** Node's HTTP server around a handler. The handler answers every error itself. */
export function createNodeServer(handle: HttpHandler): Server {
  return createServer(
    { requestTimeout: 60_000, headersTimeout: 15_000, keepAliveTimeout: 65_000 },
    (message, response) => {
      const aborted = new AbortController();
      response.on('close', () => aborted.abort());
      const request = toRequest(message, aborted.signal);
      Promise.resolve(handle(request))
        .then((reply) => send(message, response, reply))
        .catch(() => response.destroy());
    },
  );
}

function toRequest(message: IncomingMessage, signal: AbortSignal): HttpRequest {
  const [path = '/', ...rest] = (message.url ?? '/').split('?');
  return {
    id: randomUUID(),
    method: message.method ?? 'GET',
    path,
    query: rest.length > 0 ? `?${rest.join('?')}` : '',
    headers: message.headers,
    peer: message.socket.remoteAddress ?? '',
    signal,
    readBody: (limitBytes) => readBody(message, limitBytes),
  };
}

async function readBody(message: IncomingMessage, limitBytes: number): Promise<Buffer> {
  if (Number(message.headers['content-length'] ?? 0) > limitBytes) throw tooLarge(limitBytes);
  const chunks: Buffer[] = [];
  let length = 0;
  return new Promise((resolve, reject) => {
    message.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limitBytes) return void chunks.push(chunk);
      message.removeAllListeners('data').pause();
      reject(tooLarge(limitBytes));
    });
    message.on('end', () => resolve(Buffer.concat(chunks, length)));
    message.on('error', reject);
  });
}

/** The error of a body that is larger than its kind may be. */
export const tooLarge = (limitBytes: number) =>
  new RequestError('PAYLOAD_TOO_LARGE', `Expected a body of at most ${limitBytes} bytes.`, { status: 413 });

async function send(
  message: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: HttpReply,
): Promise<void> {
  const isCutShort = !message.complete && message.method !== 'GET' && message.method !== 'HEAD';
  if (!response.destroyed) response.writeHead(status, { ...headers, ...(isCutShort && { connection: 'close' }) });
  if (body instanceof ReadableStream) {
    // A client that leaves in the middle of a stream is nothing to report; the stream is destroyed with the response.
    return pipeline(Readable.fromWeb(body as WebStream), response).catch(() => undefined);
  }
  if (!isCutShort) return void response.end(body ?? undefined);
  if (body) response.write(body);
  drain(message, () => response.end());
}

/** Closing a socket with unread data in it resets the connection, and the answer is lost with it. */
function drain(message: IncomingMessage, done: () => void) {
  let left = lingerBytes;
  const finish = () => {
    clearTimeout(timer);
    message.removeAllListeners('data');
    done();
  };
  const timer = setTimeout(finish, lingerMs);
  message.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) finish();
  });
  message.once('end', finish);
  message.once('error', finish);
  message.resume();
}
