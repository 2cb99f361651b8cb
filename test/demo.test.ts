import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { type DocumentNode, Kind, parse } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { demoPeople } from '../prisma/demo/people.ts';
import { seedDemoUsers } from '../prisma/seed.ts';
import { createGraphiQL } from '../src/http/graphiql.ts';
import { firstTabs } from '../src/http/graphiql-tabs.ts';
import { toTombstone } from '../src/modules/user/tombstone.ts';
import type { Platform } from '../src/platform/platform.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { createClerkApi } from './support/clerk-api.ts';
import { wishesOf } from './support/outbox.ts';
import { asPerson } from './support/person.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
  await seedDemoUsers(app.platform);
});
afterAll(() => app.close());

test('Ada has everything that a profile can have', async () => {
  const { me } = await (await signIn(app, 'user_demo_ada')).query<{ me: Record<string, unknown> }, object>(
    `{ me { username displayName email imageUrl picture { altText version }
       profile { bio skills salary { min } isComplete completion { percentage missingFields } }
       preferences { favoriteGenres theme language notifications { name } }
       privacy { profile watchHistory ratings } } }`,
  );
  expect(me).toMatchObject({
    username: 'ada',
    displayName: 'Ada Lovelace',
    email: 'ada@example.com',
    picture: { altText: expect.stringContaining('Ada'), version: 1 },
    profile: { salary: { min: 90_000 }, isComplete: true, completion: { percentage: 100, missingFields: [] } },
    preferences: { favoriteGenres: [878, 18, 36], theme: 'LIGHT', language: 'en-GB' },
    privacy: { profile: 'PUBLIC', watchHistory: 'FOLLOWERS', ratings: 'PUBLIC' },
  });
});

test('Ada sees others as far as they let her', async () => {
  const ada = await signIn(app, 'user_demo_ada');
  const answers = await ada.query<Record<string, unknown>, object>(
    `{ grace: user(by: { username: "grace" }) { ...Seen } katherine: user(by: { username: "katherine" }) { ...Seen }
       alan: user(by: { username: "alan" }) { ...Seen } }
     fragment Seen on User { viewerFollow followsViewer profile { displayName } }`,
  );
  expect(answers).toEqual({
    grace: { viewerFollow: 'FOLLOWING', followsViewer: true, profile: { displayName: 'Grace Hopper' } },
    katherine: { viewerFollow: 'FOLLOWING', followsViewer: true, profile: { displayName: 'Katherine Johnson' } },
    alan: { viewerFollow: 'REQUESTED', followsViewer: true, profile: null },
  });
});

test('pictures and initials are served', async () => {
  const fields = demoPeople.map(({ id }, index) => `u${index}: user(by: { id: "${id}" }) { imageUrl }`).join('\n');
  const users = await (await signIn(app, 'user_demo_ada')).query<Record<string, { imageUrl: string }>, object>(
    `{ ${fields} }`,
  );
  const replies = await Promise.all(Object.values(users).map(({ imageUrl }) => app.fetch(new Request(imageUrl))));
  expect(replies.map(({ status, headers }) => `${status} ${headers.get('content-type')?.split(';')[0]}`)).toEqual(
    demoPeople.map(({ picture }) => `200 ${picture ? 'image/webp' : 'image/svg+xml'}`),
  );
});

test('counters say what is there', async () => {
  const users = await app.platform.db.prisma.user.findMany({
    include: { _count: { select: { followers: true, following: true, requestsReceived: true } } },
  });
  for (const user of users) {
    expect(user).toMatchObject({
      followerCount: user._count.followers,
      followingCount: user._count.following,
      followRequestCount: user._count.requestsReceived,
    });
  }
  expect(await app.platform.db.prisma.event.groupBy({ by: ['type'] })).toHaveLength(4);
});

test('where everybody is there, a start costs one statement and changes nothing', async () => {
  const before = await snapshot(app);
  app.takeStatements();
  await seedDemoUsers(app.platform);
  expect(app.takeStatements()).toHaveLength(1);
  expect(await snapshot(app)).toEqual(before);
});

test('Clerk, which has none of them, is told nothing and asked nothing', async () => {
  const clerk = await createClerkApi();
  const mirrors = { CLERK_MIRROR_METADATA: 'true', CLERK_MIRROR_PICTURE: 'true' };
  const connected = await createTestApp({ env: { ...clerk.env, ...mirrors } });
  await seedDemoUsers(connected.platform);
  expect(await connected.platform.db.prisma.user.count({ where: { username: { not: null } } })).toBe(demoPeople.length);
  expect(await wishesOf(connected)).toEqual([]);
  expect(clerk.requests).toEqual([]);
  await connected.close();
  await clerk.close();
});

test('a start that was killed at any picture is completed by the next, and nothing is done twice', async () => {
  const pictures = demoPeople.filter(({ picture }) => picture !== null).length;
  const other = await createTestApp();
  for (let reached = 1; reached < pictures; reached++) {
    await expect(seedDemoUsers(dyingAfter(other.platform, 1))).rejects.toThrow('killed');
  }
  await seedDemoUsers(other.platform);
  expect(stable(await snapshot(other))).toEqual(stable(await snapshot(app)));
  await other.close();
});

