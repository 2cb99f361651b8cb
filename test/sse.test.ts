import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createEventStreams } from '../src/http/event-streams.ts';
import { sendStream } from '../src/http/stream-body.ts';
import { createDeletedUsers } from '../src/platform/deleted-users.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { asGraphQL, read } from './support/http.ts';
import { changePicture, pictureUpdates } from './support/live.ts';
import { createPerson, type Person } from './support/person.ts';
import { openEventStream } from './support/sse.ts';

let app: TestApp;
let address: string;
let ada: Person;
beforeAll(async () => {
  app = await createTestApp({ parts: { streamGraceMs: 0 } });
  address = await app.listen();
  ada = await createPerson(app);
});
afterAll(() => app.close());

const nowS = () => Math.floor(Date.now() / 1000);
/** Asks for the state as it is first, so that the test knows that the subscription has begun. */
const known = (...people: Person[]) => people.map(({ id }) => ({ userId: id, revision: -1 }));
const variablesFor = (...people: Person[]) => ({ userIds: people.map(({ id }) => id), known: known(...people) });
const follow = (person: Person, server = address, token: string | null = null) =>
  openEventStream(server, { token, query: pictureUpdates, variables: variablesFor(person) });
const subscribers = async () =>
  Number(/^visage_live_subscriptions (\d+)$/m.exec(await (await fetch(`${address}/metrics`)).text())?.[1]);

/** The events of a stream as they came, up to its end. */
const readWhole = async (response: Response) => {
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  return (await response.text()).replace(/^:\n\n/gm, '');
};

test('a subscription sends each state as an event, until its client goes', async () => {
  const stream = await follow(ada, address, ada.token);
  expect(await stream.next()).toMatchObject({ data: { profilePictureUpdated: { userId: ada.id, revision: 0 } } });
  const revision = await changePicture(app, ada.id);
  expect(await stream.next()).toMatchObject({ data: { profilePictureUpdated: { userId: ada.id, revision } } });
  expect(await subscribers()).toBe(1);
  stream.close();
  await expect.poll(subscribers).toBe(0);
});

test('GET works too, for EventSource', async () => {
  const search = new URLSearchParams({ query: pictureUpdates, variables: JSON.stringify(variablesFor(ada)) });
  const init = { headers: { accept: 'text/event-stream', 'graphql-preflight': '1' } };
  const { status, headers, body } = await fetch(`${address}/graphql?${search}`, init);
  expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([
    200,
    'text/event-stream',
    'no-cache',
  ]);
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (!/^data: .*\n\n/m.test(text)) text += (await reader?.read())?.value;
  expect(text).toContain(`event: next\ndata: {"data":{"profilePictureUpdated":{"userId":"${ada.id}"`);
  await reader?.cancel();
});

test('a query is answered by one event, and the end', async () => {
  const events = await readWhole(await post(app, { query: '{ me { id } }' }));
  expect(events).toBe('event: next\ndata: {"data":{"me":null}}\n\nevent: complete\ndata:\n\n');
});

test('what is wrong with the operation is an event, with its code', async () => {
  const user = await createPerson(app);
  for (const [body, code] of [
    [{ query: 'subscription { nope }' }, 'GRAPHQL_VALIDATION_FAILED'],
    [{ query: 'subscription { profilePictureUpdated { userId } }' }, 'UNAUTHENTICATED'],
    [{ query: pictureUpdates, variables: { userIds: 1.5 } }, 'BAD_USER_INPUT'],
    [
      { query: pictureUpdates, variables: { userIds: Array.from({ length: 201 }, (_, at) => `user_${at}`) } },
      'BAD_USER_INPUT',
    ],
    [{ query: pictureUpdates, variables: { userIds: [`${user.id}\u0000`] } }, 'BAD_USER_INPUT'],
  ] as const) {
    const events = await readWhole(await post(app, body));
    expect(events).toContain(`"code":"${code}"`);
    expect(events).toMatch(/event: complete\ndata:\n\n$/);
  }
});

