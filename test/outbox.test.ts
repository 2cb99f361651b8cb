import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { countPendingWishes, enqueue } from '../src/modules/outbox/service.ts';
import { deleteAccount } from './support/account.ts';
import { createTestApp, type TestApp, type TestAppOptions } from './support/app.ts';
import { type ClerkApi, createClerkApi } from './support/clerk-api.ts';
import { arrive, storedUser, withToken } from './support/identity.ts';
import { createTestLog } from './support/log.ts';
import { createClerkPerson, eventually, expectTold, requestsFor, wishesOf } from './support/outbox.ts';

// What a server still has to tell Clerk, by the deletion of accounts, which needs nothing but the id.

let clerk: ClerkApi;
let app: TestApp;
let servers: TestApp[];
const start = async (options: TestAppOptions = {}): Promise<TestApp> => {
  const server = await createTestApp({ env: clerk.env, ...options });
  servers.push(server);
  return server;
};
/** As a process that ends does; its database and pictures stay. */
const stop = async (server: TestApp) => {
  servers = servers.filter((other) => other !== server);
  await server.close();
};
beforeEach(async () => {
  servers = [];
  clerk = await createClerkApi();
  app = await start();
});
afterEach(async () => {
  // The first one takes the database with it.
  for (const server of servers.toReversed()) await server.close();
  await clerk.close();
});

const pathOf = (id: string) => `/v1/users/${id}`;
const enqueueDeletions = (ids: string[]) =>
  app.platform.db.transaction(async (tx) => {
    for (const userId of ids) await enqueue(tx, { userId, kind: 'DELETE_USER' });
  });
const addUsers = (count: number) => Array.from({ length: count }, () => clerk.addUser().id);

describe('what Clerk is to be told', () => {
  test('is told at once, once', async () => {
    const ids = addUsers(5);
    await enqueueDeletions(ids);
    await expectTold(app);
    expect(ids.map((id) => clerk.user(id))).toEqual(Array(5).fill(undefined));
    expect(ids.map((id) => requestsFor(clerk, 'DELETE', pathOf(id)))).toEqual(Array(5).fill(1));
  });

  test('is told by whichever server comes first, and by one alone', async () => {
    await start({ beside: app });
    const ids = addUsers(40);
    await Promise.all(ids.map((id) => enqueueDeletions([id])));
    await expectTold(app);
    expect(ids.map((id) => requestsFor(clerk, 'DELETE', pathOf(id)))).toEqual(Array(40).fill(1));
  });

  test('is found by a server that nobody woke', async () => {
    const [id = ''] = addUsers(1);
    await app.platform.db.prisma.outboxEntry.create({ data: { userId: id, kind: 'DELETE_USER' } });
    await expectTold(app);
    expect(clerk.user(id)).toBeUndefined();
  }, 60_000);

  test('is told before copies, however long these have waited', async () => {
    const people = await Promise.all(Array.from({ length: 5 }, () => createClerkPerson(app, clerk)));
    const gone = clerk.addUser().id;
    const waitingSince = new Date(Date.now() - 60_000);
    await app.platform.db.prisma.outboxEntry.createMany({
      data: [
        ...people.map(({ id }) => ({ userId: id, kind: 'METADATA' as const, nextAttemptAt: waitingSince })),
        { userId: gone, kind: 'DELETE_USER' as const },
      ],
    });
    await expectTold(app);
    const told = clerk.requests.filter(({ method }) => method !== 'GET').map(({ method }) => method);
    expect(told).toEqual(['DELETE', ...people.map(() => 'PATCH')]);
  }, 60_000);

  test('is counted by kind', async () => {
    await clerk.goAway();
    await enqueueDeletions(['user_1', 'user_2']);
    await app.platform.db.transaction((tx) => enqueue(tx, { userId: 'user_1', kind: 'METADATA' }));
    expect(await countPendingWishes(app.platform)).toEqual([
      { kind: 'METADATA', count: 1, oldestAt: expect.any(Date) },
      { kind: 'DELETE_USER', count: 2, oldestAt: expect.any(Date) },
    ]);
  });
});

