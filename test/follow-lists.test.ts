import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Visibility } from '../src/generated/prisma/enums.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import {
  block,
  follow,
  type ListName,
  listNames,
  listQuery,
  type Page,
  readAllPages,
  readIds,
  readPage,
  unfollow,
} from './support/follow.ts';
import { anonymous, createPerson, type Person } from './support/person.ts';
import { photo } from './support/pictures.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

const createPeople = (count: number): Promise<Person[]> =>
  Promise.all(Array.from({ length: count }, () => createPerson(app)));

const idsOf = (pages: Page[]): string[] => pages.flatMap(({ edges }) => edges.map(({ node }) => node.id));

/** Rows of each list, as the tables know them. */
const rowsOf: Record<ListName, { table: string; owner: string; item: string; toId(item: string): string }> = {
  followers: { table: 'follows', owner: 'followee_id', item: 'follower_id', toId: (id) => id },
  following: { table: 'follows', owner: 'follower_id', item: 'followee_id', toId: (id) => id },
  followRequests: { table: 'follow_requests', owner: 'requestee_id', item: 'requester_id', toId: (id) => id },
  blockedUsers: { table: 'blocks', owner: 'blocker_id', item: 'blocked_id', toId: (id) => id },
  followedCrewMembers: { table: 'crew_member_follows', owner: 'user_id', item: 'tmdb_id', toId: (id) => `crew_${id}` },
  followedStudios: { table: 'studio_follows', owner: 'user_id', item: 'tmdb_id', toId: (id) => `studio_${id}` },
};

const isOfCatalogue = (list: ListName) => list.startsWith('followed');

/** Puts rows on a list, of which every three are of the same millisecond; their ids as the API shows them, newest first. */
async function fillList(owner: Person, list: ListName, count: number, firstPlace = 0): Promise<string[]> {
  const { prisma } = app.platform.db;
  const { table, owner: ownerColumn, item, toId } = rowsOf[list];
  const ids = isOfCatalogue(list)
    ? Array.from({ length: count }, (_, index) => String(firstPlace + index + 1))
    : (await createPeople(count)).map(({ id }) => id).sort();
  for (const [index, id] of ids.entries()) {
    await prisma.$executeRawUnsafe(
      `insert into ${table} (${ownerColumn}, ${item}, created_at)
       values ($1, $2${isOfCatalogue(list) ? '::int' : ''}, '2020-01-01'::timestamptz + make_interval(secs => $3::int))`,
      owner.id,
      isOfCatalogue(list) ? Number(id) : id,
      Math.floor((firstPlace + index) / 3),
    );
  }
  return ids.map(toId).reverse();
}

describe.each(listNames)('the list %s', (list) => {
  let ada: Person;
  let ids: string[];
  beforeAll(async () => {
    ada = await createPerson(app);
    ids = await fillList(ada, list, 8);
  });

  test.each([1, 2, 3, 7, 8, 9, 100])('is the same in pages of %i, from either end', async (size) => {
    const forward = await readAllPages(ada, { ownerId: ada.id, list, size, isForward: true });
    expect(idsOf(forward)).toEqual(ids);
    const backward = await readAllPages(ada, { ownerId: ada.id, list, size, isForward: false });
    expect(idsOf(backward.toReversed())).toEqual(ids);
    for (const { totalCount, edges, pageInfo } of [...forward, ...backward]) {
      expect(totalCount).toBe(8);
      expect(edges.length).toBeLessThanOrEqual(size);
      expect([pageInfo.startCursor, pageInfo.endCursor]).toEqual([edges[0]?.cursor, edges.at(-1)?.cursor]);
    }
  });

  test('goes on from any of its edges, in both directions', async () => {
    const whole = await readPage(ada, ada.id, list);
    for (const [place, { cursor }] of whole?.edges.entries() ?? []) {
      expect(idsOf([(await readPage(ada, ada.id, list, { after: cursor })) as Page])).toEqual(ids.slice(place + 1));
      expect(idsOf([(await readPage(ada, ada.id, list, { last: 9, before: cursor })) as Page])).toEqual(
        ids.slice(0, place),
      );
    }
  });

  test('is one statement beside that of its owner, and 20 long where no size is given', async () => {
    app.takeStatements();
    await ada.query(`{ me { page: ${list} { totalCount edges { since node { id } } } } }`);
    expect(app.takeStatements()).toHaveLength(2);
    expect((await readPage(ada, ada.id, list, { first: null, last: null }))?.edges).toHaveLength(8);
  });

  test.each([
    { first: 0 },
    { first: -1 },
    { first: 101 },
    { last: 0 },
    { last: -1 },
    { last: 101 },
    { first: 1, last: 1 },
  ])('refuses %o, hidden or not', async (args) => {
    for (const viewer of [ada, await createPerson(app)]) {
      const { data, errors } = await viewer.ask<{ user: null } | null, object>(listQuery(list), {
        id: ada.id,
        ...args,
      });
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
      expect(data?.user ?? null).toBeNull();
    }
  });

  test('refuses cursors of any other list, of the same of somebody else, and what is no cursor', async () => {
    const grace = await createPerson(app);
    const foreign: (string | undefined)[] = ['', 'x', 'eA==', Buffer.from('12345678.kx.user_a').toString('base64url')];
    await fillList(grace, list, 1, 50);
    foreign.push((await readPage(grace, grace.id, list))?.edges[0]?.cursor);
    for (const other of listNames.filter((name) => name !== list)) {
      await fillList(ada, other, 1, 60);
      foreign.push((await readPage(ada, ada.id, other))?.edges[0]?.cursor);
    }
    for (const cursor of foreign) {
      expect(cursor).toBeTypeOf('string');
      for (const args of [{ after: cursor }, { last: 1, before: cursor }]) {
        const { errors } = await ada.ask(listQuery(list), { id: ada.id, ...args });
        expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
      }
    }
  });
});

