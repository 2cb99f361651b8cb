import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Visibility } from '../src/generated/prisma/enums.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { anonymous, createPerson, type Person } from './support/person.ts';
import { photo } from './support/pictures.ts';

let app: TestApp;
let ada: Person;
let viewers: Record<string, Person>;

beforeAll(async () => {
  app = await createTestApp();
  const { prisma } = app.platform.db;
  ada = await createPerson(app);
  await ada.upsertProfile({ displayName: 'Ada', bio: 'secret bio', salary: { min: 1 } });
  await ada.upload(await photo([300, 200]));
  const [stranger, requester, follower, blocked, blocking] = (await Promise.all(
    Array.from({ length: 5 }, () => createPerson(app)),
  )) as [Person, Person, Person, Person, Person];
  await prisma.followRequest.create({ data: { requesterId: requester.id, requesteeId: ada.id } });
  await prisma.follow.create({ data: { followerId: follower.id, followeeId: ada.id } });
  await prisma.block.create({ data: { blockerId: ada.id, blockedId: blocked.id } });
  await prisma.block.create({ data: { blockerId: blocking.id, blockedId: ada.id } });
  viewers = { anonymous: anonymous(app), stranger, requester, follower, blocked, blocking, owner: ada };
});
afterAll(() => app.close());

const userFields = `
  id username displayName email firstName lastName createdAt updatedAt imageUrl pictureRevision viewerFollow followsViewer
  picture { id url originalName originalMimeType originalBytes }
  profile { id bio displayName isComplete completion { percentage } salary { min } user { id } }
  preferences { id theme }
  privacy { id profile }`;

interface Seen {
  profile: { bio: string; salary: object | null; completion: object | null } | null;
  preferences: object | null;
  privacy: object | null;
  picture: { originalName: string | null } | null;
}

/** Every way that leads to a user. */
const paths: Record<string, (viewer: Person) => Promise<Seen | null>> = {
  user: async (viewer) => {
    const data = await viewer.query<{ user: Seen | null }, object>(
      `query ($id: ID) { user(by: { id: $id }) { ${userFields} } }`,
      { id: ada.id },
    );
    return data.user;
  },
  node: async (viewer) => {
    const data = await viewer.query<{ node: Seen | null }, object>(
      `query ($id: ID!) { node(id: $id) { ... on User { ${userFields} } } }`,
      { id: ada.id },
    );
    return data.node;
  },
  nodes: async (viewer) => {
    const data = await viewer.query<{ nodes: (Seen | null)[] }, object>(
      `query ($id: ID!) { nodes(ids: [$id]) { ... on User { ${userFields} } } }`,
      { id: ada.id },
    );
    return data.nodes[0] ?? null;
  },
};

/** Who sees the profile under which setting, as the documentation says it. */
const seesProfile: Record<Visibility, string[]> = {
  PUBLIC: ['anonymous', 'stranger', 'requester', 'follower', 'owner'],
  FOLLOWERS: ['follower', 'owner'],
  PRIVATE: ['owner'],
};
const blockedViewers = ['blocked', 'blocking'];
const visitors = ['anonymous', 'stranger', 'requester', 'follower', 'owner'];
const allViewers = [...visitors, ...blockedViewers];

/** What a viewer gets of the owner, as the documentation says it; an object without fields stands for "not there". */
function expectedFor(viewerName: string, visibility: Visibility): object {
  const own = { email: null, preferences: { theme: 'SYSTEM' }, privacy: { profile: visibility } };
  const others = { email: null, preferences: null, privacy: null };
  const isOwner = viewerName === 'owner';
  return {
    id: ada.id,
    displayName: 'Ada',
    pictureRevision: 1,
    picture: { originalName: isOwner ? 'photo.jpg' : null },
    profile: seesProfile[visibility].includes(viewerName)
      ? {
          bio: 'secret bio',
          salary: isOwner ? { min: 1 } : null,
          completion: isOwner ? { percentage: expect.any(Number) } : null,
        }
      : null,
    ...(isOwner ? own : others),
  };
}

