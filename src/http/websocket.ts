import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { handleProtocols } from 'graphql-ws';
import { type WebSocket, WebSocketServer } from 'ws';
import { isWebSocketUpgrade, serveWithoutUpgrade } from './other-upgrades.ts';
import { createProtocol, type ProtocolOptions } from './websocket-protocol.ts';

/** A frame holds an operation with its variables; no file comes this way. */
const maxFrameBytes = 64 * 1024;
/** How long a peer may take to say goodbye when the server stops. */
const goodbyeMs = 2_000;
/** Close code of the WebSocket protocol itself. */
const goingAway = 1001;

export interface WebSocketOptions extends ProtocolOptions {
  /** Called for each upgrade with an Origin header. */
  isAllowedOrigin(origin: string): boolean;
  /** A peer that is gone without a word misses two pings: with the default of 30 s it is found within a minute. */
  pingEveryMs?: number | undefined;
}

/** `WS /graphql`, by the protocol graphql-transport-ws. `close` says goodbye to every socket. */
export function createWebSocketServer(server: Server, options: WebSocketOptions) {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxFrameBytes,
    // One message a turn: a `complete` has ended its operation before the next message can use the id again.
    allowSynchronousEvents: false,
    handleProtocols: (offered) => handleProtocols(offered),
  });
  const protocol = createProtocol(options);
  const heartbeat = createHeartbeat(sockets.clients, options.pingEveryMs ?? 30_000);
  server.on('upgrade', (request, socket, head) => {
    if (!isWebSocketUpgrade(request)) return serveWithoutUpgrade(server, request, socket, head);
    socket.on('error', destroy);
    const status = upgradeStatus(request, options);
    if (status) return refuseUpgrade(socket, status);
    sockets.handleUpgrade(request, socket, head, (opened) => {
      heartbeat.watch(opened);
      const client = {
        peer: request.socket.remoteAddress ?? '',
        userAgent: request.headers['user-agent'] ?? null,
      };
      protocol.speak({ socket: opened, stream: socket, client });
    });
  });
  return {
    openSockets: () => sockets.clients.size,
    async close() {
      heartbeat.stop();
      protocol.close();
      sockets.close();
      await Promise.all([...sockets.clients].map(sayGoodbye));
    },
  };
}

/** One for all: what is made for a request holds the request as long as its socket is open. */
function destroy(this: Duplex): void {
  this.destroy();
}

function upgradeStatus({ url, headers }: IncomingMessage, { isAllowedOrigin }: WebSocketOptions): string | null {
  if (url?.split('?')[0] !== '/graphql') return '404 Not Found';
  return headers.origin === undefined || isAllowedOrigin(headers.origin) ? null : '403 Forbidden';
}

function refuseUpgrade(socket: Duplex, status: string): void {
  // Node's HTTP server no longer watches a socket that asked for an upgrade.
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** Pings every socket, and lets go of those that answered neither of the last two. */
function createHeartbeat(clients: Set<WebSocket>, everyMs: number) {
  const silent = new WeakSet<WebSocket>();
  const beat = () => {
    for (const client of clients) {
      if (silent.has(client)) client.terminate();
      silent.add(client);
      if (client.readyState === client.OPEN) client.ping();
    }
  };
  const timer = setInterval(beat, everyMs);
  return {
    watch: (client: WebSocket) => client.on('pong', () => silent.delete(client)),
    stop: () => clearInterval(timer),
  };
}

/** Resolves when the socket is closed. */
function sayGoodbye(client: WebSocket): Promise<void> {
  return new Promise((resolve) => {
    // A peer that stands still, or is gone, would hold up the whole stop.
    const timer = setTimeout(() => client.terminate(), goodbyeMs);
    client.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    client.close(goingAway, 'Going away');
  });
}
