import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestApp, type TestApp } from './support/app.ts';
import {
  accept,
  block,
  expectCountersToHold,
  follow,
  readIds,
  readPage,
  removeFollower,
  unfollow,
} from './support/follow.ts';
import { anonymous, createPerson, type Person } from './support/person.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

const createPeople = (count: number): Promise<Person[]> =>
  Promise.all(Array.from({ length: count }, () => createPerson(app)));

const createPair = async () => (await createPeople(2)) as [Person, Person];

test('a user follows another, and both of their lists and counts say so', async () => {
  const [ada, grace] = await createPair();
  const answer = await follow(ada, { userId: grace.id });
  expect(answer).toEqual({
    __typename: 'Follow',
    state: 'FOLLOWING',
    since: expect.any(String),
    follower: { id: ada.id },
    target: { __typename: 'User', id: grace.id, viewerFollow: 'FOLLOWING' },
  });
  const anybody = anonymous(app);
  const edge = { cursor: expect.any(String), since: answer.since };
  expect(await readPage(anybody, grace.id, 'followers')).toMatchObject({
    totalCount: 1,
    edges: [{ ...edge, node: { id: ada.id } }],
  });
  expect(await readPage(anybody, ada.id, 'following')).toMatchObject({
    totalCount: 1,
    edges: [{ ...edge, node: { id: grace.id } }],
  });
});

test('a user who follows again keeps the time of the first follow, and counts once', async () => {
  const [ada, grace] = await createPair();
  const first = await follow(ada, { userId: grace.id });
  expect(await follow(ada, { userId: grace.id })).toEqual(first);
  expect(await readPage(ada, grace.id, 'followers')).toMatchObject({ totalCount: 1 });
});

test('a user unfollows, once or twice', async () => {
  const [ada, grace] = await createPair();
  await follow(ada, { userId: grace.id });
  for (let time = 0; time < 2; time += 1) {
    expect(await unfollow(ada, { userId: grace.id })).toMatchObject({
      state: 'NONE',
      since: null,
      follower: { id: ada.id },
      target: { id: grace.id, viewerFollow: 'NONE' },
    });
  }
  expect(await readPage(ada, grace.id, 'followers')).toMatchObject({ totalCount: 0, edges: [] });
});

test('a user removes a follower, once or twice, who may follow again', async () => {
  const [ada, grace] = await createPair();
  await follow(grace, { userId: ada.id });
  for (let time = 0; time < 2; time += 1) {
    expect(await removeFollower(ada, grace.id)).toMatchObject({
      state: 'NONE',
      since: null,
      follower: { id: grace.id },
      target: { id: ada.id },
    });
  }
  expect(await readIds(ada, ada.id, 'followers')).toEqual([]);
  expect(await follow(grace, { userId: ada.id })).toMatchObject({ state: 'FOLLOWING' });
});

test('nobody follows, unfollows or removes themselves', async () => {
  const ada = await createPerson(app);
  const refused = (path: string) => ({ __typename: 'InvalidInputError', fields: [{ path }] });
  expect(await follow(ada, { userId: ada.id })).toMatchObject(refused('target.userId'));
  expect(await unfollow(ada, { userId: ada.id })).toMatchObject(refused('target.userId'));
  expect(await removeFollower(ada, ada.id)).toMatchObject(refused('userId'));
});

test('a user who is not there and one who blocks give the same answer', async () => {
  const [ada, grace] = await createPair();
  await block(grace, ada.id);
  for (const change of [follow, unfollow]) {
    const missing = await change(ada, { userId: 'user_nobody' });
    expect(missing).toMatchObject({ __typename: 'NotFoundError' });
    expect(await change(ada, { userId: grace.id })).toEqual(missing);
    expect(await change(grace, { userId: ada.id })).toEqual(missing);
    expect(await change(ada, { userId: `profile_${grace.id}` })).toEqual(missing);
  }
  expect(await removeFollower(ada, grace.id)).toEqual(await removeFollower(ada, 'user_nobody'));
});