describe.each(Object.keys(seesProfile) as Visibility[])('a %s profile', (visibility) => {
  beforeAll(() => ada.upsertPrivacy({ profile: visibility }).then(() => grantRequestAgain()));

  test.each(blockedViewers.flatMap((viewer) => Object.keys(paths).map((path) => [viewer, path] as const)))(
    'is not there at all for somebody %s through %s',
    async (viewerName, path) => {
      expect(await paths[path]?.(viewers[viewerName] as Person)).toBeNull();
    },
  );

  test.each(visitors.flatMap((viewer) => Object.keys(paths).map((path) => [viewer, path] as const)))(
    'is seen by %s through %s as its owner wants it',
    async (viewerName, path) => {
      const seen = await paths[path]?.(viewers[viewerName] as Person);
      expect(seen).toMatchObject(expectedFor(viewerName, visibility));
    },
  );

  test.each(allViewers)('has nodes of its own that %s gets only where they see it', async (viewerName) => {
    const viewer = viewers[viewerName] as Person;
    const ids = [`profile_${ada.id}`, `preferences_${ada.id}`, `privacy_${ada.id}`];
    const { nodes } = await viewer.query<{ nodes: object[] }, object>(
      'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }',
      { ids },
    );
    const isOwner = viewerName === 'owner';
    const isSeen = seesProfile[visibility].includes(viewerName);
    expect(nodes.map(Boolean)).toEqual([isSeen, isOwner, isOwner]);
  });
});

/** A profile that becomes PUBLIC accepts the requests that wait; the requester of this table never gets that far. */
async function grantRequestAgain() {
  const { prisma } = app.platform.db;
  const requester = viewers.requester as Person;
  await prisma.follow.deleteMany({ where: { followerId: requester.id } });
  await prisma.followRequest.createMany({
    data: [{ requesterId: requester.id, requesteeId: ada.id }],
    skipDuplicates: true,
  });
}

test('hidden and missing get answers that are the same to the byte', async () => {
  const query = 'query ($id: ID!) { node(id: $id) { id } }';
  const hidden = await viewers.blocked?.ask(query, { id: ada.id });
  const missing = await viewers.blocked?.ask(query, { id: 'user_nobody' });
  expect(JSON.stringify(hidden?.data)).toBe(JSON.stringify(missing?.data));
});

test('an active picture is a node for anyone but those blocked, an older one for its owner alone', async () => {
  const { picture: first } = await ada.me();
  await ada.upload(await photo([310, 210]));
  const { picture: second } = await ada.me();
  const ids = [first?.id, second?.id];
  const query = 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }';
  const seen: Record<string, boolean[]> = {};
  for (const [name, viewer] of Object.entries(viewers)) {
    const { nodes } = await viewer.query<{ nodes: object[] }, object>(query, { ids });
    seen[name] = nodes.map(Boolean);
  }
  const anyone = [false, true];
  expect(seen).toEqual({
    anonymous: anyone,
    stranger: anyone,
    requester: anyone,
    follower: anyone,
    blocked: [false, false],
    blocking: [false, false],
    owner: [true, true],
  });
});

test('a profile that becomes PUBLIC accepts the requests that wait, and the counts are right', async () => {
  const [grace, alan] = [await createPerson(app), await createPerson(app)];
  const { prisma } = app.platform.db;
  await grace.upsertPrivacy({ profile: 'PRIVATE' });
  await prisma.followRequest.create({ data: { requesterId: alan.id, requesteeId: grace.id } });
  await grace.upsertPrivacy({ profile: 'PUBLIC' });
  const query = 'query ($id: ID) { user(by: { id: $id }) { viewerFollow } }';
  expect(await alan.query(query, { id: grace.id })).toEqual({ user: { viewerFollow: 'FOLLOWING' } });
  expect(await prisma.user.findUnique({ where: { id: grace.id } })).toMatchObject({
    followerCount: 1,
    followRequestCount: 0,
  });
  expect(await prisma.user.findUnique({ where: { id: alan.id } })).toMatchObject({ followingCount: 1 });
});
