import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestApp, type TestApp } from './support/app.ts';
import {
  accept,
  arriveDuring,
  block,
  decline,
  expectCountersToHold,
  expectNoImpossiblePairs,
  follow,
  listNames,
  readIds,
  readPage,
  removeFollower,
  unblock,
  unfollow,
} from './support/follow.ts';
import { createPerson, type Person } from './support/person.ts';
import { photo } from './support/pictures.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

const createPeople = (count: number): Promise<Person[]> =>
  Promise.all(Array.from({ length: count }, () => createPerson(app)));
const createPair = async () => (await createPeople(2)) as [Person, Person];

const notFound = { __typename: 'NotFoundError' };

const isThere = async (viewer: Person, { id }: Person): Promise<boolean> => {
  const query = 'query ($id: ID!) { user(by: { id: $id }) { id } node(id: $id) { id } nodes(ids: [$id]) { id } }';
  const { user, node, nodes } = await viewer.query<{ user: unknown; node: unknown; nodes: unknown[] }, object>(query, {
    id,
  });
  expect([Boolean(node), Boolean(nodes[0])]).toEqual([Boolean(user), Boolean(user)]);
  return Boolean(user);
};

test('a block ends follows and requests both ways, and neither is there for the other', async () => {
  const [ada, grace] = await createPair();
  await follow(ada, { userId: grace.id });
  await ada.upsertPrivacy({ profile: 'FOLLOWERS' });
  await follow(grace, { userId: ada.id });
  expect(await block(ada, grace.id)).toMatchObject({ __typename: 'User', id: grace.id, viewerFollow: 'NONE' });
  expect([await isThere(ada, grace), await isThere(grace, ada)]).toEqual([false, false]);
  for (const person of [ada, grace]) {
    for (const list of ['followers', 'following', 'followRequests'] as const) {
      expect(await readPage(person, person.id, list)).toMatchObject({ totalCount: 0, edges: [] });
    }
  }
  await expectCountersToHold(app);
});

test('an unblocked user is there again, and what the block ended stays ended', async () => {
  const [ada, grace] = await createPair();
  await follow(ada, { userId: grace.id });
  await follow(grace, { userId: ada.id });
  await block(ada, grace.id);
  expect(await unblock(ada, grace.id)).toMatchObject({ __typename: 'User', id: grace.id });
  expect([await isThere(ada, grace), await isThere(grace, ada)]).toEqual([true, true]);
  expect(await readIds(ada, ada.id, 'followers')).toEqual([]);
  expect(await readIds(ada, ada.id, 'following')).toEqual([]);
  expect(await follow(grace, { userId: ada.id })).toMatchObject({ state: 'FOLLOWING' });
});

test('whoever blocks, or unblocks, again changes nothing', async () => {
  const [ada, grace] = await createPair();
  const first = await block(ada, grace.id);
  expect(await block(ada, grace.id)).toEqual(first);
  expect(await readPage(ada, ada.id, 'blockedUsers')).toMatchObject({ totalCount: 1 });
  expect(await unblock(ada, grace.id)).toEqual(first);
  expect(await unblock(ada, grace.id)).toEqual(first);
  expect(await readPage(ada, ada.id, 'blockedUsers')).toMatchObject({ totalCount: 0, edges: [] });
});