test.each([
  ['crewMemberTmdbId', 'CrewMember', 'crew_', 'crewMember', 'followedCrewMembers'],
  ['studioTmdbId', 'Studio', 'studio_', 'studio', 'followedStudios'],
] as const)('a user follows by %s, and the counts say so', async (input, __typename, prefix, field, list) => {
  const [ada, grace] = await createPair();
  const tmdbId = input === 'studioTmdbId' ? 2_147_483_647 : 137_427;
  const id = `${prefix}${tmdbId}`;
  const read = async (viewer: Person) =>
    (
      await viewer.query<Record<string, object>, object>(
        `query ($tmdbId: Int!) { ${field}(tmdbId: $tmdbId) { id tmdbId followerCount viewerFollow } }`,
        { tmdbId },
      )
    )[field];
  expect(await read(anonymous(app))).toEqual({ id, tmdbId, followerCount: 0, viewerFollow: 'NONE' });

  const first = await follow(ada, { [input]: tmdbId });
  const target = { __typename, id, followerCount: 1, viewerFollow: 'FOLLOWING' };
  expect(first).toEqual({
    __typename: 'Follow',
    state: 'FOLLOWING',
    since: expect.any(String),
    follower: { id: ada.id },
    target,
  });
  expect(await follow(ada, { [input]: tmdbId })).toEqual(first);
  await follow(grace, { [input]: tmdbId });
  expect(await read(grace)).toEqual({ id, tmdbId, followerCount: 2, viewerFollow: 'FOLLOWING' });
  expect(await read(anonymous(app))).toEqual({ id, tmdbId, followerCount: 2, viewerFollow: 'NONE' });
  expect(await readPage(grace, ada.id, list)).toMatchObject({
    totalCount: 1,
    edges: [{ node: { id }, since: first.since }],
  });

  for (let time = 0; time < 2; time += 1) {
    expect(await unfollow(ada, { [input]: tmdbId })).toMatchObject({
      state: 'NONE',
      since: null,
      target: { followerCount: 1, viewerFollow: 'NONE' },
    });
  }
  await expectCountersToHold(app);
});

test.each([0, -1])('the id %i of The Movie Database stands for nothing', async (tmdbId) => {
  const ada = await createPerson(app);
  for (const change of [follow, unfollow]) {
    for (const input of ['crewMemberTmdbId', 'studioTmdbId']) {
      expect(await change(ada, { [input]: tmdbId })).toMatchObject({
        __typename: 'InvalidInputError',
        fields: [{ path: `target.${input}` }],
      });
    }
  }
  for (const field of ['crewMember', 'studio']) {
    const { errors } = await ada.ask(`query ($tmdbId: Int!) { ${field}(tmdbId: $tmdbId) { id } }`, { tmdbId });
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  }
});

test('crew members and studios are nodes, and ids that stand for none are null', async () => {
  const ada = await createPerson(app);
  await follow(ada, { crewMemberTmdbId: 5 });
  const ids = ['crew_5', 'studio_5', 'crew_0', 'crew_05', 'crew_', 'studio_2147483648', 'studio_x', 'crew_1e3', ada.id];
  app.takeStatements();
  const { nodes } = await ada.query<{ nodes: object[] }, object>(
    `query ($ids: [ID!]!) {
      nodes(ids: $ids) { __typename id ... on CrewMember { viewerFollow } ... on Studio { viewerFollow } }
    }`,
    { ids },
  );
  expect(nodes).toEqual([
    { __typename: 'CrewMember', id: 'crew_5', viewerFollow: 'FOLLOWING' },
    { __typename: 'Studio', id: 'studio_5', viewerFollow: 'NONE' },
    ...Array(6).fill(null),
    { __typename: 'User', id: ada.id },
  ]);
  expect(app.takeStatements()).toHaveLength(3);
});

