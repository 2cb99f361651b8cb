import { getOperationAST, isObjectType, parse } from 'graphql';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { readShareable } from '../src/graphql/shareable.ts';
import { schema } from '../src/schema.ts';
import { createAdministrator, readsIn } from './support/administrator.ts';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { block, unblock } from './support/follow.ts';
import { changePicture } from './support/live.ts';
import { createPerson, type Person } from './support/person.ts';
import { photo } from './support/pictures.ts';
import { model } from './support/privacy-model.ts';
import { closeSockets, type Socket, signIn } from './support/socket.ts';

let app: TestApp;
let address: string;
beforeAll(async () => {
  app = await createTestApp({ env: { ADMIN_CLAIM: 'metadata.role=admin' } });
  address = await app.listen();
});
afterEach(closeSockets);
afterAll(() => app.close());

const people = (count: number) => Promise.all(Array.from({ length: count }, () => createPerson(app)));

const pictures = `subscription ($userIds: [ID!], $size: Int) {
  profilePictureUpdated(userIds: $userIds) { userId revision imageUrl(size: $size) user { displayName } }
}`;
const profiles = 'subscription ($userIds: [ID!]) { profileUpdated(userIds: $userIds) { id displayName updatedAt } }';

/** As some client may name it. */
const operationId = 'größer 🐘';

/** Subscribes each viewer on a socket of their own, and waits until all have begun. */
async function subscribe(viewers: Person[], query: string, variables: object): Promise<Socket[]> {
  return Promise.all(
    viewers.map(async ({ token }) => {
      const socket = await signIn(address, token ? { token } : undefined);
      socket.send({ type: 'subscribe', id: operationId, payload: { query, variables } });
      // It was sent later and has a longer way, to the database: by its answer the subscription is there.
      await socket.ask('{ user(by: { id: "user_nobody" }) { id } }');
      return socket;
    }),
  );
}

const nextOf = async (socket: Socket) => {
  const { type, id, payload } = await socket.next();
  expect({ type, id }).toEqual({ type: 'next', id: operationId });
  return payload;
};
/** What each is told next, as it came. */
const nextOfAll = (sockets: Socket[]) => Promise.all(sockets.map(nextOf));

const readsFor = (query: string) => {
  const document = parse(query);
  const operation = getOperationAST(document);
  if (!operation) throw new Error('Expected one operation.');
  const names = readShareable(schema, document, operation);
  return names && [...names];
};

describe('messages are the same for all', () => {
  test.each([
    ['subscription { profilePictureUpdated { userId revision updatedAt __typename } }', []],
    ['subscription ($of: [ID!]) { profilePictureUpdated(userIds: $of) { userId } }', []],
    ['subscription ($s: Int) { profilePictureUpdated { small: imageUrl(size: $s) } }', ['s']],
    [
      'subscription ($s: Int!) { profilePictureUpdated { ...A } } fragment A on ProfilePictureUpdate { picture { url(size: $s) } }',
      ['s'],
    ],
    [
      'subscription ($is: Boolean!) { profilePictureUpdated { revision @skip(if: $is) ... @include(if: $is) { userId } } }',
      ['is'],
    ],
    ['subscription { profileUpdated { id username displayName picture { id variants { url } } } }', []],
  ])('of %s', (query, names) => {
    expect(readsFor(query)).toEqual(names);
  });

  test.each([
    ['subscription { profileUpdated { id email } }'],
    ['subscription { profileUpdated { id viewerFollow } }'],
    ['subscription { profileUpdated { id profile { bio } } }'],
    ['subscription { profilePictureUpdated { user { followsViewer } } }'],
    ['subscription { profilePictureUpdated { picture { originalName } } }'],
    ['subscription { profilePictureUpdated { picture { user { id } } } }'],
    [
      'subscription { profilePictureUpdated { ...A } } fragment A on ProfilePictureUpdate { user { ...B } } fragment B on User { events(first: 1) { edges { cursor } } }',
    ],
    ['subscription { profileUpdated { ... on Node { id } } }'],
    ['subscription ($is: Boolean!) { profileUpdated @include(if: $is) { id } }'],
    ['subscription { preferencesUpdated { __typename } }'],
  ])('but not of %s', (query) => {
    expect(readsFor(query)).toBeNull();
  });

  test('in no field that not everybody sees who may know of the user', () => {
    const shared = Object.values(schema.getTypeMap()).flatMap((type) =>
      isObjectType(type) && type !== schema.getSubscriptionType()
        ? Object.values(type.getFields()).flatMap(({ name, extensions }) =>
            extensions.sameForAll ? [{ name: `${type.name}.${name}`, rule: model[type.name]?.[name] }] : [],
          )
        : [],
    );
    expect(shared.length).toBeGreaterThan(20);
    // A version's are of the active one alone; a picture's own user is read anew for who asks.
    const isForAll = (rule: string | undefined) => ['always', 'version', 'page', 'answer'].includes(rule ?? '');
    expect(shared.filter(({ rule }) => !isForAll(rule))).toEqual([]);
    expect(shared.map(({ name }) => name)).not.toContain('ProfilePicture.user');
  });
});

