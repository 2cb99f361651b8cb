import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createClient } from 'graphql-ws';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createTestApp, type TestApp } from './support/app.ts';
import { onDatabase } from './support/events.ts';
import { follow } from './support/live.ts';
import { createPerson } from './support/person.ts';
import { closeSockets, openSocket, refusedUpgrade, type SocketOptions, signIn } from './support/socket.ts';

let app: TestApp;
let address: string;
beforeAll(async () => {
  app = await createTestApp({ env: { CORS_ORIGINS: 'https://app.visage.test' } });
  address = await app.listen();
});
afterEach(closeSockets);
afterAll(() => app.close());

const me = '{ me { id displayName } }';
const nowS = () => Math.floor(Date.now() / 1000);

describe('an upgrade', () => {
  test('is for /graphql only', async () => {
    expect(await refusedUpgrade(address, { path: '/elsewhere' })).toBe(404);
    expect(await refusedUpgrade(address, { path: '/graphql/more' })).toBe(404);
  });

  test.each(['h2c', 'TLS/1.0, HTTP/1.1'])('to %s is not made, and the request is answered', async (upgrade) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const headers = { 'content-type': 'application/json', connection: 'Upgrade, HTTP2-Settings', upgrade };
    const body = JSON.stringify({ query: '{ me { id } }', variables: { long: 'x'.repeat(80_000) } });
    // As Java's client does, until the server takes it up: on the same connection too.
    for (const _ of [1, 2]) {
      const asking = request(new URL('/graphql', address), { method: 'POST', agent, headers }).end(body);
      const [response] = (await once(asking, 'response')) as [IncomingMessage];
      expect([response.statusCode, await text(response)]).toEqual([200, '{"data":{"me":null}}']);
    }
    agent.destroy();
  });

  test('of a page of another origin is refused', async () => {
    expect(await refusedUpgrade(address, { origin: 'https://evil.test' })).toBe(403);
    expect(await refusedUpgrade(address, { origin: 'null' })).toBe(403);
  });

  test.each<[string, SocketOptions]>([
    ['of an allowed page', { origin: 'https://app.visage.test' }],
    ["of the server's own page", { origin: 'self' }],
    ['without an origin', {}],
    ['with a query string', { path: '/graphql?tab=1' }],
  ])('%s is accepted', async (_, options) => {
    const socket = await openSocket(address, { ...options, ...(options.origin === 'self' && { origin: address }) });
    socket.send({ type: 'connection_init' });
    await socket.expect('connection_ack');
  });
});

describe('a socket is closed with', () => {
  test.each([
    ['4400', 'text that is not JSON', 'garbage'],
    ['4400', 'JSON that is no message', '[1]'],
    ['4400', 'a message of an unknown type', '{"type":"hello"}'],
    ['4400', "a server's message", '{"type":"next","id":"1","payload":{}}'],
    ['4400', 'a subscribe without a query', '{"type":"subscribe","id":"1","payload":{}}'],
    ['4401', 'a subscribe before the init', '{"type":"subscribe","id":"1","payload":{"query":"{ me { id } }"}}'],
    ['1009', 'a frame over 64 kB', 'x'.repeat(64 * 1024 + 1)],
  ])('%s for %s', async (code, _, message) => {
    const socket = await openSocket(address);
    socket.send(message);
    expect((await socket.closed).code).toBe(Number(code));
  });

  test('4406 for another subprotocol', async () => {
    expect((await (await openSocket(address, { protocols: [] })).closed).code).toBe(4406);
  });

  test('4408 when no init comes', async () => {
    expect((await (await openSocket(address)).closed).code).toBe(4408);
  });

  test('4409 for an id that is in use, however long', async () => {
    const ada = await createPerson(app);
    for (const id of ['1', 'long'.repeat(100)]) {
      const socket = await signIn(address, { token: ada.token });
      const subscribe = {
        type: 'subscribe',
        id,
        payload: { query: 'subscription { profilePictureUpdated { userId } }' },
      };
      socket.send(subscribe);
      socket.send(subscribe);
      expect((await socket.closed).code).toBe(4409);
    }
  });

  test('4409 for an id of an operation that was given up and has not ended', async () => {
    const ada = await createPerson(app);
    const socket = await signIn(address, { token: ada.token });
    const payload = { query: 'subscription { profilePictureUpdated { userId } }' };
    await onDatabase(app, async (client) => {
      // With whom a subscription begins has to be read, which can't be before the lock is gone.
      await client.query('begin; lock table users');
      socket.send({ type: 'subscribe', id: '1', payload });
      socket.send({ type: 'complete', id: '1' });
      socket.send({ type: 'subscribe', id: '1', payload });
      expect((await socket.closed).code).toBe(4409);
      await client.query('rollback');
    });
    while (app.platform.live.subscribedUserIds('picture').includes(ada.id)) await nextTurn();
  });

  test('4429 for a second init', async () => {
    const socket = await signIn(address);
    socket.send({ type: 'connection_init' });
    expect((await socket.closed).code).toBe(4429);
  });

  test.each([
    ['a token that is none', () => ({ token: 'none' })],
    ['an empty token', () => ({ token: '' })],
    ['a number', () => ({ token: 7 })],
    ['an expired token', async () => ({ token: await app.sign({ sub: 'user_late', exp: nowS() - 60 }) })],
    ['another scheme', () => ({ authorization: 'Basic abc' })],
  ])('4403 for %s', async (_, params) => {
    const socket = await openSocket(address);
    socket.send({ type: 'connection_init', payload: await params() });
    expect((await socket.closed).code).toBe(4403);
  });
});

