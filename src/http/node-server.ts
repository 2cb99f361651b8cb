import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { waitLimitMs } from '../platform/picture-line.ts';
import { type BodyTimes, bodyTimes, readBody, takeWhole } from './body-reader.ts';
import type { HttpHandler, HttpReply, HttpRequest } from './exchange.ts';
import { isWebSocketUpgrade } from './other-upgrades.ts';
import { cutShort, readLength } from './request-body.ts';
import { sendStream } from './stream-body.ts';

/** A client that is still sending when it is refused is heard for so long, so that it gets to read why. */
const lingerMs = 2_000;
const lingerBytes = 32 * 1024 * 1024;

/** Room for a token that is far too long: its answer is a refusal of ours, and no broken connection. */
const maxHeaderSize = 128 * 1024;

/** Node counts from the first byte of a request, and an upload is read when its turn has come. */
const requestTimeout = waitLimitMs + bodyTimes.totalMs + 20_000;

/** Node's HTTP server around a handler. The handler answers every error itself. */
export function createNodeServer(handle: HttpHandler, times: BodyTimes = bodyTimes): Server {
  const timeouts = { requestTimeout, headersTimeout: 15_000, keepAliveTimeout: 65_000 };
  const options = { ...timeouts, maxHeaderSize, shouldUpgradeCallback: isWebSocketUpgrade };
  const answer = (message: IncomingMessage, response: ServerResponse, askForBody = () => {}) => {
    const request = new NodeRequest(message, { response, times, askForBody });
    Promise.resolve(handle(request))
      .then((reply) => send(request, response, server.listening ? reply : asLast(reply)))
      .catch(() => response.destroy());
  };
  const server = createServer(options, (message, response) => answer(message, response));
  // Left to Node, who sends `Expect: 100-continue` would be told to go on before anything was looked at.
  server.on('checkContinue', (message, response) => answer(message, response, () => response.writeContinue()));
  return server;
}

/** Aborted when the client leaves before it has its answer. */
function signalOf(response: ServerResponse): AbortSignal {
  const aborted = new AbortController();
  const leave = () => response.writableFinished || aborted.abort();
  if (response.closed) leave();
  else response.once('close', leave);
  return aborted.signal;
}

/** While the server stops, a connection that is kept alive would hold it up. */
const asLast = (reply: HttpReply): HttpReply => ({ ...reply, headers: { ...reply.headers, connection: 'close' } });

/** How proxies are asked, and how any server may be: the address with its server before it. */
const absoluteForm = /^https?:\/\/[^/?]*/i;

interface Connection {
  response: ServerResponse;
  times: BodyTimes;
  /** Tells a client that waits for it to send its body. */
  askForBody(): void;
}

/**
 * A request as Node's server has it. A class, since V8 makes a type of its own for each object that is written down with a
 * getter, and with the type it keeps the object, and all that it knows, until it looks through the whole memory.
 */
class NodeRequest implements HttpRequest {
  readonly id = randomUUID();
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: IncomingMessage['headers'];
  readonly peer: string;
  readonly message: IncomingMessage;
  readonly #connection: Connection;
  #signal: AbortSignal | undefined;
  #isBodyThere = false;

  constructor(message: IncomingMessage, connection: Connection) {
    const url = (message.url ?? '').replace(absoluteForm, '');
    const pathEnd = url.indexOf('?');
    this.method = message.method ?? 'GET';
    this.path = (pathEnd < 0 ? url : url.slice(0, pathEnd)) || '/';
    this.query = pathEnd < 0 ? '' : url.slice(pathEnd);
    this.headers = message.headers;
    this.peer = message.socket.remoteAddress ?? '';
    this.message = message;
    this.#connection = connection;
  }

  /** Most requests are answered without anybody asking for it, and to make one costs more than to read them. */
  get signal(): AbortSignal {
    this.#signal ??= signalOf(this.#connection.response);
    return this.#signal;
  }

  /** Whether the client has sent all of it. */
  get isWhole(): boolean {
    return this.message.complete || this.#isBodyThere;
  }

  async readBody(limitBytes: number): Promise<Buffer> {
    const { message } = this;
    readLength(message.headers, limitBytes);
    // Nobody is told any more.
    if (message.destroyed) throw cutShort();
    this.#connection.askForBody();
    // Most bodies came with their headers.
    const body = takeWhole(message, limitBytes) ?? (await readBody(message, limitBytes, this.#connection.times));
    this.#isBodyThere = true;
    return body;
  }
}

async function send(request: NodeRequest, response: ServerResponse, reply: HttpReply): Promise<void> {
  const { status, headers, body } = reply;
  if (response.destroyed) return body instanceof ReadableStream ? body.cancel() : undefined;
  if (body instanceof ReadableStream) {
    // A stream ends at a time of its own: kept alive after it, the connection could hold up a server that stops.
    response.writeHead(status, { ...headers, connection: 'close' });
    return sendStream(body, response);
  }
  // With its length the answer is whole at once, and one piece for the kernel; Node would send it in chunks.
  const length = body ? String(Buffer.byteLength(body)) : null;
  if (request.isWhole || request.method === 'GET' || request.method === 'HEAD') {
    const all = length === null ? headers : { 'content-length': length, ...headers };
    return void response.writeHead(status, all).end(body ?? undefined);
  }
  response.writeHead(status, { ...headers, 'content-length': length ?? '0', connection: 'close' });
  if (body) response.write(body);
  drain(request.message, () => response.end());
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