describe('while Clerk is away', () => {
  test('everything waits, and arrives once it is back', async () => {
    await clerk.goAway();
    const ids = addUsers(5);
    await enqueueDeletions(ids);
    await vi.waitFor(async () => {
      const errors = (await wishesOf(app)).map(({ lastError }) => lastError);
      expect(errors).toContainEqual(expect.stringContaining("Clerk can't be asked"));
    }, eventually);
    await clerk.comeBack();
    await expectTold(app);
    expect(ids.map((id) => clerk.user(id))).toEqual(Array(5).fill(undefined));
  }, 60_000);

  test('it is left alone for as long as it wants, by this server and by the next', async () => {
    const [id = '', other = ''] = addUsers(2);
    clerk.failWith({ status: 429, retryAfter: 3_600 }, { times: 1 });
    await enqueueDeletions([id]);
    await vi.waitFor(
      async () => expect(await wishesOf(app, id)).toMatchObject([{ lastError: expect.stringContaining('429') }]),
      eventually,
    );
    const [wish] = await wishesOf(app, id);
    expect(Number(wish?.nextAttemptAt) - Number(wish?.createdAt)).toBeGreaterThanOrEqual(3_600_000);
    const next = await start({ beside: app });
    await next.platform.db.transaction((tx) => enqueue(tx, { userId: other, kind: 'DELETE_USER' }));
    await expectTold(app, other);
    expect([id, other].map((each) => requestsFor(clerk, 'DELETE', pathOf(each)))).toEqual([1, 1]);
    expect(clerk.user(id)).toBeDefined();
  }, 60_000);

  test('what it was to be told survives the server', async () => {
    const log = createTestLog('debug');
    const database = app;
    const first = await start({ beside: database, parts: { log: log.log } });
    await clerk.goAway();
    const [id = ''] = addUsers(1);
    await enqueueDeletions([id]);
    await vi.waitFor(async () => expect((await wishesOf(app))[0]?.attempts).toBeGreaterThan(0), eventually);
    await stop(first);
    await clerk.comeBack();
    await start({ beside: database });
    await expectTold(app);
    expect(clerk.user(id)).toBeUndefined();
  }, 60_000);

  test('an account is closed here at once, and deleted there later', async () => {
    const ada = await createClerkPerson(app, clerk);
    await clerk.goAway();
    await deleteAccount(ada);
    expect((await ada.ask('{ me { id } }')).status).toBe(401);
    expect(await wishesOf(app, ada.id)).toMatchObject([{ kind: 'DELETE_USER' }]);
    await clerk.comeBack();
    await expectTold(app);
    expect(clerk.user(ada.id)).toBeUndefined();
    expect(await arrive(app, clerk, ['user.deleted', { id: ada.id }])).toBe('STALE');
  }, 60_000);

  test('whoever comes first is asked for later', async () => {
    const { id } = clerk.addUser({ firstName: 'Ada', email: 'ada@example.com' });
    await clerk.goAway();
    const ada = await withToken(app, id);
    expect(await ada.query('{ me { firstName } }')).toEqual({ me: { firstName: null } });
    await clerk.comeBack();
    await expectTold(app, id);
    expect(await storedUser(app, id)).toMatchObject({ firstName: 'Ada', email: 'ada@example.com' });
  }, 60_000);

  test('whoever comes and turns out not to be there is left to the comparison with it', async () => {
    await clerk.goAway();
    const ada = await withToken(app, 'user_nobody');
    await ada.me();
    await clerk.comeBack();
    await expectTold(app, ada.id);
    expect(requestsFor(clerk, 'GET', pathOf(ada.id))).toBe(1);
    expect(await storedUser(app, ada.id)).toMatchObject({ email: null });
  }, 60_000);
});