test('a blocker sees of whom they block what is always visible only, in the answers and on the list', async () => {
  const [ada, grace] = await createPair();
  await grace.upsertProfile({ displayName: 'Grace', bio: 'all of it' });
  await grace.upload(await photo([300, 200]));
  await follow(grace, { studioTmdbId: 1 });
  const hiddenList = { totalCount: null, edges: [] };
  const visibleOnly = {
    __typename: 'User',
    id: grace.id,
    username: null,
    displayName: 'Grace',
    imageUrl: expect.any(String),
    picture: { id: expect.any(String) },
    viewerFollow: 'NONE',
    followsViewer: false,
    email: null,
    profile: null,
    preferences: null,
    privacy: null,
    followers: hiddenList,
    following: hiddenList,
    followRequests: { totalCount: null },
    blockedUsers: { totalCount: null },
    followedStudios: { totalCount: 0, edges: [] },
  };
  expect(await block(ada, grace.id)).toEqual(visibleOnly);
  const query = `{ me { blockedUsers { edges { since node {
    __typename id username displayName imageUrl viewerFollow followsViewer email picture { id } profile { id }
    preferences { id } privacy { id } followers { totalCount edges { node { id } } }
    following { totalCount edges { node { id } } } followRequests { totalCount } blockedUsers { totalCount }
    followedStudios { totalCount edges { node { id } } } } } } } }`;
  expect(await ada.query(query)).toEqual({
    me: { blockedUsers: { edges: [{ since: expect.any(String), node: visibleOnly }] } },
  });
  expect(await unblock(ada, grace.id)).toEqual(visibleOnly);
});

test('nobody blocks or unblocks themselves', async () => {
  const ada = await createPerson(app);
  for (const change of [block, unblock]) {
    expect(await change(ada, ada.id)).toMatchObject({ __typename: 'InvalidInputError', fields: [{ path: 'userId' }] });
  }
});

test('for whom somebody blocks they are as if they were not there, whatever is tried', async () => {
  const [ada, grace] = await createPair();
  await block(ada, grace.id);
  for (const change of [block, unblock, accept, decline, removeFollower]) {
    const missing = await change(grace, 'user_nobody');
    expect(missing).toMatchObject(notFound);
    expect(await change(grace, ada.id)).toEqual(missing);
    expect(await change(grace, `crew_1`)).toEqual(missing);
  }
  for (const change of [follow, unfollow]) {
    expect(await change(grace, { userId: ada.id })).toEqual(await change(grace, { userId: 'user_nobody' }));
  }
  expect(await readIds(ada, ada.id, 'blockedUsers')).toEqual([grace.id]);
  expect(await readPage(grace, ada.id, 'followers')).toBeNull();
});

test('lists of others leave out whom the viewer blocks or is blocked by, and count them all the same', async () => {
  const [ada, grace, alan, hedy] = (await createPeople(4)) as [Person, Person, Person, Person];
  for (const fan of [grace, alan, hedy]) {
    await follow(fan, { userId: ada.id });
    await follow(ada, { userId: fan.id });
  }
  await block(grace, alan.id);
  for (const list of ['followers', 'following'] as const) {
    expect((await readIds(grace, ada.id, list)).sort()).toEqual([grace.id, hedy.id].sort());
    expect((await readIds(alan, ada.id, list)).sort()).toEqual([alan.id, hedy.id].sort());
    for (const viewer of [ada, grace, alan, hedy]) {
      expect(await readPage(viewer, ada.id, list)).toMatchObject({ totalCount: 3 });
    }
    expect(await readIds(hedy, ada.id, list)).toHaveLength(3);
  }
});

test('pages pass over a hidden user, whom no cursor names', async () => {
  const [ada, grace, ...fans] = (await createPeople(5)) as [Person, Person, ...Person[]];
  for (const fan of fans) await follow(fan, { userId: ada.id });
  await block(grace, fans[2]?.id as string);
  const first = await readPage(grace, ada.id, 'followers', { first: 1 });
  expect(first).toMatchObject({
    totalCount: 3,
    edges: [{ node: { id: fans[1]?.id } }],
    pageInfo: { hasNextPage: true },
  });
  const cursors = Buffer.from(`${first?.pageInfo.startCursor}${first?.pageInfo.endCursor}`, 'base64url').toString();
  expect(cursors).not.toContain(fans[2]?.id);
  const next = await readPage(grace, ada.id, 'followers', { first: 5, after: first?.pageInfo.endCursor });
  expect(next?.edges.map(({ node }) => node.id)).toEqual([fans[0]?.id]);
});

