import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestApp, type TestApp } from './support/app.ts';
import {
  accept,
  arriveDuring,
  decline,
  expectCountersToHold,
  expectNoImpossiblePairs,
  follow,
  readIds,
  readPage,
  removeFollower,
  unfollow,
} from './support/follow.ts';
import { createPerson, type Person } from './support/person.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

/** Ada, whose profile isn't PUBLIC, and Grace. */
async function createPair(profile: 'FOLLOWERS' | 'PRIVATE' = 'FOLLOWERS'): Promise<[Person, Person]> {
  const [ada, grace] = [await createPerson(app), await createPerson(app)];
  await ada.upsertPrivacy({ profile });
  return [ada, grace];
}

const notFound = { __typename: 'NotFoundError' };

test.each(['FOLLOWERS', 'PRIVATE'] as const)('a follow of a %s profile starts as a request', async (profile) => {
  const [ada, grace] = await createPair(profile);
  const first = await follow(grace, { userId: ada.id });
  expect(first).toEqual({
    __typename: 'Follow',
    state: 'REQUESTED',
    since: expect.any(String),
    follower: { id: grace.id },
    target: { __typename: 'User', id: ada.id, viewerFollow: 'REQUESTED' },
  });
  expect(await follow(grace, { userId: ada.id })).toEqual(first);
  expect(await readPage(ada, ada.id, 'followRequests')).toMatchObject({
    totalCount: 1,
    edges: [{ node: { id: grace.id }, since: first.since }],
  });
  expect(await readPage(ada, ada.id, 'followers')).toMatchObject({ totalCount: 0, edges: [] });
});

test('an accepted requester follows, and the request is gone', async () => {
  const [ada, grace] = await createPair();
  await follow(grace, { userId: ada.id });
  expect(await accept(ada, grace.id)).toEqual({
    __typename: 'Follow',
    state: 'FOLLOWING',
    since: expect.any(String),
    follower: { id: grace.id },
    target: { __typename: 'User', id: ada.id, viewerFollow: 'NONE' },
  });
  expect(await readIds(ada, ada.id, 'followers')).toEqual([grace.id]);
  expect(await readPage(ada, ada.id, 'followRequests')).toMatchObject({ totalCount: 0, edges: [] });
  expect(await accept(ada, grace.id)).toMatchObject(notFound);
  expect(await follow(grace, { userId: ada.id })).toMatchObject({ state: 'FOLLOWING' });
});

test('a declined requester does not follow, and may ask again', async () => {
  const [ada, grace] = await createPair();
  await follow(grace, { userId: ada.id });
  expect(await decline(ada, grace.id)).toMatchObject({ state: 'NONE', since: null, follower: { id: grace.id } });
  expect(await readIds(ada, ada.id, 'followers')).toEqual([]);
  expect(await decline(ada, grace.id)).toMatchObject(notFound);
  expect(await accept(ada, grace.id)).toMatchObject(notFound);
  expect(await follow(grace, { userId: ada.id })).toMatchObject({ state: 'REQUESTED' });
});

test('a request taken back can not be accepted', async () => {
  const [ada, grace] = await createPair();
  await follow(grace, { userId: ada.id });
  expect(await unfollow(grace, { userId: ada.id })).toMatchObject({ state: 'NONE', since: null });
  expect(await accept(ada, grace.id)).toMatchObject(notFound);
  expect(await readPage(ada, ada.id, 'followRequests')).toMatchObject({ totalCount: 0 });
});

