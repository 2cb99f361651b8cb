import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createTestApp, type TestApp } from '../support/app.ts';
import { changePicture } from '../support/live.ts';
import { createPerson } from '../support/person.ts';

let app: TestApp;
let url: string;
beforeAll(async () => {
  app = await createTestApp();
  url = `${(await app.listen()).replace('http', 'ws')}/graphql`;
});
afterAll(() => app.close());

const count = 3_000;
const query = `subscription ($userIds: [ID!], $known: [KnownPictureRevision!]) {
  profilePictureUpdated(userIds: $userIds, known: $known) { userId revision imageUrl }
}`;

/** A socket and the revisions that it was told. */
interface Listener {
  socket: WebSocket;
  revisions: number[];
}

async function listen(token: string | null, userId: string, at: number): Promise<Listener> {
  const socket = new WebSocket(url, 'graphql-transport-ws');
  const revisions: number[] = [];
  const variables = { userIds: [userId], known: [{ userId, revision: -1 }] };
  socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: { token } })));
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('message', (data) => {
      const { type, id, payload } = JSON.parse(String(data));
      if (type === 'connection_ack') {
        socket.send(JSON.stringify({ type: 'subscribe', id: `s${at}`, payload: { query, variables } }));
      } else if (type === 'next' && id === `s${at}` && payload.data?.profilePictureUpdated.userId === userId) {
        revisions.push(payload.data.profilePictureUpdated.revision);
        resolve();
      } else reject(new Error(String(data)));
    });
  });
  return { socket, revisions };
}

test('thousands of sockets get each change exactly once, and those who left get none', async () => {
  const [ada, viewer] = [await createPerson(app), await createPerson(app)];
  const listeners: Listener[] = [];
  for (let start = 0; start < count; start += 100) {
    const some = Array.from({ length: 100 }, (_, at) => listen(at % 2 ? viewer.token : null, ada.id, start + at));
    listeners.push(...(await Promise.all(some)));
  }
  const everybodyHas = (revisions: number[]) =>
    expect.poll(() => listeners.filter((listener) => listener.revisions.length < revisions.length).length).toBe(0);
  await changePicture(app, ada.id);
  await everybodyHas([0, 1]);
  app.takeStatements();
  await changePicture(app, ada.id);
  await everybodyHas([0, 1, 2]);
  // The user and the blocks around them, whether for one or for thousands.
  const reads = app.takeStatements().filter((sql) => /asked/.test(sql));
  expect(reads.length).toBe(2);
  for (const { revisions } of listeners) expect(revisions).toEqual([0, 1, 2]);

  const [left, stayed] = [listeners.slice(0, count / 2), listeners.slice(count / 2)];
  for (const { socket } of left) socket.terminate();
  await changePicture(app, ada.id);
  await expect.poll(() => stayed.filter(({ revisions }) => revisions.at(-1) !== 3).length).toBe(0);
  expect(left.filter(({ revisions }) => revisions.length !== 3)).toEqual([]);
  for (const { socket } of stayed) socket.terminate();
  await expect.poll(() => app.platform.live.subscribedUserIds('picture')).toEqual([]);
}, 120_000);
