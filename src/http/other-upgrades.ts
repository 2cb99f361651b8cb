import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

/** Whether a request asks for a WebSocket, and for nothing else. */
export const isWebSocketUpgrade = ({ headers }: Pick<IncomingMessage, 'headers'>): boolean =>
  headers.upgrade?.toLowerCase() === 'websocket';

const upgradeHeaders = /^(connection|upgrade|http2-settings)$/i;

/**
 * Answers a request that offers another protocol as if it didn't: Java's client offers h2c with whatever it asks. Node hands
 * all of them to who listens for upgrades, and stops reading HTTP there (https://github.com/nodejs/node/issues/4334): so
 * the connection starts anew with the same request, less the offer. Newer versions of Node ask `isWebSocketUpgrade` instead.
 */
export function serveWithoutUpgrade(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const { method, url, rawHeaders } = request;
  const lines = rawHeaders.flatMap((name, at) =>
    at % 2 === 0 && !upgradeHeaders.test(name) ? `${name}: ${rawHeaders[at + 1]}` : [],
  );
  const start = [`${method} ${url} HTTP/1.1`, ...lines, '', ''].join('\r\n');
  socket.unshift(Buffer.concat([Buffer.from(start, 'latin1'), head]));
  server.emit('connection', socket);
}