describe('who asks', () => {
  test('is said by a token or by an Authorization header in connectionParams', async () => {
    const ada = await createPerson(app);
    for (const params of [{ token: ada.token }, { authorization: `Bearer ${ada.token}` }]) {
      const socket = await signIn(address, params);
      expect(await socket.ask(me)).toMatchObject([{ data: { me: { id: ada.id } } }]);
    }
  });

  test('is nobody without either', async () => {
    for (const params of [undefined, {}, { token: null }]) {
      expect(await (await signIn(address, params)).ask(me)).toEqual([{ data: { me: null } }]);
    }
  });

  test('works with the client of graphql-ws', async () => {
    const ada = await createPerson(app);
    const client = createClient({
      url: `${address.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { token: ada.token },
    });
    const { value } = await client.iterate({ query: me }).next();
    expect(value).toMatchObject({ data: { me: { id: ada.id } } });
    await client.dispose();
  });
});

describe('a ping', () => {
  test('is answered with a bare pong, before the init too', async () => {
    const socket = await openSocket(address);
    socket.send({ type: 'ping', payload: { token: 'none' } });
    expect(await socket.next()).toEqual({ type: 'pong' });
    socket.send({ type: 'connection_init' });
    await socket.expect('connection_ack');
    socket.send({ type: 'ping' });
    expect(await socket.next()).toEqual({ type: 'pong' });
  });

  test('with a fresh token of the same user is answered without it', async () => {
    const ada = await createPerson(app);
    const socket = await signIn(address, { token: ada.token });
    socket.send({ type: 'ping', payload: { token: await app.sign({ sub: ada.id }) } });
    expect(await socket.next()).toEqual({ type: 'pong' });
    expect(await socket.ask(me)).toMatchObject([{ data: { me: { id: ada.id } } }]);
  });

  test('with a bad token, or that of somebody else, closes the socket with 4403', async () => {
    const [ada, grace] = [await createPerson(app), await createPerson(app)];
    const expired = await app.sign({ sub: ada.id, exp: nowS() - 60 });
    for (const payload of [
      { token: 'none' },
      { token: grace.token },
      { token: expired },
      { authorization: 'Basic x' },
    ]) {
      const socket = await signIn(address, { token: ada.token });
      socket.send({ type: 'ping', payload });
      expect((await socket.closed).code).toBe(4403);
    }
    const anybody = await signIn(address);
    anybody.send({ type: 'ping', payload: { token: ada.token } });
    expect((await anybody.closed).code).toBe(4403);
  });
});

describe('a socket that outlives its token', () => {
  let strict: TestApp;
  let strictAddress: string;
  beforeAll(async () => {
    strict = await createTestApp({ parts: { sockets: { graceMs: 0 } } });
    strictAddress = await strict.listen();
  });
  afterAll(() => strict.close());

  test('is closed with 4403 after the grace, unless it was given a fresh one', async () => {
    const ada = await createPerson(strict);
    const token = await strict.sign({ sub: ada.id, exp: nowS() + 2 });
    const [forgetful, mindful] = [await signIn(strictAddress, { token }), await signIn(strictAddress, { token })];
    mindful.send({ type: 'ping', payload: { token: ada.token } });
    mindful.send({ type: 'ping', payload: { token } });
    await mindful.expect('pong');
    await mindful.expect('pong');
    expect(await forgetful.closed).toEqual({ code: 4403, reason: 'Forbidden' });
    expect(await mindful.ask(me)).toMatchObject([{ data: { me: { id: ada.id } } }]);
  });

  test('gets nothing done once it was told to go', async () => {
    const ada = await createPerson(strict);
    const socket = await signIn(strictAddress, { token: ada.token });
    const query = `mutation { upsertProfile(input: { displayName: "Too late" }) { __typename } }`;
    socket.send({ type: 'ping', payload: { token: 'none' } });
    // Two round trips later its refusal is on the way, and the mutation goes out before it arrives.
    socket.raw.pause();
    await ada.me();
    await ada.me();
    socket.send({ type: 'subscribe', id: '1', payload: { query } });
    socket.raw.resume();
    expect((await socket.closed).code).toBe(4403);
    // Whatever of it was under way is done by then.
    await ada.upsertProfile({ bio: 'Later' });
    await ada.me();
    expect((await ada.me()).displayName).not.toBe('Too late');
  });
});

describe('an operation', () => {
  test('may be a query or a mutation', async () => {
    const ada = await createPerson(app);
    const socket = await signIn(address, { token: ada.token });
    const change = 'mutation ($name: String) { upsertProfile(input: { displayName: $name }) { __typename } }';
    expect(await socket.ask(change, { name: 'Ada' })).toEqual([{ data: { upsertProfile: { __typename: 'Profile' } } }]);
    expect(await socket.ask(me)).toEqual([{ data: { me: { id: ada.id, displayName: 'Ada' } } }]);
  });

  test('sees what changed since the one before it', async () => {
    const [ada, grace] = [await createPerson(app), await createPerson(app)];
    const socket = await signIn(address, { token: ada.token });
    const query = `{ user(by: { id: "${grace.id}" }) { displayName } }`;
    await socket.ask(query);
    await grace.upsertProfile({ displayName: 'Grace Hopper' });
    expect(await socket.ask(query)).toEqual([{ data: { user: { displayName: 'Grace Hopper' } } }]);
  });

  test.each([
    ['GRAPHQL_PARSE_FAILED', '{ me {'],
    ['GRAPHQL_VALIDATION_FAILED', '{ nothing }'],
    [
      'QUERY_TOO_COMPLEX',
      `{ ${'a'
        .repeat(60)
        .split('')
        .map((_, at) => `a${at}: __typename`)
        .join(' ')} }`,
    ],
    ['QUERY_TOO_COMPLEX', `{ ${'__typename '.repeat(3_000)} }`],
    [
      'QUERY_TOO_COMPLEX',
      `subscription { profilePictureUpdated { ${Array.from({ length: 60 }, (_, at) => `a${at}: userId`).join(' ')} } }`,
    ],
    ['BAD_USER_INPUT', 'query A { me { id } } query B { me { id } }'],
    ['BAD_USER_INPUT', 'query ($id: ID!) { node(id: $id) { id } }'],
    ['BAD_USER_INPUT', '{ node(id: "no id at all") { id } }'],
    ['UNAUTHENTICATED', 'subscription { profilePictureUpdated { userId } }'],
  ])('that is wrong is answered with %s, and the socket lives on (%#)', async (code, query) => {
    const socket = await signIn(address);
    const [answer] = await socket.ask(query);
    const error = answer.errors?.[0] ?? answer;
    expect(error.extensions).toEqual({ code });
    expect(JSON.stringify(answer)).not.toMatch(/"http"|stack|node_modules/);
    expect(await socket.ask(me)).toEqual([{ data: { me: null } }]);
  });

  test('that fails by our fault says nothing of the cause', async () => {
    const broken = await createTestApp();
    const socket = await signIn(await broken.listen());
    await broken.platform.db.prisma.$executeRaw`alter table privacy rename to elsewhere`;
    const [answer] = await socket.ask('{ user(by: { id: "user_1" }) { id } }');
    expect(answer.errors).toMatchObject([
      { message: 'Unexpected error.', extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: expect.any(String) } },
    ]);
    expect(JSON.stringify(answer)).not.toMatch(/privacy|"http"|stack/);
    await broken.close();
  });

  test('is refused beyond 100 at once', async () => {
    const ada = await createPerson(app);
    const socket = await signIn(address, { token: ada.token });
    const query = 'subscription { profilePictureUpdated { userId } }';
    for (let at = 0; at <= 100; at++) socket.send({ type: 'subscribe', id: `s${at}`, payload: { query } });
    const [error] = await socket.expect('error', 's100');
    expect(error.extensions).toEqual({ code: 'RATE_LIMITED', retryAfter: 1 });
    socket.send({ type: 'complete', id: 's0' });
    expect(await socket.ask(me)).toMatchObject([{ data: { me: { id: ada.id } } }]);
  });
});

describe('a message arrives whole', () => {
  const arrived = async (id: string, query: string, token: string | null) => {
    const socket = await signIn(address, token === null ? undefined : { token });
    const message = once(socket.raw, 'message');
    socket.send({ type: 'subscribe', id, payload: { query } });
    return String(((await message) as [Buffer])[0]);
  };

  // Lengths at which the head of a frame changes (RFC 6455, 5.2).
  test.each([124, 125, 126, 127])('of %i bytes', async (length) => {
    const around = '{"id":"1","type":"next","payload":{"data":{"":"Query"}}}'.length;
    const alias = 'a'.repeat(length - around);
    const message = `{"id":"1","type":"next","payload":{"data":{"${alias}":"Query"}}}`;
    expect(await arrived('1', `{ ${alias}: __typename }`, null)).toBe(message);
  });

  test.each([65_534, 65_535, 65_536, 65_537, 100_000])('of %i bytes', async (length) => {
    const person = await createPerson(app);
    const bio = '👨‍👩‍👧‍👦'.repeat(150);
    await person.upsertProfile({ bio });
    const query = (aliases: string[]) => `{ me { profile { ${aliases.map((alias) => `${alias}: bio`).join(' ')} } } }`;
    const message = (aliases: string[]) => {
      const profile = Object.fromEntries(aliases.map((alias) => [alias, bio]));
      return JSON.stringify({ id: '1', type: 'next', payload: { data: { me: { profile } } } });
    };
    const short = Array.from({ length: Math.floor(length / 3_800) - 1 }, (_, at) => `a${at}`);
    const [, ...others] = short;
    const padded = `a${'0'.repeat(length - Buffer.byteLength(message(short)))}0`;
    const expected = message([padded, ...others]);
    expect(Buffer.byteLength(expected)).toBe(length);
    expect(await arrived('1', query([padded, ...others]), person.token)).toBe(expected);
  });

  test('whatever its id is written in', async () => {
    const id = 'größer 🐘 "\\\u2028';
    const message = JSON.stringify({ id, type: 'next', payload: { data: { __typename: 'Query' } } });
    expect(await arrived(id, '{ __typename }', null)).toBe(message);
  });
});

test('whoever asks on and on without reading the answers is let go', async () => {
  const ada = await createPerson(app);
  const socket = await signIn(address, { token: ada.token });
  await follow(socket, [ada.id]);
  socket.raw.pause();
  const parts = Array.from(
    { length: 40 },
    (_, at) => `a${at}: __schema { types { name description fields { name } } }`,
  );
  for (let at = 0; at < 99; at++) {
    socket.send({ type: 'subscribe', id: `s${at}`, payload: { query: `{ ${parts.join(' ')} }` } });
  }
  while (app.platform.live.subscribedUserIds('picture').includes(ada.id)) {
    socket.raw.send('{"type":"ping"}', () => undefined);
    await nextTurn();
  }
});

test('a peer that is gone without a word is let go within two rounds of pings', async () => {
  // Long enough for a busy machine's client to answer in time.
  const watchful = await createTestApp({ parts: { sockets: { pingEveryMs: 500 } } });
  const watchfulAddress = await watchful.listen();
  const ada = await createPerson(watchful);
  const [gone, here] = [
    await signIn(watchfulAddress, { token: ada.token }),
    await signIn(watchfulAddress, { token: ada.token }),
  ];
  await follow(gone, [ada.id]);
  gone.raw.pause();
  while (watchful.platform.live.subscribedUserIds('picture').includes(ada.id)) await nextTurn();
  expect(await here.ask(me)).toMatchObject([{ data: { me: { id: ada.id } } }]);
  await watchful.close();
});

test('when the server stops, sockets are closed with 1001, with an open subscription too, and one that stands still', async () => {
  const stopping = await createTestApp();
  const stoppingAddress = await stopping.listen();
  const ada = await createPerson(stopping);
  const [idle, following, paused] = await Promise.all(
    [1, 2, 3].map(() => signIn(stoppingAddress, { token: ada.token })),
  );
  if (!idle || !following || !paused) throw new Error('Expected three sockets.');
  await follow(following, [ada.id]);
  paused.raw.pause();
  await stopping.close();
  expect(await idle.closed).toEqual({ code: 1001, reason: 'Going away' });
  expect((await following.closed).code).toBe(1001);
  expect(following.unread()).toBe(0);
});
