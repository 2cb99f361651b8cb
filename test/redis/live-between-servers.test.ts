import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { deleteAccount } from '../support/account.ts';
import { createTestApp } from '../support/app.ts';
import { type TwoServers, testBetweenServers, untilReady } from '../support/between-servers.ts';
import { createCuttable } from '../support/cuttable.ts';
import { followChanges } from '../support/follow-changes.ts';
import { createImportFolder } from '../support/import.ts';
import { changePicture, type Following, follow } from '../support/live.ts';
import { createPerson, type Person } from '../support/person.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { closeSockets, signIn } from '../support/socket.ts';
import { closeEventStreams } from '../support/sse.ts';

let redis: RedisServer;
let servers: TwoServers;
let ownAddress: string;
beforeAll(async () => {
  redis = await startRedis();
  const app = await createTestApp({ env: { REDIS_URL: redis.url } });
  const medium = await createCuttable(redis.url);
  const other = await createTestApp({ beside: app, env: { REDIS_URL: medium.connectionString } });
  const loseListeners = () => redis.send('CLIENT', 'KILL', 'TYPE', 'pubsub');
  servers = { app, other, medium, address: await other.listen(), loseListeners };
  ownAddress = await app.listen();
  await bothAre(200);
});
afterEach(() => {
  closeSockets();
  closeEventStreams();
});
afterAll(async () => {
  await servers.other.close();
  await servers.medium.cut();
  await servers.app.close();
  await redis.kill();
});

const bothAre = (status: number) => Promise.all([untilReady(servers.app, status), untilReady(servers.other, status)]);

/** Somebody whom a subscriber of each server follows. */
async function createFollowed(): Promise<{ ada: Person; followings: Following[] }> {
  const ada = await createPerson(servers.app);
  const addresses = [ownAddress, servers.address];
  const followings = await Promise.all(
    addresses.map(async (address) => follow(await signIn(address, { token: ada.token }), [ada.id])),
  );
  return { ada, followings };
}

const nextRevisions = (followings: Following[]) =>
  Promise.all(followings.map(async (following) => (await following.next()).revision));

const waitingRows = (text = '') =>
  servers.app.platform.db.prisma.announcement.count({ where: { message: { contains: text } } });
const untilNothingWaits = () => vi.waitFor(async () => expect(await waitingRows()).toBe(0), { timeout: 20_000 });

/** What a process leaves that is killed between its commit and passing on what it announced. */
const leaveBehind = (message: object) =>
  servers.app.platform.db.prisma.announcement.create({ data: { message: JSON.stringify(message) } });
const changeUnheard = ({ id }: Person) =>
  servers.app.platform.db.prisma.user.update({ where: { id }, data: { pictureRevision: { increment: 1 } } });

testBetweenServers(() => servers);

test('no connection to PostgreSQL listens', async () => {
  const listening = await servers.app.platform.db.prisma.$queryRaw`
    select query from pg_stat_activity
    where datname = current_database() and (application_name = 'visage listener' or query ilike 'listen%')`;
  expect(listening).toEqual([]);
});

test('nothing that was announced stays in the database', async () => {
  const { ada, followings } = await createFollowed();
  await Promise.all(Array.from({ length: 20 }, (_, at) => changePicture(at % 2 ? servers.app : servers.other, ada.id)));
  for (const following of followings) await following.until(ada.id, 20);
  await untilNothingWaits();
});

test('a deletion, and the work that it leaves, is told to every process', async () => {
  const { heard, close } = await redis.listen('visage:0');
  const ada = await createPerson(servers.app);
  await deleteAccount(ada);
  await vi.waitFor(() =>
    expect(heard.map((message) => JSON.parse(message))).toEqual(
      expect.arrayContaining([{ deletedUserId: ada.id }, { work: 'erasure' }]),
    ),
  );
  close();
});

test('what announces and is undone is told to nobody', async () => {
  const { ada, followings } = await createFollowed();
  const undone = servers.app.platform.db.transaction(async (tx) => {
    await tx.$executeRaw`select visage_announce(${JSON.stringify({ topic: 'picture', userId: ada.id, revision: 7 })}::json)`;
    throw new Error('undone');
  });
  await expect(undone).rejects.toThrow('undone');
  await changePicture(servers.app, ada.id);
  expect(await nextRevisions(followings)).toEqual([1, 1]);
});

