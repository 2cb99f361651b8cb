import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import process from 'node:process';
import { WebSocket } from 'ws';

/** Whoever is connected: opens sockets with one subscription each, and says when each message arrived. */
export interface Newcomer {
  token: string;
  userId: string;
}

export const query = `subscription Pictures($userIds: [ID!]) {
  profilePictureUpdated(userIds: $userIds) { userId revision imageUrl(size: 128) picture { thumbhash dominantColor } }
}`;

let arrivals: number[] = [];
let expected = 0;
let last = '';

/** Microseconds of a clock that all processes of a machine share. */
const nowUs = () => Number(process.hrtime.bigint() / 1000n);

async function join(url: string, { token, userId }: Newcomer): Promise<void> {
  const socket = new WebSocket(url, 'graphql-transport-ws', { perMessageDeflate: false });
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'connection_init', payload: { token } }));
  await once(socket, 'message');
  socket.on('message', (data) => {
    arrivals.push(nowUs());
    if (arrivals.length < expected) return;
    last = String(data);
    process.send?.({ arrivals, last });
    arrivals = [];
  });
  const payload = { query, operationName: 'Pictures', variables: { userIds: [userId] } };
  socket.send(JSON.stringify({ type: 'subscribe', id: randomUUID(), payload }));
}

process.on('message', async (message) => {
  const { url, newcomers, expect } = message as { url?: string; newcomers?: Newcomer[]; expect?: number };
  if (expect) expected = expect;
  if (!url || !newcomers) return;
  for (let start = 0; start < newcomers.length; start += 50) {
    await Promise.all(newcomers.slice(start, start + 50).map((newcomer) => join(url, newcomer)));
  }
  process.send?.({ joined: newcomers.length });
});
process.on('disconnect', () => process.exit());
