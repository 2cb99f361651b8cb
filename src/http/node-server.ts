import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream as WebStream } from 'node:stream/web';
import { RequestError } from '../errors.ts';
import type { HttpHandler, HttpReply, HttpRequest } from './exchange.ts';
import { isWebSocketUpgrade } from './other-upgrades.ts';

/** A client that is still sending when it is refused is heard for so long, so that it gets to read why. */
const lingerMs = 2_000;
const lingerBytes = 32 * 1024 * 1024;

/** Room for a token that is far too long: its answer is a refusal of ours, and no broken connection. */
const maxHeaderSize = 128 * 1024;

/** Node's HTTP server around a handler. The handler answers every error itself. */
export function createNodeServer(handle: HttpHandler): Server {
  const timeouts = { requestTimeout: 60_000, headersTimeout: 15_000, keepAliveTimeout: 65_000 };
  const options = { ...timeouts, maxHeaderSize, shouldUpgradeCallback: isWebSocketUpgrade };
  const answer = (message: IncomingMessage, response: ServerResponse, askForBody = () => {}) => {
    const aborted = new AbortController();
    response.on('close', () => aborted.abort());
    const request = toRequest(message, { signal: aborted.signal, askForBody });
    Promise.resolve(handle(request))
      .then((reply) => send(message, response, server.listening ? reply : asLast(reply)))
      .catch(() => response.destroy());
  };
  const server = createServer(options, (message, response) => answer(message, response));
  // Left to Node, who sends `Expect: 100-continue` would be told to go on before anything was looked at.
  server.on('checkContinue', (message, response) => answer(message, response, () => response.writeContinue()));
  return server;
}

/** While the server stops, a connection that is kept alive would hold it up. */
const asLast = (reply: HttpReply): HttpReply => ({ ...reply, headers: { ...reply.headers, connection: 'close' } });

/** How proxies are asked, and how any server may be: the address with its server before it. */
const absoluteForm = /^https?:\/\/[^/?]*/i;

interface Connection {
  signal: AbortSignal;
  /** Tells a client that waits for it to send its body. */
  askForBody(): void;
}

function toRequest(message: IncomingMessage, { signal, askForBody }: Connection): HttpRequest {
  const [path, ...rest] = (message.url ?? '').replace(absoluteForm, '').split('?');
  return {
    id: randomUUID(),
    method: message.method ?? 'GET',
    path: path || '/',
    query: rest.length > 0 ? `?${rest.join('?')}` : '',
    headers: message.headers,
    peer: message.socket.remoteAddress ?? '',
    signal,
    async readBody(limitBytes) {
      if (Number(message.headers['content-length'] ?? 0) > limitBytes) throw tooLarge(limitBytes);
      // Nobody is told any more.
      if (message.destroyed) throw cutShort();
      askForBody();
      return readBody(message, limitBytes);
    },
  };
}

function readBody(message: IncomingMessage, limitBytes: number): Promise<Buffer> {
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
    message.on('error', () => reject(cutShort()));
  });
}

/** The client left before its body was whole: nothing of ours is wrong, and nobody reads the answer. */
const cutShort = () => new RequestError('BAD_USER_INPUT', 'Expected the whole body.', { status: 400 });

/** The error of a body that is larger than its kind may be. */
export const tooLarge = (limitBytes: number) =>
  new RequestError('PAYLOAD_TOO_LARGE', `Expected a body of at most ${limitBytes} bytes.`, { status: 413 });

async function send(message: IncomingMessage, response: ServerResponse, reply: HttpReply): Promise<void> {
  const { status, headers, body } = reply;
  if (response.destroyed) return body instanceof ReadableStream ? body.cancel() : undefined;
  if (body instanceof ReadableStream) {
    // A stream ends at a time of its own: kept alive after it, the connection could hold up a server that stops.
    response.writeHead(status, { ...headers, connection: 'close' });
    // A client that leaves in the middle of a stream is nothing to report; the stream is destroyed with the response.
    return pipeline(Readable.fromWeb(body as WebStream), response).catch(() => undefined);
  }
  if (message.complete || message.method === 'GET' || message.method === 'HEAD') {
    return void response.writeHead(status, headers).end(body ?? undefined);
  }
  // Without its length the answer would be whole only when the client has stopped sending.
  const length = { 'content-length': String(Buffer.byteLength(body ?? '')) };
  response.writeHead(status, { ...headers, ...length, connection: 'close' });
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