test('whoever asks for many crew members at once reads them in one statement', async () => {
  const ada = await createPerson(app);
  const fields = Array.from(
    { length: 30 },
    (_, i) => `c${i}: crewMember(tmdbId: ${i + 1}) { viewerFollow followerCount }`,
  );
  app.takeStatements();
  await ada.query(`{ ${fields.join(' ')} }`);
  expect(app.takeStatements()).toHaveLength(1);
});

test('a target is exactly one of user, crew member and studio', async () => {
  const ada = await createPerson(app);
  const query = 'mutation ($target: FollowTarget!) { follow(target: $target) { __typename } }';
  for (const target of [
    {},
    { userId: 'user_x', studioTmdbId: 1 },
    { userId: null },
    { crewMemberTmdbId: 3_000_000_000 },
  ]) {
    const { status, errors } = await ada.ask(query, { target });
    expect(status).toBe(200);
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  }
});

test.each([
  'follow(target: { userId: "user_x" })',
  'unfollow(target: { studioTmdbId: 1 })',
  'acceptFollowRequest(userId: "user_x")',
  'declineFollowRequest(userId: "user_x")',
  'removeFollower(userId: "user_x")',
  'blockUser(userId: "user_x")',
  'unblockUser(userId: "user_x")',
])('whoever is not signed in can not %s', async (field) => {
  const { data, errors } = await anonymous(app).ask(`mutation { ${field} { __typename } }`);
  expect(data).toBeNull();
  expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
});

test('a follow is one statement, and one more reads both users where they are asked for', async () => {
  const [ada, grace] = await createPair();
  const variables = { target: { userId: grace.id } };
  for (const field of ['follow', 'unfollow']) {
    app.takeStatements();
    await ada.query(
      `mutation ($target: FollowTarget!) { ${field}(target: $target) { ... on Follow { state since } } }`,
      variables,
    );
    expect(app.takeStatements()).toHaveLength(1);
    await (field === 'follow' ? follow : unfollow)(ada, variables.target);
    expect(app.takeStatements()).toHaveLength(2);
  }
});

test('follows are their own record, and in no audit log', async () => {
  const [ada, grace] = await createPair();
  await grace.upsertPrivacy({ profile: 'FOLLOWERS' });
  for (let time = 0; time < 2; time += 1) await follow(ada, { userId: grace.id });
  await accept(grace, ada.id);
  for (let time = 0; time < 2; time += 1) await removeFollower(grace, ada.id);
  for (let time = 0; time < 2; time += 1) await follow(ada, { studioTmdbId: 1 });
  for (let time = 0; time < 2; time += 1) await unfollow(ada, { studioTmdbId: 1 });
  const { prisma } = app.platform.db;
  const actionsOf = async ({ id }: Person) => {
    const entries = await prisma.auditEntry.findMany({ where: { userId: id, actor: 'OWNER' }, orderBy: { id: 'asc' } });
    return entries.map(({ action }) => action).slice(1);
  };
  expect(await actionsOf(ada)).toEqual([]);
  expect(await actionsOf(grace)).toEqual(['privacy.changed']);
});

test('two who follow each other in the same moment, over and over, neither deadlock nor miscount', async () => {
  const [ada, grace] = await createPair();
  for (let round = 0; round < 20; round += 1) {
    const change = round % 2 ? unfollow : follow;
    const answers = await Promise.all([
      ...Array.from({ length: 3 }, () => change(ada, { userId: grace.id })),
      ...Array.from({ length: 3 }, () => change(grace, { userId: ada.id })),
    ]);
    expect(answers.map(({ state }) => state)).toEqual(Array(6).fill(round % 2 ? 'NONE' : 'FOLLOWING'));
  }
  await expectCountersToHold(app);
});

test('a hundred who follow one user in the same moment are counted, every one', async () => {
  const [ada, ...fans] = (await createPeople(101)) as [Person, ...Person[]];
  const answers = await Promise.all(fans.map((fan) => follow(fan, { userId: ada.id })));
  expect(answers.every(({ state }) => state === 'FOLLOWING')).toBe(true);
  expect(await readPage(ada, ada.id, 'followers')).toMatchObject({ totalCount: 100 });
  await expectCountersToHold(app);
});
