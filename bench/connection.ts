import { once } from 'node:events';
import { connect } from 'node:net';

/** A connection that is kept alive, with one request on its way at a time. */
export interface Connection {
  /** Sends the bytes of a request and answers those of the whole response. */
  exchange(request: Buffer): Promise<Buffer>;
  close(): void;
}

/** HTTP by hand: Node's own client takes as long as the servers that it is to measure. */
export async function openConnection(port: number): Promise<Connection> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  let received: Buffer = Buffer.alloc(0);
  let pending: { resolve(response: Buffer): void; reject(error: Error): void } | undefined;
  const fail = (error: Error) => pending?.reject(error);
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('The server closed the connection.')));
  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    if (!isWhole(received)) return;
    const response = received;
    received = Buffer.alloc(0);
    pending?.resolve(response);
  });
  return {
    exchange: (request) =>
      new Promise((resolve, reject) => {
        pending = { resolve, reject };
        socket.write(request);
      }),
    close: () => socket.destroy(),
  };
}

const lastChunk = Buffer.from('\r\n0\r\n\r\n');

/** Whether these bytes are a whole response; nothing follows one that is. */
function isWhole(response: Buffer): boolean {
  const headEnd = response.indexOf('\r\n\r\n');
  if (headEnd < 0) return false;
  const head = response.toString('latin1', 0, headEnd);
  const [, length] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? [];
  return length
    ? response.length >= headEnd + 4 + Number(length)
    : response.subarray(-lastChunk.length).equals(lastChunk);
}

/** The bytes of a GraphQL request as most clients send it. */
export function toRequest(token: string, body: string): Buffer {
  const head = [
    'POST /graphql HTTP/1.1',
    'Host: 127.0.0.1',
    'Content-Type: application/json',
    'Accept: application/json',
    `Authorization: Bearer ${token}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}