describe('whoever asked for the same', () => {
  test('gets the same message, each under the name that they gave to the subscription', async () => {
    const [ada, ...viewers] = (await people(4)) as [Person, ...Person[]];
    const sockets = await subscribe([ada, ...viewers], pictures, { userIds: [ada.id] });
    await ada.upload(await photo([200, 200]));
    const payloads = await nextOfAll(sockets);
    expect(payloads[0]).toMatchObject({ data: { profilePictureUpdated: { userId: ada.id, revision: 1 } } });
    expect(new Set(payloads.map((payload) => JSON.stringify(payload))).size).toBe(1);
  });

  test('with other variables gets other messages, and one left out is not one that is null', async () => {
    const [ada, viewer] = (await people(2)) as [Person, Person];
    await ada.upload(await photo([600, 600]));
    const sockets = [];
    for (const choice of [{ size: 64 }, { size: 512 }, {}, { size: null }, { size: 9_999 }]) {
      sockets.push(...(await subscribe([viewer], pictures, { userIds: [ada.id], ...choice })));
    }
    await changePicture(app, ada.id);
    const [small, large, unset, none, refused] = await nextOfAll(sockets);
    const urlOf = ({ data }: typeof small) => data.profilePictureUpdated.imageUrl;
    expect(urlOf(small)).not.toBe(urlOf(large));
    expect(urlOf(unset)).toBe(urlOf(none));
    expect(refused).toMatchObject({ data: null, errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
    expect(JSON.stringify(refused)).not.toContain('"http"');
  });

  test('follows whom they named, and knows what they knew', async () => {
    const [ada, grace, viewer] = (await people(3)) as [Person, Person, Person];
    const query = `subscription ($userIds: [ID!], $known: [KnownPictureRevision!]) {
      profilePictureUpdated(userIds: $userIds, known: $known) { userId revision }
    }`;
    await changePicture(app, ada.id);
    const [behind] = await subscribe([viewer], query, { userIds: [grace.id] });
    const socket = await signIn(address, { token: viewer.token });
    const variables = { userIds: [ada.id, grace.id], known: [{ userId: ada.id, revision: 0 }] };
    socket.send({ type: 'subscribe', id: operationId, payload: { query, variables } });
    expect(await nextOf(socket)).toEqual({ data: { profilePictureUpdated: { userId: ada.id, revision: 1 } } });
    await changePicture(app, grace.id);
    for (const each of [socket, behind as Socket]) {
      expect(await nextOf(each)).toEqual({ data: { profilePictureUpdated: { userId: grace.id, revision: 1 } } });
    }
  });

  test('gets what is theirs alone where they asked for that', async () => {
    const [ada, grace] = (await people(2)) as [Person, Person];
    await app.platform.db.prisma.user.update({ where: { id: ada.id }, data: { email: 'ada@visage.test' } });
    const query = `subscription ($userIds: [ID!]) {
      profilePictureUpdated(userIds: $userIds) { revision user { email viewerFollow followsViewer profile { bio } } }
    }`;
    await app.platform.db.prisma.follow.create({ data: { followerId: grace.id, followeeId: ada.id } });
    const sockets = await subscribe([ada, grace], query, { userIds: [ada.id] });
    await changePicture(app, ada.id);
    const [own, foreign] = (await nextOfAll(sockets)).map(({ data }) => data.profilePictureUpdated.user);
    expect(own).toMatchObject({ email: 'ada@visage.test', viewerFollow: 'NONE' });
    expect(foreign).toMatchObject({ email: null, viewerFollow: 'FOLLOWING' });
  });

  test('is told by nobody of somebody whom they may not know', async () => {
    const [ada, blocked, blocking, other, beacon] = (await people(5)) as [Person, Person, Person, Person, Person];
    const all = [blocked, blocking, other, ada];
    for (const [query, change] of [
      [pictures, ({ id }: Person) => changePicture(app, id)],
      [profiles, (person: Person) => person.upsertProfile({ displayName: `Zoë ${randomId()}` })],
    ] as const) {
      const sockets = await subscribe(all, query, { userIds: [ada.id, beacon.id] });
      const toldOf = async (who: Socket[]) =>
        (await nextOfAll(who)).map(({ data }) => {
          const update = data.profilePictureUpdated ?? data.profileUpdated;
          return update.userId ?? update.id;
        });
      await block(ada, blocked.id);
      await block(blocking, ada.id);
      await change(ada);
      expect(await toldOf(sockets.slice(2))).toEqual([ada.id, ada.id]);
      await change(beacon);
      expect(await toldOf(sockets)).toEqual(all.map(() => beacon.id));
      await unblock(ada, blocked.id);
      await unblock(blocking, ada.id);
      await change(ada);
      expect(await toldOf(sockets)).toEqual(all.map(() => ada.id));
    }
  });

  test('is told nothing of somebody who is in more blocks than are read at once, if one of these is theirs', async () => {
    const [ada, blocked, other] = (await people(3)) as [Person, Person, Person];
    const { prisma } = app.platform.db;
    await prisma.$executeRaw`insert into users (id) select ${ada.id} || '_' || n from generate_series(1, 1001) n`;
    await prisma.$executeRaw`
      insert into blocks (blocker_id, blocked_id) select ${ada.id} || '_' || n, ${ada.id} from generate_series(1, 1001) n`;
    const beacon = await createPerson(app);
    const sockets = await subscribe([blocked, other], pictures, { userIds: [ada.id, beacon.id] });
    await block(blocked, ada.id);
    await changePicture(app, ada.id);
    expect(await nextOf(sockets[1] as Socket)).toMatchObject({ data: { profilePictureUpdated: { userId: ada.id } } });
    await changePicture(app, beacon.id);
    expect(await nextOf(sockets[0] as Socket)).toMatchObject({
      data: { profilePictureUpdated: { userId: beacon.id } },
    });
  });

  test('is told of a change of who sees the profile', async () => {
    const [ada, grace] = (await people(2)) as [Person, Person];
    const sockets = await subscribe([ada, grace], profiles, { userIds: [ada.id] });
    await ada.upsertPrivacy({ profile: 'PRIVATE' });
    for (const { data } of await nextOfAll(sockets)) expect(data.profileUpdated).toMatchObject({ id: ada.id });
  });

  test('and administrates has it written down', async () => {
    const [ada, other] = (await people(2)) as [Person, Person];
    const administrator = await createAdministrator(app);
    await block(ada, administrator.id);
    const sockets = await subscribe([administrator, other], pictures, { userIds: [ada.id] });
    await changePicture(app, ada.id);
    await nextOfAll(sockets);
    expect(await readsIn(ada)).toContainEqual(['user']);
  });
});

test('who is behind on many users is told of all of them, and each is read once for it', async () => {
  const viewer = await createPerson(app);
  const userIds = Array.from({ length: 100 }, () => `user_${randomId()}`);
  const { user, profile, privacy } = app.platform.db.prisma;
  await user.createMany({ data: userIds.map((id) => ({ id })) });
  await profile.createMany({ data: userIds.map((userId) => ({ userId })), skipDuplicates: true });
  await privacy.createMany({ data: userIds.map((userId) => ({ userId })), skipDuplicates: true });
  const socket = await signIn(address, { token: viewer.token });
  app.takeStatements();
  const query = `subscription ($known: [KnownPictureRevision!], $userIds: [ID!]) {
    profilePictureUpdated(userIds: $userIds, known: $known) { userId }
  }`;
  const variables = { userIds, known: userIds.map((userId) => ({ userId, revision: -1 })) };
  socket.send({ type: 'subscribe', id: operationId, payload: { query, variables } });
  const told = [];
  for (const _ of userIds) told.push((await nextOf(socket)).data.profilePictureUpdated.userId);
  expect(told.toSorted()).toEqual(userIds.toSorted());
  // Of the users, and of the blocks that they are in; more where the kernel had no room in between.
  expect(app.takeStatements().filter((sql) => /\basked\b/.test(sql)).length).toBeLessThan(10);
});

test('a subscription that ended is told nothing more, whoever else goes on', async () => {
  const [ada, grace] = (await people(2)) as [Person, Person];
  const [ended, open] = (await subscribe([grace, grace], pictures, { userIds: [ada.id] })) as [Socket, Socket];
  await changePicture(app, ada.id);
  const { id } = await ended.next();
  await nextOf(open);
  ended.send({ type: 'complete', id: id as string });
  await ended.ask('{ user(by: { id: "user_nobody" }) { id } }');
  await changePicture(app, ada.id);
  await nextOf(open);
  expect(await ended.ask('{ user(by: { id: "user_nobody" }) { id } }')).toEqual([{ data: { user: null } }]);
});