test.each([true, false])(
  'a reader who pages while others come and go meets whoever stays once (forward: %s)',
  async (isForward) => {
    const [ada, ...fans] = (await createPeople(13)) as [Person, ...Person[]];
    for (const fan of fans) await follow(fan, { userId: ada.id });
    const seen: string[] = [];
    for (let cursor: string | null | undefined = null, turn = 0; ; turn += 1) {
      const args = isForward ? { first: 3, after: cursor } : { last: 3, before: cursor };
      const page = (await readPage(ada, ada.id, 'followers', args)) as Page;
      seen.push(...idsOf([page]));
      if (!(isForward ? page.pageInfo.hasNextPage : page.pageInfo.hasPreviousPage)) break;
      cursor = isForward ? page.pageInfo.endCursor : page.pageInfo.startCursor;
      // The very row of the cursor goes, and somebody new comes.
      const [gone] = idsOf([page]).slice(isForward ? -1 : 0);
      await unfollow(fans.find(({ id }) => id === gone) as Person, { userId: ada.id });
      if (turn < 3) await follow(await createPerson(app), { userId: ada.id });
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining(fans.map(({ id }) => id)));
  },
);

describe('who sees which list', () => {
  const viewerNames = ['anonymous', 'stranger', 'requester', 'follower', 'blocked', 'blocking', 'owner'] as const;
  type ViewerName = (typeof viewerNames)[number];
  let owner: Person;
  let viewers: Record<ViewerName, Person>;
  let ids: Record<ListName, string[]>;

  beforeAll(async () => {
    const [ada, stranger, requester, follower, blocked, blocking, other] = (await createPeople(7)) as [
      Person,
      Person,
      Person,
      Person,
      Person,
      Person,
      Person,
    ];
    owner = ada;
    viewers = { anonymous: anonymous(app), stranger, requester, follower, blocked, blocking, owner };
    await follow(follower, { userId: ada.id });
    await follow(ada, { userId: other.id });
    await follow(ada, { crewMemberTmdbId: 240 });
    await follow(ada, { studioTmdbId: 3 });
    await block(ada, blocked.id);
    await block(blocking, ada.id);
    ids = {
      followers: [follower.id],
      following: [other.id],
      followRequests: [requester.id],
      blockedUsers: [blocked.id],
      followedCrewMembers: ['crew_240'],
      followedStudios: ['studio_3'],
    };
  });

  /** As the documentation says it. */
  const seesOwnLists: Record<Visibility, ViewerName[]> = {
    PUBLIC: ['anonymous', 'stranger', 'requester', 'follower', 'owner'],
    FOLLOWERS: ['follower', 'owner'],
    PRIVATE: ['owner'],
  };

  function expectedPage(viewerName: ViewerName, list: ListName, visibility: Visibility): object | null {
    if (viewerName === 'blocked' || viewerName === 'blocking') return null;
    const isOwners = list === 'followRequests' || list === 'blockedUsers';
    const isSeen = isOwners ? viewerName === 'owner' : seesOwnLists[visibility].includes(viewerName);
    if (!isSeen) return { totalCount: isOfCatalogue(list) ? 0 : null, edges: [] };
    return { totalCount: 1, edges: [{ node: { id: ids[list][0] } }] };
  }

  describe.each(Object.keys(seesOwnLists) as Visibility[])('where the profile is %s', (visibility) => {
    beforeAll(async () => {
      await unfollow(viewers.requester, { userId: owner.id });
      await owner.upsertPrivacy({ profile: visibility });
      // A request to a PUBLIC profile can't be made: this table's stands in for one.
      await app.platform.db.prisma.followRequest.createMany({
        data: [{ requesterId: viewers.requester.id, requesteeId: owner.id }],
        skipDuplicates: true,
      });
    });

    test.each(viewerNames.flatMap((viewer) => listNames.map((list) => [viewer, list] as const)))(
      '%s gets %s as the documentation says, by user, by node and in a list',
      async (viewerName, list) => {
        const viewer = viewers[viewerName];
        const expected = expectedPage(viewerName, list, visibility);
        const page = `${list} { totalCount edges { node { id } } }`;
        const query = `query ($id: ID!) {
          user(by: { id: $id }) { ${page} }
          node(id: $id) { ... on User { ${page} } }
          other: user(by: { id: "${ids.following[0]}" }) { followers { edges { node { ${page} } } } }
        }`;
        const data = await viewer.query<object, object>(query, { id: owner.id });
        const whole = expected && { [list]: expected };
        expect(data).toMatchObject({
          user: whole,
          node: whole,
          other: { followers: { edges: whole ? [{ node: whole }] : [] } },
        });
      },
    );
  });
});

