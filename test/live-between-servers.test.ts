import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { revisionStatements } from '../src/modules/user/live.ts';
import { deletedAmong } from '../src/modules/user/queries.ts';
import { createAnnouncements } from '../src/platform/announcements.ts';
import { createDeletedUsers } from '../src/platform/deleted-users.ts';
import { createLiveBus } from '../src/platform/live-bus.ts';
import { createLog } from '../src/platform/log.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { testBetweenServers, untilReady } from './support/between-servers.ts';
import { type Cuttable, createCuttable } from './support/cuttable.ts';
import { changePicture, follow, pictureUpdates, startFollowing } from './support/live.ts';
import { createPerson } from './support/person.ts';
import { closeSockets, signIn } from './support/socket.ts';
import { closeEventStreams } from './support/sse.ts';

let app: TestApp;
/** Another server on the same database, which can be cut off from it. */
let other: TestApp;
let database: Cuttable;
let address: string;
beforeAll(async () => {
  app = await createTestApp();
  database = await createCuttable(app.database.connectionString);
  other = await createTestApp({ beside: app, parts: { connectionString: database.connectionString } });
  address = await other.listen();
  await untilReady(other, 200);
});
afterEach(() => {
  closeSockets();
  closeEventStreams();
});
afterAll(async () => {
  await other.close();
  await database.cut();
  await app.close();
});

const loseListeners = () =>
  app.platform.db.prisma.$queryRaw`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'visage listener'`;

testBetweenServers(() => ({ app, other, medium: database, address, loseListeners }));

describe('while the database is away', () => {
  test('a change waits, and comes when it is back', async () => {
    const ada = await createPerson(app);
    const following = await follow(await signIn(address, { token: ada.token }), [ada.id]);
    await changePicture(app, ada.id);
    await following.next();
    await database.cut();
    await untilReady(other, 503);
    await changePicture(app, ada.id);
    // As if it had been announced just before.
    other.platform.live.dispatch('picture', { userId: ada.id, revision: 2 });
    // This asks the database too, so that by its answer the read of the change has failed.
    await untilReady(other, 503);
    await database.restore();
    expect(await following.next()).toMatchObject({ userId: ada.id, revision: 2 });
    expect(await following.socket.ask('{ me { id } }')).toEqual([{ data: { me: { id: ada.id } } }]);
  });

  test('a subscription is refused with SERVICE_UNAVAILABLE, and leaves no stream behind', async () => {
    const ada = await createPerson(app);
    const socket = await signIn(address, { token: ada.token });
    await database.cut();
    const [answer] = await socket.ask(pictureUpdates);
    expect(answer.errors).toMatchObject([{ extensions: { code: 'SERVICE_UNAVAILABLE' } }]);
    expect(other.platform.live.subscribedUserIds('picture')).not.toContain(ada.id);
    await database.restore();
    await untilReady(other, 200);
  });

  test('whoever signs in is asked to try again later, and whoever is signed in stays', async () => {
    const [ada, newcomer] = [await createPerson(app), await other.sign({ sub: 'user_newcomer' })];
    const socket = await signIn(address, { token: ada.token });
    await database.cut();
    socket.send({ type: 'ping', payload: { token: await other.sign({ sub: ada.id }) } });
    await socket.expect('pong');
    await expect(signIn(address, { token: newcomer })).rejects.toThrow('1013');
    await database.restore();
    await untilReady(other, 200);
    expect(await socket.ask('{ me { id } }')).toEqual([{ data: { me: { id: ada.id } } }]);
  });
});

test('a subscription that fails by our fault ends with an error that says nothing, and leaves no stream behind', async () => {
  const broken = await createTestApp();
  const ada = await createPerson(broken);
  const following = startFollowing(await signIn(await broken.listen(), { token: ada.token }), {
    known: [{ userId: ada.id, revision: -1 }],
  });
  await following.next();
  await broken.platform.db.prisma.$executeRaw`alter table privacy rename to elsewhere`;
  await changePicture(broken, ada.id);
  const [error] = await following.socket.expect('error');
  expect(error).toMatchObject({ message: 'Unexpected error.', extensions: { code: 'INTERNAL_SERVER_ERROR' } });
  expect(JSON.stringify(error)).not.toMatch(/privacy|"http"|stack/);
  expect(broken.platform.live.subscribedUserIds('picture')).toEqual([]);
  await broken.close();
});

describe('catching up', () => {
  const current = { userId: 'user_ada', revision: 5 };

  test('tells whoever began within the gap, since nobody knows what they missed', async () => {
    const live = createLiveBus();
    const [before, within] = [live.subscribe('picture', ['user_ada']), live.subscribe('picture', ['user_ada'])];
    for (const follow of before.follows) follow.startAt(current.revision);
    const lostAtMs = performance.now();
    while (performance.now() === lostAtMs) await nextTurn();
    for (const follow of within.follows) follow.startAt(current.revision);
    live.catchUp('picture', current, lostAtMs);
    expect(await within.next()).toEqual({ done: false, value: current });
    live.dispatch('picture', { ...current, revision: 6 });
    expect(await before.next()).toEqual({ done: false, value: { ...current, revision: 6 } });
  });

  test('reaches no subscription that would begin after the server stopped', async () => {
    const live = createLiveBus();
    live.close();
    expect(await live.subscribe('picture', ['user_ada']).next()).toEqual({ done: true, value: undefined });
    expect(live.subscribedUserIds('picture')).toEqual([]);
  });
});

test('work that was called for while nobody listened is looked for as soon as somebody does', async () => {
  const calls: string[] = [];
  const { db } = app.platform;
  const announcements = createAnnouncements({
    connectionString: app.database.connectionString,
    redis: null,
    db,
    live: createLiveBus(),
    deletedUsers: createDeletedUsers(),
    log: createLog('silent'),
    revisions: revisionStatements,
    deletedAmong,
    onWork: (work) => calls.push(work),
  });
  await vi.waitFor(() => expect(calls).toEqual(['outbox', 'erasure']), { timeout: 20_000 });
  await announcements.close();
});

test('a server stops at once, whatever its listener is doing', async () => {
  const starting = await createTestApp({ beside: app });
  await starting.close();
  await database.cut();
  const lost = await createTestApp({ beside: app, parts: { connectionString: database.connectionString } });
  await lost.close();
  await database.restore();
});