describe('when Redis is killed', () => {
  test('writes go on, readiness says so, and every subscriber has the newest state after its return', async () => {
    const { ada, followings } = await createFollowed();
    await redis.kill();
    const [notReady] = await bothAre(503);
    expect(notReady).toEqual(['pubsub']);
    for (const server of [servers.app, servers.other, servers.app]) await changePicture(server, ada.id);
    expect((await ada.me()).pictureRevision).toBe(3);
    await redis.start();
    expect(await nextRevisions(followings)).toEqual([3, 3]);
    await bothAre(200);
    await changePicture(servers.other, ada.id);
    expect(await nextRevisions(followings)).toEqual([4, 4]);
    await untilNothingWaits();
  });

  test('what could not be told for half a minute leaves nobody in the database', async () => {
    const ada = await createPerson(servers.app);
    const grace = await createFollowed();
    await redis.kill();
    await bothAre(503);
    await changePicture(servers.app, grace.ada.id);
    await deleteAccount(ada);
    expect(await waitingRows(ada.id)).toBe(1);
    await servers.app.platform.db.prisma.announcement.updateMany({
      data: { announcedAt: new Date(Date.now() - 31_000) },
    });
    await vi.waitFor(async () => expect(await waitingRows(ada.id)).toBe(0), { timeout: 20_000 });
    await redis.start();
    expect(await nextRevisions(grace.followings)).toEqual([1, 1]);
    await untilNothingWaits();
    await bothAre(200);
  });
});

test('what a server that is cut off from Redis has to tell, another passes on', async () => {
  const { ada, followings } = await createFollowed();
  await servers.medium.cut();
  await untilReady(servers.other, 503);
  await changePicture(servers.other, ada.id);
  expect(await followings[0]?.next()).toMatchObject({ revision: 1 });
  await servers.medium.restore();
  expect(await followings[1]?.next()).toMatchObject({ revision: 1 });
  await bothAre(200);
});

describe('what a killed process left behind', () => {
  test('is told by the others', async () => {
    const { ada, followings } = await createFollowed();
    await changeUnheard(ada);
    await leaveBehind({ topic: 'picture', userId: ada.id, revision: 1 });
    expect(await nextRevisions(followings)).toEqual([1, 1]);
  });

  test('in great number, too', async () => {
    const { ada, followings } = await createFollowed();
    const messages = Array.from({ length: 1_200 }, (_, revision) => ({
      message: JSON.stringify({ topic: 'picture', userId: `user_${revision}`, revision }),
    }));
    await changeUnheard(ada);
    await servers.app.platform.db.prisma.announcement.createMany({ data: messages });
    await leaveBehind({ topic: 'picture', userId: ada.id, revision: 1 });
    expect(await nextRevisions(followings)).toEqual([1, 1]);
    await untilNothingWaits();
  });

  test('and was given up since, brings every subscriber up to date', async () => {
    const { ada, followings } = await createFollowed();
    await changeUnheard(ada);
    await leaveBehind({ missed: true });
    expect(await nextRevisions(followings)).toEqual([1, 1]);
  });
});

test('what is no announcement is passed over', async () => {
  const { ada, followings } = await createFollowed();
  for (const nonsense of ['', 'x', '{}', '[]', 'null', '{"topic":"picture"}']) {
    await redis.send('PUBLISH', 'visage:0', nonsense);
  }
  await changePicture(servers.app, ada.id);
  expect(await nextRevisions(followings)).toEqual([1, 1]);
});

test('what users:import changes is told by the servers', async () => {
  const ada = await createPerson(servers.app);
  const profiles = await followChanges(servers, ada.token, {
    query: 'subscription { profileUpdated { profile { bio } } }',
  });
  const folder = await createImportFolder(servers.app);
  const lines = [{ id: ada.id, profile: { bio: 'moved in' } }];
  await folder.run(lines, { env: { REDIS_URL: redis.url } });
  expect(await profiles.next()).toEqual({ profile: { bio: 'moved in' } });
});

test('deployments that have databases of their own in one Redis don’t hear each other', async () => {
  const elsewhere = await createTestApp({ env: { REDIS_URL: `${redis.url}/7` } });
  await untilReady(elsewhere, 200);
  const channels = (await redis.send('PUBSUB', 'CHANNELS')) as string[];
  expect(channels.toSorted()).toEqual(['visage:0', 'visage:7']);
  await elsewhere.close();
});

test('a server stops at once while Redis is away, and one that was told to stop while it starts', async () => {
  await redis.kill();
  const lost = await createTestApp({ beside: servers.app, env: { REDIS_URL: redis.url } });
  await untilReady(lost, 503);
  await lost.close();
  await redis.start();
  const starting = await createTestApp({ beside: servers.app, env: { REDIS_URL: redis.url } });
  await starting.close();
  await bothAre(200);
});