test('a profile page is two statements, whatever the page size', async () => {
  const [ada, grace] = (await createPeople(2)) as [Person, Person];
  const username = `a${ada.id.slice(-12)}`;
  await ada.upsertProfile({ username, displayName: 'Ada' });
  await ada.upload(await photo([300, 200]));
  const ids = await fillList(ada, 'followers', 30);
  await follow(grace, { userId: ids[0] });
  const query = `query ($username: String, $first: Int) {
    user(by: { username: $username }) {
      id displayName imageUrl picture { id url variants { url } } viewerFollow followsViewer
      profile { bio skills } following(first: 1) { totalCount }
      followers(first: $first) {
        totalCount edges { since node { id displayName imageUrl picture { id url } viewerFollow } }
      }
    }
  }`;
  for (const first of [1, 20, 100]) {
    app.takeStatements();
    const { user } = await grace.query<{ user: { followers: Page } }, object>(query, { username, first });
    expect(app.takeStatements().length).toBeLessThanOrEqual(3);
    expect(user.followers.edges).toHaveLength(Math.min(first, 30));
    expect(user.followers.edges[0]?.node).toMatchObject({ id: ids[0], viewerFollow: 'FOLLOWING' });
    app.takeStatements();
    await grace.query(query.replace('following(first: 1) { totalCount }', ''), { username, first });
    expect(app.takeStatements()).toHaveLength(2);
  }
});

test('lists in a list are one statement more, however many they are', async () => {
  const [ada, ...fans] = (await createPeople(7)) as [Person, ...Person[]];
  for (const [index, fan] of fans.entries()) {
    await follow(fan, { userId: ada.id });
    await follow(fan, { crewMemberTmdbId: 1_000 + index });
    if (fans[index - 1]) await follow(fan, { userId: fans[index - 1]?.id });
  }
  const query = `{ me { followers { edges { node {
    id following(first: 2) { totalCount edges { node { id } } } followedCrewMembers { edges { node { tmdbId viewerFollow } } }
  } } } } }`;
  app.takeStatements();
  const { me } = await ada.query<{ me: { followers: { edges: { node: object }[] } } }, object>(query);
  expect(app.takeStatements()).toHaveLength(4);
  expect(me.followers.edges.map(({ node }) => node)).toEqual(
    fans
      .map((fan, index) => ({
        id: fan.id,
        following: {
          totalCount: index === 0 ? 1 : 2,
          edges: [...(index === 0 ? [] : [fans[index - 1]?.id]), ada.id].map((id) => ({ node: { id } })),
        },
        followedCrewMembers: { edges: [{ node: { tmdbId: 1_000 + index, viewerFollow: 'NONE' } }] },
      }))
      .reverse(),
  );
});

test('the same crew member on the lists of two is followed by the viewer on both', async () => {
  const [ada, grace] = (await createPeople(2)) as [Person, Person];
  for (const person of [ada, grace]) await follow(person, { crewMemberTmdbId: 77_777 });
  const page = 'followedCrewMembers { edges { node { id followerCount viewerFollow } } }';
  const node = { id: 'crew_77777', followerCount: 2, viewerFollow: 'FOLLOWING' };
  const query = `query ($id: ID) { me { ${page} } user(by: { id: $id }) { ${page} } }`;
  expect(await ada.query(query, { id: grace.id })).toEqual({
    me: { followedCrewMembers: { edges: [{ node }] } },
    user: { followedCrewMembers: { edges: [{ node }] } },
  });
});