test('a follow that arrives while its target blocks finds nobody', async () => {
  const [ada, grace] = await createPair();
  const [first, second] = [ada.id, grace.id].sort();
  const answer = await arriveDuring(
    app,
    [
      ['select from users where id in ($1, $2) order by id for no key update', first, second],
      ['insert into blocks (blocker_id, blocked_id) values ($1, $2)', grace.id, ada.id],
    ],
    () => follow(ada, { userId: grace.id }),
  );
  expect(answer).toMatchObject(notFound);
  await expectNoImpossiblePairs(app);
});

test('a request accepted while its sender is being blocked is gone', async () => {
  const [ada, grace] = await createPair();
  await ada.upsertPrivacy({ profile: 'PRIVATE' });
  await follow(grace, { userId: ada.id });
  const [first, second] = [ada.id, grace.id].sort();
  const answer = await arriveDuring(
    app,
    [
      ['select from users where id in ($1, $2) order by id for no key update', first, second],
      ['insert into blocks (blocker_id, blocked_id) values ($1, $2)', grace.id, ada.id],
      ['delete from follow_requests where requester_id = $1', grace.id],
    ],
    () => accept(ada, grace.id),
  );
  expect(answer).toMatchObject(notFound);
  await expectNoImpossiblePairs(app);
});

test('a block that arrives while the other follows ends that follow', async () => {
  const [ada, grace] = await createPair();
  const answer = await arriveDuring(
    app,
    [['insert into follows (follower_id, followee_id) values ($1, $2)', ada.id, grace.id]],
    () => block(grace, ada.id),
  );
  expect(answer).toMatchObject({ __typename: 'User' });
  await expectNoImpossiblePairs(app);
  await expectCountersToHold(app);
});

test('of two who block each other in the same moment one is first, and for the other nobody is there', async () => {
  for (let round = 0; round < 10; round += 1) {
    const [ada, grace] = await createPair();
    const answers = await Promise.all([block(ada, grace.id), block(grace, ada.id)]);
    expect(answers.map(({ __typename }) => __typename).sort()).toEqual(['NotFoundError', 'User']);
  }
  await expectNoImpossiblePairs(app);
});

test('whoever is deleted while they are blocked or followed leaves no count behind', async () => {
  for (let round = 0; round < 5; round += 1) {
    const [ada, grace, alan] = (await createPeople(3)) as [Person, Person, Person];
    await follow(grace, { userId: ada.id });
    const deletion = app.platform.db.transaction((tx) => tx.user.delete({ where: { id: ada.id } }));
    await Promise.all([deletion, follow(alan, { userId: ada.id }), block(grace, ada.id)]);
    expect(await readPage(grace, grace.id, 'following')).toMatchObject({ totalCount: 0 });
  }
  await expectCountersToHold(app);
});

test('a block is one statement, and one more reads the user of the answer', async () => {
  const [ada, grace] = await createPair();
  for (const field of ['blockUser', 'unblockUser']) {
    app.takeStatements();
    await ada.query(`mutation ($id: ID!) { ${field}(userId: $id) { ... on User { id displayName } } }`, {
      id: grace.id,
    });
    expect(app.takeStatements()).toHaveLength(2);
  }
});

test('the lists of a blocked user stay empty for the blocker by every path', async () => {
  const [ada, grace, alan] = (await createPeople(3)) as [Person, Person, Person];
  await follow(alan, { userId: grace.id });
  await follow(grace, { userId: alan.id });
  await block(ada, grace.id);
  for (const list of listNames) expect(await readPage(ada, grace.id, list)).toBeNull();
  const nested = `{ user(by: { id: "${alan.id}" }) { followers { edges { node { followers { totalCount } } } } } }`;
  expect(await ada.query(nested)).toEqual({ user: { followers: { edges: [] } } });
});

test('on the list of those whom they block, a picture still says whose it is', async () => {
  const [ada, grace] = await createPair();
  await grace.upload(await photo([80, 80]));
  await block(ada, grace.id);
  const query = '{ me { blockedUsers { edges { node { picture { user { id profile { id } } } } } } } }';
  expect(await ada.query(query)).toEqual({
    me: { blockedUsers: { edges: [{ node: { picture: { user: { id: grace.id, profile: null } } } }] } },
  });
});