test('a bad token is a 401 before any event', async () => {
  const reply = asGraphQL(await read(await post(app, { query: pictureUpdates }, 'x')));
  expect([reply.status, reply.code]).toEqual([401, 'UNAUTHENTICATED']);
});

test('a subscription needs a client that takes events', async () => {
  const headers = { accept: 'application/json', 'content-type': 'application/json' };
  const body = JSON.stringify({ query: pictureUpdates, variables: variablesFor(ada) });
  const { status } = await app.fetch(new Request('http://visage.test/graphql', { method: 'POST', headers, body }));
  expect(status).toBe(406);
  await expect.poll(subscribers).toBe(0);
});

test("a stream ends with its token's time, not complete, and others go on", async () => {
  const [grace, eve] = await Promise.all([createPerson(app), createPerson(app)]);
  // Both hold for the few seconds of clock skew that are forgiven, and not for the stream's grace, which is none here.
  const expiring = await app.sign({ sub: grace.id, exp: nowS() });
  const response = await post(app, { query: pictureUpdates, variables: variablesFor(eve) }, expiring);
  const other = await follow(eve, address, eve.token);
  const anonymous = await follow(eve);
  await Promise.all([other.next(), anonymous.next()]);
  expect(await readWhole(response)).not.toContain('complete');
  const revision = await changePicture(app, eve.id);
  for (const stream of [other, anonymous]) {
    expect(await stream.next()).toMatchObject({ data: { profilePictureUpdated: { revision } } });
    stream.close();
  }
  await expect.poll(subscribers).toBe(0);
});

test('over a real connection it ends the same way, and lets go of what it followed', async () => {
  const expiring = await app.sign({ sub: ada.id, exp: nowS() });
  const stream = await follow(ada, address, expiring);
  while ((await stream.next()) !== null);
  await expect.poll(subscribers).toBe(0);
});

test('whoever takes nothing is let go when the time of their stream is up', async () => {
  const streams = createEventStreams({ deletedUsers: createDeletedUsers() });
  const source = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(64 * 1024 * 1024)),
  });
  const server = createServer((_, response) => {
    response.writeHead(200);
    void sendStream(streams.limit(source, { viewer: null, expiresAtMs: null }), response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const asking = get({ port: (server.address() as AddressInfo).port, agent: false });
  asking.on('error', () => undefined);
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  response.on('error', () => undefined);
  await once(response, 'readable');
  const isClosed = once(server, 'close');
  server.close();
  streams.close();
  await isClosed;
});

test('a stream that failed is not in the way of a server that stops', async () => {
  const streams = createEventStreams({ deletedUsers: createDeletedUsers() });
  const begin = () =>
    streams.limit(
      new ReadableStream<Uint8Array>({
        pull: (controller) => controller.error(new Error('It could not be made.')),
      }),
      { viewer: null, expiresAtMs: null },
    );
  await expect(begin().getReader().read()).rejects.toThrow('It could not be made.');
  // Nor in anybody's whose client left before anything of it was read.
  await begin().cancel();
  streams.close();
});

test('when the server stops, streams end, not complete, and hold nothing up', async () => {
  const beside = await createTestApp({ beside: app });
  const other = await beside.listen();
  const variables = variablesFor(ada);
  const headers = { accept: 'text/event-stream', 'content-type': 'application/json' };
  const body = JSON.stringify({ query: pictureUpdates, variables });
  const response = await fetch(`${other}/graphql`, { method: 'POST', headers, body });
  const stream = await follow(ada, other, ada.token);
  await stream.next();
  await beside.close();
  expect(await readWhole(response)).not.toContain('complete');
  expect(await stream.next()).toBeNull();
});

const post = (server: TestApp, body: object, token?: string) =>
  server.fetch(
    new Request('http://visage.test/graphql', {
      method: 'POST',
      headers: {
        accept: 'text/event-stream',
        'content-type': 'application/json',
        ...(token && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
    }),
  );
