import { setImmediate as nextTurn } from 'node:timers/promises';
import { createClient } from 'graphql-ws';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createLiveBus } from '../src/platform/live-bus.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { changePicture, follow, pictureUpdates, startFollowing } from './support/live.ts';
import { createPerson, type Person } from './support/person.ts';
import { photo } from './support/pictures.ts';
import { closeSockets, type Socket, signIn } from './support/socket.ts';
import { closeEventStreams, openEventStream } from './support/sse.ts';

let app: TestApp;
let address: string;
beforeAll(async () => {
  app = await createTestApp();
  address = await app.listen();
});
afterEach(() => {
  closeSockets();
  closeEventStreams();
});
afterAll(() => app.close());

const socketOf = (person: Person): Promise<Socket> => signIn(address, { token: person.token });
/** Whether the server has a stream about this user. */
const isFollowed = ({ id }: Person) => app.platform.live.subscribedUserIds('picture').includes(id);

async function untilFollowed(person: Person): Promise<void> {
  while (!isFollowed(person)) await nextTurn();
}

async function untilForgotten(person: Person): Promise<void> {
  while (isFollowed(person)) await nextTurn();
}

const block = (blocker: Person, blocked: Person) =>
  app.platform.db.prisma.block.create({ data: { blockerId: blocker.id, blockedId: blocked.id } });