test('what somebody changed since a start that was killed stays', async () => {
  const other = await createTestApp();
  await expect(seedDemoUsers(dyingAfter(other.platform, 2))).rejects.toThrow('killed');
  const alan = await signIn(other, 'user_demo_alan');
  await alan.upsertProfile({ bio: 'Changed', displayName: null });
  await alan.upsertPrivacy({ ratings: 'PUBLIC' });
  await seedDemoUsers(other.platform);
  expect(await alan.me()).toMatchObject({
    profile: { bio: 'Changed', displayName: null, isComplete: false },
    privacy: { profile: 'PRIVATE', ratings: 'PUBLIC' },
    picture: { version: 1 },
  });
  await other.close();
});

test('a username that somebody else has, and an account that was deleted, are no obstacles', async () => {
  const other = await createTestApp();
  const stranger = await signIn(other, 'user_stranger');
  await stranger.upsertProfile({ username: 'grace' });
  await other.platform.db.prisma.tombstone.create({ data: { idHash: toTombstone('user_demo_hedy') } });
  await seedDemoUsers(other.platform);
  const { me } = await (await signIn(other, 'user_demo_grace')).query<{ me: object }, object>(
    '{ me { username displayName picture { version } } }',
  );
  expect(me).toEqual({ username: null, displayName: 'Grace Hopper', picture: { version: 1 } });
  expect(await other.platform.db.prisma.user.findUnique({ where: { id: 'user_demo_hedy' } })).toBeNull();
  other.takeStatements();
  await seedDemoUsers(other.platform);
  expect(other.takeStatements()).toHaveLength(1);
  await other.close();
});

test('GraphiQL is made once for a token, and compressed for a browser that can read it', async () => {
  let token = 'first-token';
  const serve = createGraphiQL(async () => token);
  const plain = await serve();
  const gzipped = await serve({ headers: { 'accept-encoding': 'gzip, br' } });
  expect(gunzipSync(gzipped.body as Buffer).equals(plain.body as Buffer)).toBe(true);
  expect(gzipped.headers).toMatchObject({ 'content-encoding': 'gzip', 'cache-control': 'no-store' });
  expect((await serve()).body).toBe(plain.body);
  token = 'second-token';
  expect(String((await serve()).body)).toContain('Bearer second-token');
});

const signIn = async (at: TestApp, id: string) => asPerson(at, id, await at.sign({ sub: id }));

/** A platform whose process dies when it has stored the files of so many pictures. */
function dyingAfter(platform: Platform, pictures: number): Platform {
  let left = pictures;
  const process: Platform['images']['process'] = async (...args) => {
    if (left-- === 0) throw new Error('killed');
    return platform.images.process(...args);
  };
  return { ...platform, images: { ...platform.images, process } };
}

const snapshot = async ({ platform: { db } }: TestApp) => ({
  users: await db.prisma.user.findMany({
    orderBy: { id: 'asc' },
    include: { profile: true, preferences: true, privacy: true, pictures: true },
  }),
  follows: await db.prisma.follow.findMany({ orderBy: [{ followerId: 'asc' }, { followeeId: 'asc' }] }),
  requests: await db.prisma.followRequest.findMany({ orderBy: [{ requesterId: 'asc' }, { requesteeId: 'asc' }] }),
  crewMembers: await db.prisma.crewMember.findMany({ orderBy: { tmdbId: 'asc' } }),
  studios: await db.prisma.studio.findMany({ orderBy: { tmdbId: 'asc' } }),
  events: await db.prisma.event.findMany({ orderBy: { idempotencyKey: 'asc' } }),
  audit: (await db.prisma.auditEntry.findMany()).map(({ userId, action }) => `${userId} ${action}`).sort(),
});

/** Without times and without ids that the server makes: what two databases have in common. */
const stable = (value: unknown) =>
  JSON.parse(
    JSON.stringify(value, (key, item) => {
      if (/(At)$/.test(key)) return item === null ? null : 'time';
      return /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(String(item)) ? 'uuid' : item;
    }),
  );

describe('what is shown to newcomers', () => {
  test('works on the demo data: every operation of the README and of the tabs', async () => {
    const ada = await signIn(app, 'user_demo_ada');
    for (const text of await shownDocuments()) {
      for (const operationName of operationsOf(parse(text))) {
        const response = await app.fetch(
          new Request('http://localhost/graphql', {
            method: 'POST',
            headers: { authorization: `Bearer ${ada.token}`, 'content-type': 'application/json' },
            body: JSON.stringify({ query: text, operationName }),
          }),
        );
        expect({ operationName, ...(await response.json()) }).toEqual({ operationName, data: expect.any(Object) });
      }
    }
  });

  test('is every part of the domain', async () => {
    const shown = (await shownDocuments()).join('\n');
    const parts = [
      'me',
      'user(',
      'users(',
      'usernameAvailability(',
      'upsertProfile(',
      'markProfileComplete',
      'completion',
      'preferences',
      'upsertPrivacy(',
      'follow(',
      'unfollow(',
      'followers(',
      'followedCrewMembers(',
      'followedStudios(',
      'blockUser(',
      'recordEvent(',
      'deleteEvents(',
      'events(',
      'profilePictureUpdated(',
      'uploadProfilePicture(',
    ];
    expect(parts.filter((part) => !shown.includes(part))).toEqual([]);
  });
});

/** The README's GraphQL and GraphiQL's first tabs. */
async function shownDocuments(): Promise<string[]> {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  return [...[...readme.matchAll(/```graphql\n(.*?)```/gs)].map(([, text = '']) => text), ...firstTabs];
}

/** Subscriptions are tried in a real browser. */
const operationsOf = ({ definitions }: DocumentNode): string[] =>
  definitions.flatMap((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION && definition.operation !== 'subscription'
      ? [definition.name?.value ?? '']
      : [],
  );