test('a list says of each how the viewer stands to them, whatever else is asked of them', async () => {
  const [ada, grace, followed, asked, other] = (await createPeople(5)) as [Person, Person, Person, Person, Person];
  await asked.upsertPrivacy({ profile: 'PRIVATE' });
  for (const fan of [followed, asked, other]) await follow(fan, { userId: ada.id });
  for (const fan of [followed, asked]) await follow(grace, { userId: fan.id });
  for (const fields of ['viewerFollow', 'viewerFollow email']) {
    const query = `query ($id: ID!) { node(id: $id) { ... on User { followers { edges { node { id ${fields} } } } } } }`;
    const { node } = await grace.query<{ node: { followers: object } }, object>(query, { id: ada.id });
    expect(node.followers).toMatchObject({
      edges: [
        { node: { id: other.id, viewerFollow: 'NONE' } },
        { node: { id: asked.id, viewerFollow: 'REQUESTED' } },
        { node: { id: followed.id, viewerFollow: 'FOLLOWING' } },
      ],
    });
  }
});

test('a mutation in front of another leaves the second with what it changed', async () => {
  const [ada, grace] = (await createPeople(2)) as [Person, Person];
  const query = `mutation ($id: ID!) {
    before: unfollow(target: { userId: $id }) { ... on Follow { target { ... on User { viewerFollow followers { totalCount } } } } }
    after: follow(target: { userId: $id }) {
      ... on Follow {
        follower { following { totalCount edges { node { id } } } }
        target { ... on User { viewerFollow followers { totalCount } } }
      }
    }
    blocked: blockUser(userId: $id) { ... on User { viewerFollow } }
    gone: follow(target: { userId: $id }) { __typename }
  }`;
  expect(await ada.query(query, { id: grace.id })).toEqual({
    before: { target: { viewerFollow: 'NONE', followers: { totalCount: 0 } } },
    after: {
      follower: { following: { totalCount: 1, edges: [{ node: { id: grace.id } }] } },
      target: { viewerFollow: 'FOLLOWING', followers: { totalCount: 1 } },
    },
    blocked: { viewerFollow: 'NONE' },
    gone: { __typename: 'NotFoundError' },
  });
  expect(await readIds(ada, ada.id, 'blockedUsers')).toEqual([grace.id]);
});

test.each(listNames)('a page of %s is read by index, from no more rows than it shows', async (list) => {
  const { table, owner, item } = rowsOf[list];
  const { prisma } = app.platform.db;
  const [ada, grace] = (await createPeople(2)) as [Person, Person];
  const prefix = `user_${list}_`;
  await prisma.$executeRawUnsafe(`insert into users (id) select $1 || i from generate_series(1, 400) i`, prefix);
  const items = isOfCatalogue(list) ? 'i' : `'${prefix}' || i`;
  for (const { id } of [ada, grace]) {
    await prisma.$executeRawUnsafe(
      `insert into ${table} (${owner}, ${item}, created_at)
       select $1, ${items}, now() - make_interval(secs => i) from generate_series(1, 400) i`,
      id,
    );
  }
  await prisma.$executeRawUnsafe(`vacuum analyze ${table}`);
  app.takeStatements();
  await readPage(ada, ada.id, list, { first: 5 });
  const sql = app.takeStatements().find((text) => text.includes(`from ${table}\n`));
  const item_id = isOfCatalogue(list) ? 0 : '';
  const keyset = { newest_at: 'infinity', newest_item: item_id, oldest_at: '-infinity', oldest_item: item_id };
  const [row] = await prisma.$queryRawUnsafe<{ 'QUERY PLAN': unknown }[]>(
    `explain (analyze, format json) ${sql}`,
    JSON.stringify([{ reader_id: ada.id, id: ada.id, ordinal: 1, ...keyset, row_count: 6 }]),
  );
  const scans = toNodes(row?.['QUERY PLAN']).filter((node) => node['Relation Name'] === table && node.Alias === table);
  const wanted = scans.filter((node) => String(node['Index Name']).includes('_created_at_'));
  expect(wanted).toMatchObject([{ 'Actual Rows': 6 }]);
});

/** All nodes of a plan, wherever they are. */
function toNodes(plan: unknown): Record<string, unknown>[] {
  if (typeof plan !== 'object' || plan === null) return [];
  return [plan as Record<string, unknown>, ...Object.values(plan).flatMap(toNodes)];
}
