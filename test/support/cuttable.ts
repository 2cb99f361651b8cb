import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a database, or to Redis, that can be cut off and restored. */
export interface Cuttable {
  connectionString: string;
  /** Ends what is open, and refuses what comes. */
  cut(): Promise<void>;
  restore(): Promise<void>;
  /** Passes nothing on any more, and says nothing of it: until it is cut. */
  freeze(): void;
}

/** Puts a proxy before what has this address, on a port of its own. */
export async function createCuttable(target: string): Promise<Cuttable> {
  const url = new URL(target);
  const { hostname, port } = url;
  const open = new Set<Socket>();
  let isFrozen = false;
  const server = createServer((socket) => {
    const upstream = connect(Number(port), hostname);
    for (const end of [socket, upstream]) {
      open.add(end);
      end.on('error', () => undefined);
      end.on('close', () => open.delete(end));
    }
    socket.on('close', () => upstream.destroy());
    upstream.on('close', () => socket.destroy());
    if (!isFrozen) socket.pipe(upstream).pipe(socket);
  });
  const listen = async (at: number) => {
    server.listen(at, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const ownPort = await listen(0);
  url.hostname = '127.0.0.1';
  url.port = String(ownPort);
  return {
    connectionString: url.href,
    async cut() {
      const isClosed = once(server, 'close');
      server.close();
      for (const socket of open) socket.destroy();
      await isClosed;
    },
    async restore() {
      isFrozen = false;
      await listen(ownPort);
    },
    freeze() {
      isFrozen = true;
      for (const socket of open) socket.unpipe().pause();
    },
  };
}
