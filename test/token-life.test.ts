import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createTestApp, type TestApp } from './support/app.ts';
import { changePicture, follow, pictureUpdates } from './support/live.ts';
import { createPerson, type Person } from './support/person.ts';
import { closeSockets, openSocket, type Socket, signIn } from './support/socket.ts';

/**
 * Clerk's tokens live for a minute. The server's clock and timers are moved here, and the test's with them: its tokens, its
 * sockets and its database are real.
 */
let app: TestApp;
let address: string;
let ada: Person;
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], shouldAdvanceTime: true });
  app = await createTestApp();
  address = await app.listen();
  ada = await createPerson(app);
});
afterEach(closeSockets);
afterAll(async () => {
  await app.close();
  vi.useRealTimers();
});

const minuteMs = 60_000;
const forbidden = { code: 4403, reason: 'Forbidden' };
const me = '{ me { id } }';

/** A token that holds for a minute, or as long as it is said, and when it ends. */
async function createToken({ id }: Pick<Person, 'id'> = ada, lifeMs = minuteMs) {
  const exp = Math.floor((Date.now() + lifeMs) / 1000);
  return { token: await app.sign({ sub: id, exp }), endsAtMs: exp * 1000 };
}

/** Time passes up to then, and whatever was to happen on the way happens. */
const passTo = (atMs: number) => vi.advanceTimersByTimeAsync(atMs - Date.now());

/** Time has passed up to then, as for a machine that slept until a moment before. */
async function skipTo(atMs: number) {
  vi.setSystemTime(atMs - awakeMs);
  await passTo(atMs);
}
/** Within it, whatever missed its time is made up for. */
const awakeMs = 10_000;

const expectOpen = async (socket: Socket) => expect(await socket.ask(me)).toEqual([{ data: { me: { id: ada.id } } }]);

async function renew(socket: Socket, token: string) {
  socket.send({ type: 'ping', payload: { token } });
  await socket.expect('pong');
}

describe('a socket', () => {
  test('outlives its token by nearly 5 minutes, hears what changes meanwhile, and is closed with 4403', async () => {
    const { token, endsAtMs } = await createToken();
    const socket = await signIn(address, { token });
    const following = await follow(socket, [ada.id]);
    for (const lateMs of [1_000, minuteMs, 4 * minuteMs, 4.5 * minuteMs]) {
      await passTo(endsAtMs + lateMs);
      const revision = await changePicture(app, ada.id);
      expect(await following.until(ada.id, revision)).toEqual([revision]);
    }
    await passTo(endsAtMs + 5 * minuteMs);
    expect(await socket.closed).toEqual(forbidden);
  });

  test('that is given a fresh token in time lives until 5 minutes after that one', async () => {
    const first = await createToken();
    const [mindful, forgetful] = [await signIn(address, first), await signIn(address, first)];
    await skipTo(first.endsAtMs + 4.5 * minuteMs);
    const second = await createToken();
    await renew(mindful, second.token);
    await passTo(first.endsAtMs + 5 * minuteMs);
    expect(await forgetful.closed).toEqual(forbidden);
    await skipTo(second.endsAtMs + 4.5 * minuteMs);
    await expectOpen(mindful);
    await passTo(second.endsAtMs + 5 * minuteMs);
    expect(await mindful.closed).toEqual(forbidden);
  });

  test('that is given an older token keeps the time of the newer one', async () => {
    const [newer, older] = [await createToken(ada, 10 * minuteMs), await createToken(ada, 5 * minuteMs)];
    const socket = await signIn(address, newer);
    await renew(socket, older.token);
    await skipTo(newer.endsAtMs + 4.5 * minuteMs);
    await expectOpen(socket);
    await passTo(newer.endsAtMs + 5 * minuteMs);
    expect(await socket.closed).toEqual(forbidden);
  });

  test('that is given an expired token, or that of somebody else, is closed at once', async () => {
    const grace = await createPerson(app);
    const first = await createToken();
    const sockets = [await signIn(address, first), await signIn(address, first)] as const;
    await skipTo(first.endsAtMs + minuteMs);
    sockets[0].send({ type: 'ping', payload: { token: first.token } });
    sockets[1].send({ type: 'ping', payload: { token: (await createToken(grace)).token } });
    for (const socket of sockets) expect(await socket.closed).toEqual(forbidden);
  });

  test('whose token ends between the connection and the init is refused', async () => {
    const { token, endsAtMs } = await createToken(ada, 2_000);
    const early = await signIn(address, { token });
    const late = await openSocket(address);
    // The clock alone: 3 s after its connection, the init wouldn't be waited for any longer.
    vi.setSystemTime(endsAtMs + 6_000);
    late.send({ type: 'connection_init', payload: { token } });
    expect((await late.closed).code).toBe(4403);
    await expectOpen(early);
  });

  test('with a token for longer than timers last stays open', async () => {
    const { token, endsAtMs } = await createToken(ada, 60 * 24 * 60 * minuteMs);
    const socket = await signIn(address, { token });
    await passTo(Date.now() + minuteMs);
    await expectOpen(socket);
    await skipTo(endsAtMs + 4.5 * minuteMs);
    await expectOpen(socket);
    await passTo(endsAtMs + 5 * minuteMs);
    expect(await socket.closed).toEqual(forbidden);
  });

  test('of a machine that slept is closed soon after it awakes', async () => {
    const { token, endsAtMs } = await createToken();
    const socket = await signIn(address, { token });
    await passTo(Date.now() + 1_000);
    await skipTo(endsAtMs + 8 * 60 * minuteMs);
    expect(await socket.closed).toEqual(forbidden);
  });
});

describe('a stream of server-sent events', () => {
  test('outlives its token by nearly 5 minutes, hears what changes meanwhile, and ends', async () => {
    const { token, endsAtMs } = await createToken();
    const stream = await openStream(token);
    for (const lateMs of [1_000, 4.5 * minuteMs]) {
      await passTo(endsAtMs + lateMs);
      const revision = await changePicture(app, ada.id);
      await stream.until(`"revision":${revision},`);
    }
    expect(stream.isOver()).toBe(false);
    await passTo(endsAtMs + 5 * minuteMs);
    await stream.end;
    expect(stream.text()).not.toContain('event: complete');
  });

  test('of a machine that slept ends soon after it awakes', async () => {
    const { token, endsAtMs } = await createToken();
    const stream = await openStream(token);
    await passTo(Date.now() + 1_000);
    await skipTo(endsAtMs + 8 * 60 * minuteMs);
    await stream.end;
  });
});

/** By node:http: `fetch` has time limits of its own, which would pass here as well. */
async function openStream(token: string) {
  const headers = {
    accept: 'text/event-stream',
    'content-type': 'application/json',
    authorization: `Bearer ${token}`,
  };
  const asking = request(new URL('/graphql', address), { method: 'POST', headers });
  asking.end(JSON.stringify({ query: pictureUpdates, variables: { known: [{ userId: ada.id, revision: -1 }] } }));
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  let text = '';
  let isOver = false;
  response.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  const until = async (part: string) => {
    while (!text.includes(part)) await once(response, 'data');
  };
  const end = once(response, 'end').then(() => {
    isOver = true;
  });
  await until('event: next');
  return { text: () => text, until, isOver: () => isOver, end };
}
