import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** What the stand-in takes for malware. */
export const testVirus = 'VISAGE-HARMLESS-TEST-VIRUS';

/** What becomes of a scan; `answer` is sent as it is. */
export type ClamdFault = { answer: string } | 'cut' | 'cut while reading' | 'silence';

/** A stand-in for clamd: its protocol over TCP, and its faults. */
export interface Clamd {
  env: Record<string, string>;
  /** The files that it was sent, whole. */
  files: Buffer[];
  /** Scans that are open, and the most that ever were. */
  scans: { open: number; most: number };
  /** As its `StreamMaxLength`. */
  limitBytes: number;
  /** What it says of its version. */
  version: string;
  fault: ClamdFault | null;
  /** Answers nobody until what it returns is called. */
  hold(): () => void;
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
}

/** Starts it on a port of its own; the test closes it by `goAway`. */
export async function createClamd(): Promise<Clamd> {
  const sockets = new Set<Socket>();
  let held = Promise.resolve();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    // Whoever breaks off ends what was read of them.
    serve(socket).catch(() => socket.destroy());
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };

  const serve = async (socket: Socket) => {
    const read = createReader(socket);
    const command = await read.command();
    if (command === 'zVERSION') return void socket.end(`${clamd.version}\0`);
    if (command !== 'zINSTREAM') return void socket.end('UNKNOWN COMMAND\0');
    if (clamd.fault === 'cut while reading') return void socket.destroy();
    clamd.scans.open += 1;
    clamd.scans.most = Math.max(clamd.scans.most, clamd.scans.open);
    socket.once('close', () => {
      clamd.scans.open -= 1;
    });
    const file = await read.file(clamd.limitBytes);
    if (file) clamd.files.push(file);
    await held;
    answer(socket, file);
  };

  const answer = (socket: Socket, file: Buffer | null) => {
    const { fault } = clamd;
    if (fault === 'silence') return;
    if (fault === 'cut') return void socket.destroy();
    if (fault && typeof fault === 'object') return void socket.end(fault.answer);
    if (!file) return void socket.end('INSTREAM size limit exceeded. ERROR\0');
    socket.end(file.includes(testVirus) ? 'stream: Visage.Test.UNOFFICIAL FOUND\0' : 'stream: OK\0');
  };

  const port = await listen(0);
  const clamd: Clamd = {
    env: { CLAMAV_HOST: `127.0.0.1:${port}` },
    files: [],
    scans: { open: 0, most: 0 },
    limitBytes: 25 * 1024 * 1024,
    version: `ClamAV 1.4.3/27500/${new Date().toUTCString().replace(/^(\w+), (\d+) (\w+) (\d+) ([\d:]+) GMT$/, '$1 $3 $2 $5 $4')}`,
    fault: null,
    hold() {
      let release = () => {};
      held = new Promise((resolve) => {
        release = resolve;
      });
      return release;
    },
    async goAway() {
      const isClosed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await isClosed;
    },
    comeBack: async () => void (await listen(port)),
  };
  return clamd;
}

/** Reads a command up to its zero, and chunks that tell their length first. */
function createReader(socket: Socket) {
  const iterator = socket[Symbol.asyncIterator]() as AsyncIterableIterator<Buffer>;
  let rest: Buffer = Buffer.alloc(0);
  const next = async (): Promise<Buffer> => {
    const { done, value } = await iterator.next();
    if (done) throw new Error('The other end is gone.');
    return value;
  };
  const take = async (length: number): Promise<Buffer> => {
    const parts = [rest];
    for (let total = rest.length; total < length; total += parts.at(-1)?.length ?? 0) parts.push(await next());
    const whole = Buffer.concat(parts);
    rest = whole.subarray(length);
    return whole.subarray(0, length);
  };
  return {
    async command(): Promise<string> {
      while (!rest.includes(0)) rest = Buffer.concat([rest, await next()]);
      return (await take(rest.indexOf(0) + 1)).subarray(0, -1).toString();
    },
    /** Null where it is longer than the limit. */
    async file(limitBytes: number): Promise<Buffer | null> {
      const chunks: Buffer[] = [];
      for (let total = 0; ; ) {
        const length = (await take(4)).readUInt32BE();
        if (length === 0) return Buffer.concat(chunks);
        total += length;
        if (total > limitBytes) return null;
        chunks.push(await take(length));
      }
    },
  };
}