describe('an upload', () => {
  test('arrives at every subscriber, over WebSocket and over server-sent events', async () => {
    const [ada, grace] = [await createPerson(app), await createPerson(app)];
    const following = await follow(await socketOf(grace), [ada.id]);
    const events = await openEventStream(address, {
      token: ada.token,
      query: pictureUpdates,
      variables: { known: [{ userId: ada.id, revision: -1 }] },
    });
    await events.next();
    await ada.upload(await photo([200, 200]));
    const expected = {
      userId: ada.id,
      revision: 1,
      imageUrl: expect.stringMatching(/\/pictures\//),
      picture: { version: 1 },
    };
    expect(await following.next()).toEqual(expected);
    expect(await events.next()).toEqual({ data: { profilePictureUpdated: expected } });
    events.close();
  });

  test('arrives at the client of graphql-ws', async () => {
    const ada = await createPerson(app);
    const client = createClient({
      url: `${address.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { token: ada.token },
    });
    const updates = client.iterate<{ profilePictureUpdated: unknown }>({ query: pictureUpdates });
    const first = updates.next();
    await untilFollowed(ada);
    await ada.upload(await photo([200, 200]));
    expect((await first).value).toMatchObject({ data: { profilePictureUpdated: { revision: 1 } } });
    await client.dispose();
  });

  test('shows everything of its owner as it is then', async () => {
    const [ada, grace] = [await createPerson(app), await createPerson(app)];
    const socket = await socketOf(grace);
    const query = `subscription ($userIds: [ID!], $known: [KnownPictureRevision!]) {
      profilePictureUpdated(userIds: $userIds, known: $known) { user { displayName } picture { user { displayName } } }
    }`;
    await ada.upload(await photo([200, 200]));
    const variables = { userIds: [ada.id], known: [{ userId: ada.id, revision: 0 }] };
    socket.send({ type: 'subscribe', id: '1', payload: { query, variables } });
    await socket.expect('next');
    await ada.upsertProfile({ displayName: 'Ada Lovelace' });
    await changePicture(app, ada.id);
    const user = { displayName: 'Ada Lovelace' };
    expect(await socket.expect('next')).toEqual({ data: { profilePictureUpdated: { user, picture: { user } } } });
  });
});

describe('what a client knows already', () => {
  test('decides whether the current state comes at once', async () => {
    const [behind, upToDate, ahead, unknown] = [
      await createPerson(app),
      await createPerson(app),
      await createPerson(app),
      await createPerson(app),
    ];
    const people = [behind, upToDate, ahead, unknown];
    // Announced before the subscription begins, and arrived: a late announcement would be told as a change.
    const earlier = await follow(await socketOf(unknown), [unknown.id]);
    for (const { id } of people) await changePicture(app, id);
    await earlier.until(unknown.id, 1);
    const following = startFollowing(await socketOf(behind), {
      userIds: people.map(({ id }) => id),
      known: [
        { userId: behind.id, revision: 0 },
        { userId: upToDate.id, revision: 1 },
        { userId: ahead.id, revision: 9 },
        { userId: 'user_that_is_not_asked_for', revision: 0 },
      ],
    });
    expect(await following.next()).toMatchObject({ userId: behind.id, revision: 1 });
    // Each of them, in this order: what came at once would have come before.
    for (const { id } of people) {
      await changePicture(app, id);
      expect(await following.next()).toMatchObject({ userId: id, revision: 2 });
    }
  });

  test('is not told again when its announcement comes late', async () => {
    const [ada, grace] = [await createPerson(app), await createPerson(app)];
    await changePicture(app, ada.id);
    const following = startFollowing(await socketOf(ada), {
      userIds: [grace.id, ada.id],
      known: [
        { userId: grace.id, revision: -1 },
        { userId: ada.id, revision: 1 },
      ],
    });
    await following.next();
    app.platform.live.dispatch('picture', { userId: ada.id, revision: 1 });
    await changePicture(app, grace.id);
    expect(await following.next()).toMatchObject({ userId: grace.id, revision: 1 });
  });
});

describe('a change while a subscription starts', () => {
  test('is not missed by a client that says what it knows', async () => {
    const ada = await createPerson(app);
    for (let revision = 1; revision <= 60; revision++) {
      const socket = await socketOf(ada);
      const changing = changeAfter(revision % 12, ada);
      const following = startFollowing(socket, { known: [{ userId: ada.id, revision: revision - 1 }] });
      expect(await following.until(ada.id, revision)).toEqual([revision]);
      await changing;
      await socket.close();
    }
  });

  test('is not missed by one that says nothing', async () => {
    const ada = await createPerson(app);
    for (let revision = 1; revision <= 40; revision++) {
      await untilForgotten(ada);
      const socket = await socketOf(ada);
      const following = startFollowing(socket, {});
      await untilFollowed(ada);
      await changePicture(app, ada.id);
      expect(await following.until(ada.id, revision)).toEqual([revision]);
      await socket.close();
    }
  });

  async function changeAfter(turns: number, person: Person) {
    for (let turn = 0; turn < turns; turn++) await nextTurn();
    await changePicture(app, person.id);
  }
});

test('revisions of a user only go up, however many change at once, and none comes twice', async () => {
  const ada = await createPerson(app);
  const following = await follow(await socketOf(ada), [ada.id]);
  await Promise.all(Array.from({ length: 100 }, () => changePicture(app, ada.id)));
  const revisions = await following.until(ada.id, 100);
  expect(revisions).toEqual([...new Set(revisions)].toSorted((a, b) => a - b));
  for (const revision of [99, 100, 100, 7, 100]) app.platform.live.dispatch('picture', { userId: ada.id, revision });
  await changePicture(app, ada.id);
  expect(await following.next()).toMatchObject({ revision: 101 });
});

describe('the users of a subscription', () => {
  const errorOf = async (socket: Socket, variables: object) => {
    const [answer] = await socket.ask(pictureUpdates, variables);
    return answer.errors[0].extensions;
  };

  test('are 200 at most', async () => {
    const [ada, ids] = [await createPerson(app), Array.from({ length: 200 }, (_, at) => `user_nobody_${at}`)];
    const socket = await socketOf(ada);
    expect(await errorOf(socket, { userIds: [ada.id, ...ids] })).toEqual({ code: 'BAD_USER_INPUT' });
    const following = startFollowing(socket, {
      userIds: [ada.id, ada.id, ...ids.slice(1)],
      known: [{ userId: ada.id, revision: -1 }],
    });
    expect(await following.next()).toMatchObject({ userId: ada.id });
  });

  test('have to be ids', async () => {
    const socket = await signIn(address);
    for (const id of ['', 'a b', 'user_\u0000', 'ü', 'x'.repeat(256)]) {
      expect(await errorOf(socket, { userIds: [id] })).toEqual({ code: 'BAD_USER_INPUT' });
    }
  });

  test('have to be named by whoever is not signed in', async () => {
    const ada = await createPerson(app);
    const socket = await signIn(address);
    expect(await errorOf(socket, {})).toEqual({ code: 'UNAUTHENTICATED' });
    const following = await follow(socket, [ada.id]);
    await changePicture(app, ada.id);
    expect(await following.next()).toMatchObject({ userId: ada.id, revision: 1 });
  });

  test('are silent where the viewer may not know of them, or nobody does', async () => {
    const [ada, grace, mallory, beacon] = [
      await createPerson(app),
      await createPerson(app),
      await createPerson(app),
      await createPerson(app),
    ];
    await block(ada, mallory);
    await block(grace, ada);
    const userIds = ['user_nobody', `profile_${ada.id}`, mallory.id, grace.id, beacon.id];
    const following = await follow(await socketOf(ada), userIds, [beacon.id]);
    for (const userId of ['user_nobody', mallory.id, grace.id]) {
      app.platform.live.dispatch('picture', { userId, revision: 50 });
    }
    for (const { id } of [mallory, grace, beacon]) await changePicture(app, id);
    expect(await following.next()).toMatchObject({ userId: beacon.id });
  });

  test('fall silent when a block comes, and are heard again when it goes', async () => {
    const [ada, grace, beacon] = [await createPerson(app), await createPerson(app), await createPerson(app)];
    const following = await follow(await socketOf(ada), [grace.id, beacon.id]);
    await block(grace, ada);
    await changePicture(app, grace.id);
    await changePicture(app, beacon.id);
    expect(await following.next()).toMatchObject({ userId: beacon.id });
    await app.platform.db.prisma.block.deleteMany({ where: { blockerId: grace.id } });
    await changePicture(app, grace.id);
    expect(await following.next()).toMatchObject({ userId: grace.id, revision: 2 });
  });
});

describe('a subscriber that stands still', () => {
  test('holds up nobody, and gets the newest state of its own users when it goes on', async () => {
    const [ada, grace] = [await createPerson(app), await createPerson(app)];
    const [slow, quick] = [
      await follow(await socketOf(ada), [ada.id]),
      await follow(await socketOf(ada), [grace.id, ada.id]),
    ];
    slow.socket.raw.pause();
    for (let round = 1; round <= 20; round++) {
      await announceMany([ada.id, grace.id], 100);
      await quick.until(grace.id, round * 100);
    }
    slow.socket.raw.resume();
    const revisions = await slow.until(ada.id, 2_000);
    expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
  });

  test('costs one pending revision for each of its users', async () => {
    const live = createLiveBus();
    const stream = live.subscribe('picture', ['user_0', 'user_1', 'user_2']);
    for (let revision = 1; revision <= 50_000; revision++) {
      live.dispatch('picture', { userId: `user_${revision % 3}`, revision });
    }
    const left = [await stream.next(), await stream.next(), await stream.next()].map(({ value }) => value.revision);
    expect(left.toSorted()).toEqual([49_998, 49_999, 50_000]);
    const next = stream.next();
    await stream.return();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  /** Many changes in one transaction, each announced. */
  async function announceMany(userIds: string[], times: number) {
    await app.platform.db.prisma.$executeRawUnsafe(`
      do $$ declare changed record; begin
        for round in 1..${times} loop
          for changed in update users set picture_revision = picture_revision + 1
            where id in (${userIds.map((id) => `'${id}'`).join()}) returning id, picture_revision loop
            perform pg_notify('visage', json_build_object(
              'topic', 'picture', 'userId', changed.id, 'revision', changed.picture_revision)::text);
          end loop;
        end loop;
      end $$`);
  }
});

describe('no stream is left behind', () => {
  test('by a client that unsubscribes, goes away or is cut off', async () => {
    const ada = await createPerson(app);
    const following = await follow(await socketOf(ada), [ada.id]);
    following.unsubscribe();
    await untilForgotten(ada);
    for (const leave of [(socket: Socket) => socket.raw.close(), (socket: Socket) => socket.raw.terminate()]) {
      leave((await follow(await socketOf(ada), [ada.id])).socket);
      await untilForgotten(ada);
    }
  });

  test('by a client that goes away while its subscriptions start', async () => {
    const ada = await createPerson(app);
    for (let at = 0; at < 20; at++) {
      const socket = await socketOf(ada);
      startFollowing(socket, {});
      for (let turn = 0; turn < at; turn++) await nextTurn();
      socket.raw.terminate();
      await socket.closed;
    }
    await untilForgotten(ada);
  });

  test('by a page that is closed', async () => {
    const ada = await createPerson(app);
    const events = await openEventStream(address, { token: ada.token, query: pictureUpdates });
    await untilFollowed(ada);
    events.close();
    await untilForgotten(ada);
  });
});

test('one update to many subscribers is read by one statement', async () => {
  const ada = await createPerson(app);
  const viewers = await Promise.all(Array.from({ length: 50 }, () => createPerson(app)));
  const followings = await Promise.all(viewers.map(async (viewer) => follow(await socketOf(viewer), [ada.id])));
  const other = await createTestApp({ beside: app });
  // Once a change has arrived everywhere, nothing that began the subscriptions is still on its way.
  await changePicture(other, ada.id);
  await Promise.all(followings.map((following) => following.until(ada.id, 1)));
  app.takeStatements();
  await changePicture(other, ada.id);
  await Promise.all(followings.map((following) => following.until(ada.id, 2)));
  expect(app.takeStatements().filter((sql) => sql !== 'select 1').length).toBeLessThanOrEqual(2);
  await other.close();
});