describe('a wish', () => {
  test('that a killed server was sending is sent by another, after a while', async () => {
    const [id = ''] = addUsers(1);
    const { prisma } = app.platform.db;
    const lease = (ms: number) => ({ leasedUntil: new Date(Date.now() + ms) });
    await prisma.outboxEntry.create({ data: { userId: id, kind: 'DELETE_USER', attempts: 1, ...lease(3_600_000) } });
    const [other = ''] = addUsers(1);
    await enqueueDeletions([other]);
    await expectTold(app, other);
    expect(requestsFor(clerk, 'DELETE', pathOf(id))).toBe(0);
    await prisma.outboxEntry.updateMany({ data: lease(-1_000) });
    await expectTold(app);
    expect(clerk.user(id)).toBeUndefined();
  }, 60_000);

  test('that Clerk refuses for now stays, and keeps nobody waiting', async () => {
    const [refused = '', other = ''] = addUsers(2);
    clerk.failWith({ status: 422, code: 'deletion_not_allowed' }, { path: pathOf(refused) });
    await enqueueDeletions([refused, other]);
    await expectTold(app, other);
    await vi.waitFor(
      async () => expect(await wishesOf(app)).toMatchObject([{ lastError: '422 deletion_not_allowed' }]),
      eventually,
    );
    clerk.recover();
    await expectTold(app);
  }, 60_000);

  test('to hear of a user whom Clerk refuses to show is given up', async () => {
    const [id = ''] = addUsers(1);
    clerk.failWith({ status: 422, code: 'not_to_be_shown' }, { path: pathOf(id) });
    await app.platform.db.transaction((tx) => enqueue(tx, { userId: id, kind: 'REFRESH' }));
    await expectTold(app, id);
    expect(requestsFor(clerk, 'GET', pathOf(id))).toBe(1);
  }, 60_000);

  test('of an id that can not be one of Clerk’s is done', async () => {
    await enqueueDeletions(['auth0|ada']);
    await expectTold(app);
    expect(clerk.requests).toEqual([]);
  });

  test('of somebody who is gone in Clerk is done', async () => {
    const ada = await createClerkPerson(app, clerk);
    clerk.removeUser(ada.id);
    await app.platform.db.transaction(async (tx) => {
      for (const kind of ['USERNAME', 'METADATA', 'PICTURE', 'DELETE_USER'] as const) {
        await enqueue(tx, { userId: ada.id, kind });
      }
    });
    await expectTold(app);
    expect((await ada.me()).id).toBe(ada.id);
  });
});

test('a server that stops finishes what it is sending', async () => {
  const [id = ''] = addUsers(1);
  let answer = () => {};
  const until = new Promise<void>((resolve) => {
    answer = resolve;
  });
  clerk.failWith({ until }, { path: pathOf(id) });
  const server = await start({ beside: app });
  await enqueueDeletions([id]);
  await vi.waitFor(() => expect(requestsFor(clerk, 'DELETE', pathOf(id))).toBe(1), eventually);
  const stopped = Promise.all([stop(server)]);
  answer();
  await stopped;
  await expectTold(app);
  expect(requestsFor(clerk, 'DELETE', pathOf(id))).toBe(1);
});

test('what is logged of it names nobody', async () => {
  const { log, lines } = createTestLog('debug');
  const server = await start({ beside: app, parts: { log } });
  await clerk.goAway();
  const { id } = clerk.addUser({ email: 'ada@example.com' });
  await withToken(server, id).then((ada) => ada.me());
  await vi.waitFor(async () => expect((await wishesOf(app))[0]?.lastError).toBeTruthy(), eventually);
  await clerk.comeBack();
  await expectTold(app);
  for (const secret of [id, 'ada@example.com', clerk.secretKey]) expect(JSON.stringify(lines)).not.toContain(secret);
}, 60_000);
