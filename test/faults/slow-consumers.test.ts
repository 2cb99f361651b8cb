import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createTestApp, type TestApp } from '../support/app.ts';
import { follow } from '../support/live.ts';
import { createPerson, type Person } from '../support/person.ts';
import { closeSockets, signIn } from '../support/socket.ts';
import { closeEventStreams, openEventStream } from '../support/sse.ts';

let app: TestApp;
let address: string;
beforeAll(async () => {
  app = await createTestApp({ parts: { stuckAfterMs: 3_000 } });
  address = await app.listen();
});
afterEach(() => {
  closeSockets();
  closeEventStreams();
});
afterAll(() => app.close());

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const slowCount = 100;
/** Of each person: over 50,000 in all, some in each transaction. */
const changes = 250;
const changesAtOnce = 10;

/** Messages of 40 kB, so that those who take nothing soon fill what the kernel has for them. */
const longQuery = `subscription ($userIds: [ID!], $known: [KnownPictureRevision!]) {
  profilePictureUpdated(userIds: $userIds, known: $known) {
    userId revision ${Array.from({ length: 40 }, (_, at) => `${'long'.repeat(250)}${at}: updatedAt`).join(' ')}
  }
}`;

/** Changes the picture of each so many times at once, every change announced. */
async function changeMany(people: Person[], times: number): Promise<void> {
  await app.platform.db.prisma.$executeRawUnsafe(`
    do $$ declare changed record; begin
      for round in 1..${times} loop
        for changed in update users set picture_revision = picture_revision + 1
          where id in (${people.map(({ id }) => `'${id}'`).join()}) returning id, picture_revision loop
          perform pg_notify('visage', json_build_object(
            'topic', 'picture', 'userId', changed.id, 'revision', changed.picture_revision)::text);
        end loop;
      end loop;
    end $$`);
}

/** A socket that takes nothing once its subscription has begun. */
async function openSlowSocket({ id, token }: Person) {
  const socket = await signIn(address, { token });
  const variables = { userIds: [id], known: [{ userId: id, revision: -1 }] };
  socket.send({ type: 'subscribe', id: 'slow', payload: { query: longQuery, variables } });
  await socket.expect('next', 'slow');
  socket.raw.pause();
  return socket;
}

/** The same over server-sent events. */
async function openSlowStream({ id, token }: Person): Promise<IncomingMessage> {
  const asking = request(new URL('/graphql', address), {
    method: 'POST',
    agent: false,
    headers: {
      accept: 'text/event-stream',
      'content-type': 'application/json',
      authorization: `Bearer ${token}`,
    },
  });
  asking.on('error', () => undefined);
  const variables = { userIds: [id], known: [{ userId: id, revision: -1 }] };
  asking.end(JSON.stringify({ query: longQuery, variables }));
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  response.on('error', () => undefined);
  await once(response, 'readable');
  return response;
}

const follows = (people: Person[]) => {
  const followed = new Set(app.platform.live.subscribedUserIds('picture'));
  return people.filter(({ id }) => followed.has(id)).length;
};

test('100 sockets and 100 streams that take nothing cost nobody anything, and are cut off in the end', async () => {
  const [slow, healthy] = [
    await Promise.all(Array.from({ length: 2 * slowCount }, () => createPerson(app))),
    await Promise.all(Array.from({ length: 5 }, () => createPerson(app))),
  ];
  const sockets = await Promise.all(slow.slice(0, slowCount).map(openSlowSocket));
  await Promise.all(slow.slice(slowCount).map(openSlowStream));
  // Each hears of one person; whoever hears of another has heard what isn't theirs.
  const followings = await Promise.all(
    healthy.map(async (person) => follow(await signIn(address, { token: person.token }), [person.id])),
  );
  const events = await openEventStream(address, {
    token: healthy[0]?.token ?? null,
    query: 'subscription { profilePictureUpdated { userId revision } }',
  });
  const heardOfEvents = hear(async () => (await events.next()).data.profilePictureUpdated, healthy[0] as Person);
  collectGarbage();
  const before = process.memoryUsage();

  const everybody = [...slow, ...healthy];
  for (let done = 0; done < changes; done += changesAtOnce) await changeMany(everybody, changesAtOnce);
  await Promise.all(followings.map((following, at) => hear(following.next, healthy[at] as Person)));
  await heardOfEvents;

  collectGarbage();
  const after = process.memoryUsage();
  const growth = after.heapUsed + after.external - before.heapUsed - before.external;
  expect(growth / slow.length).toBeLessThan(1024 * 1024);

  // Those who take nothing go, sockets and streams, with all that they followed.
  while (follows(slow) > 0) await changeMany(slow, 1);
  for (const { raw } of sockets) raw.resume();
  for (const { closed } of sockets) expect((await closed).code).toBe(1006);
  await changeMany(healthy, 1);
  for (const [at, following] of followings.entries()) {
    expect(await following.next()).toMatchObject({ userId: healthy[at]?.id });
  }
}, 170_000);

/** Hears until the newest state has come: of this person alone, and ever newer. */
async function hear(next: () => Promise<{ userId: string; revision: number }>, { id }: Person): Promise<void> {
  for (let heard = 0; heard < changes; ) {
    const { userId, revision } = await next();
    expect(userId).toBe(id);
    expect(revision).toBeGreaterThan(heard);
    heard = revision;
  }
}

test('who stands still for a while gets the newest state when they go on', async () => {
  const ada = await createPerson(app);
  const socket = await openSlowSocket(ada);
  await changeMany([ada], 200);
  socket.raw.resume();
  let told = 0;
  while (told < 200) {
    const { revision } = (await socket.expect('next', 'slow')).data.profilePictureUpdated;
    expect(revision).toBeGreaterThan(told);
    told = revision;
  }
});