test('nobody accepts or declines where there is no request, whoever is named', async () => {
  const [ada, grace] = await createPair();
  const strangers = [grace.id, ada.id, 'user_nobody', `privacy_${grace.id}`];
  for (const change of [accept, decline]) {
    const answers = await Promise.all(strangers.map((id) => change(ada, id)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject(notFound);
  }
  await follow(grace, { userId: ada.id });
  expect(await accept(grace, ada.id)).toMatchObject(notFound);
});

test('removing somebody who only asked leaves the request', async () => {
  const [ada, grace] = await createPair();
  const { since } = await follow(grace, { userId: ada.id });
  expect(await removeFollower(ada, grace.id)).toMatchObject({ state: 'REQUESTED', since });
});

test('when a profile ceases to be PUBLIC, followers stay, and one who unfollows has to ask', async () => {
  const [ada, grace] = await createPair();
  await ada.upsertPrivacy({ profile: 'PUBLIC' });
  await follow(grace, { userId: ada.id });
  await ada.upsertPrivacy({ profile: 'PRIVATE' });
  expect(await follow(grace, { userId: ada.id })).toMatchObject({ state: 'FOLLOWING' });
  await unfollow(grace, { userId: ada.id });
  expect(await follow(grace, { userId: ada.id })).toMatchObject({ state: 'REQUESTED' });
});

test('a request that waits is accepted when the profile becomes PUBLIC', async () => {
  const [ada, grace] = await createPair();
  await follow(grace, { userId: ada.id });
  await ada.upsertPrivacy({ profile: 'PUBLIC' });
  expect(await follow(grace, { userId: ada.id })).toMatchObject({ state: 'FOLLOWING' });
  expect(await readPage(ada, ada.id, 'followRequests')).toMatchObject({ totalCount: 0 });
});

test('a follow that arrives while the profile becomes PUBLIC is no request', async () => {
  const [ada, grace] = await createPair();
  const answer = await arriveDuring(app, [[`update privacy set profile = 'PUBLIC' where user_id = $1`, ada.id]], () =>
    follow(grace, { userId: ada.id }),
  );
  expect(answer).toMatchObject({ state: 'FOLLOWING' });
  await expectNoImpossiblePairs(app);
});

test('a follow that arrives while the profile ceases to be PUBLIC is a request', async () => {
  const [ada, grace] = await createPair();
  await ada.upsertPrivacy({ profile: 'PUBLIC' });
  const answer = await arriveDuring(
    app,
    [[`update privacy set profile = 'FOLLOWERS' where user_id = $1`, ada.id]],
    () => follow(grace, { userId: ada.id }),
  );
  expect(answer).toMatchObject({ state: 'REQUESTED' });
});

test('a request taken back while it is being accepted ends the follow', async () => {
  const [ada, grace] = await createPair();
  await follow(grace, { userId: ada.id });
  const answer = await arriveDuring(
    app,
    [
      ['delete from follow_requests where requestee_id = $1', ada.id],
      ['insert into follows (follower_id, followee_id) values ($2, $1)', ada.id, grace.id],
    ],
    () => unfollow(grace, { userId: ada.id }),
  );
  expect(answer).toMatchObject({ state: 'NONE' });
  expect(await readIds(ada, ada.id, 'followers')).toEqual([]);
  await expectCountersToHold(app);
});

test('a request made, accepted and made again in the same moment leaves a follow alone', async () => {
  const [ada, grace] = await createPair();
  const answer = await arriveDuring(
    app,
    [['insert into follows (follower_id, followee_id) values ($2, $1)', ada.id, grace.id]],
    () => follow(grace, { userId: ada.id }),
  );
  expect(answer).toMatchObject({ state: 'FOLLOWING' });
  await expectNoImpossiblePairs(app);
});

test('of two who accept and decline one request in the same moment, one finds it', async () => {
  for (let round = 0; round < 10; round += 1) {
    const [ada, grace] = await createPair();
    await follow(grace, { userId: ada.id });
    const answers = await Promise.all([accept(ada, grace.id), decline(ada, grace.id), accept(ada, grace.id)]);
    expect(answers.filter(({ __typename }) => __typename === 'Follow')).toHaveLength(1);
  }
  await expectNoImpossiblePairs(app);
  await expectCountersToHold(app);
});
