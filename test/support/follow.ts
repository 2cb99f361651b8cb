import { expect } from 'vitest';
import type { TestApp } from './app.ts';
import type { Person } from './person.ts';

/** Anything that a mutation of follows answers. */
// biome-ignore lint/suspicious/noExplicitAny: whatever was asked for.
type Result = any;

/** Everything a follow says of itself. */
const followFields = `
  __typename
  ... on Follow {
    state since follower { id }
    target { __typename ... on User { id viewerFollow } ... on CrewMember { id followerCount viewerFollow } ... on Studio { id followerCount viewerFollow } }
  }
  ... on UserError { message }
  ... on InvalidInputError { fields { path } }`;

/** What is always visible of a user, and what is hidden from one who blocks them. */
const blockFields = `
  __typename
  ... on User {
    id username displayName imageUrl viewerFollow followsViewer email picture { id } profile { id } preferences { id } privacy { id }
    followers { totalCount edges { node { id } } } following { totalCount edges { node { id } } }
    followRequests { totalCount } blockedUsers { totalCount } followedStudios { totalCount edges { node { id } } }
  }
  ... on UserError { message }
  ... on InvalidInputError { fields { path } }`;

async function change(person: Person, mutation: string, variables: object): Promise<Result> {
  const data = await person.query<Record<string, Result>, object>(mutation, variables);
  return Object.values(data)[0];
}

export const follow = (person: Person, target: object) =>
  change(person, `mutation ($target: FollowTarget!) { follow(target: $target) { ${followFields} } }`, { target });

export const unfollow = (person: Person, target: object) =>
  change(person, `mutation ($target: FollowTarget!) { unfollow(target: $target) { ${followFields} } }`, { target });

const aboutUser = (field: string, fields: string) => (person: Person, userId: string) =>
  change(person, `mutation ($userId: ID!) { ${field}(userId: $userId) { ${fields} } }`, { userId });

export const accept = aboutUser('acceptFollowRequest', followFields);
export const decline = aboutUser('declineFollowRequest', followFields);
export const removeFollower = aboutUser('removeFollower', followFields);
export const block = aboutUser('blockUser', blockFields);
export const unblock = aboutUser('unblockUser', blockFields);

export interface Page {
  totalCount: number | null;
  edges: { cursor: string; node: { id: string }; since: string | null }[];
  pageInfo: {
    hasNextPage: boolean;
    hasPreviousPage: boolean;
    startCursor: string | null;
    endCursor: string | null;
  };
}

/** All lists of a user that this room serves. */
export const listNames = [
  'followers',
  'following',
  'followRequests',
  'blockedUsers',
  'followedCrewMembers',
  'followedStudios',
] as const;
export type ListName = (typeof listNames)[number];

const pageFields =
  'totalCount edges { cursor since node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }';

export const listQuery = (list: ListName) => `
  query ($id: ID, $first: Int, $after: String, $last: Int, $before: String) {
    user(by: { id: $id }) {
      page: ${list}(first: $first, after: $after, last: $last, before: $before) { ${pageFields} }
    }
  }`;

/** A page of somebody's list as another sees it; null where the owner is not there for them. */
export async function readPage(viewer: Person, ownerId: string, list: ListName, args: object = {}) {
  const { user } = await viewer.query<{ user: { page: Page } | null }, object>(listQuery(list), {
    id: ownerId,
    ...args,
  });
  return user?.page ?? null;
}

/** The ids on the first hundred places of a list. */
export const readIds = async (viewer: Person, ownerId: string, list: ListName): Promise<string[]> =>
  (await readPage(viewer, ownerId, list, { first: 100 }))?.edges.map(({ node }) => node.id) ?? [];

/** Every page of a list from one end to the other, in the order read. */
export async function readAllPages(
  viewer: Person,
  { ownerId, list, size, isForward }: { ownerId: string; list: ListName; size: number; isForward: boolean },
): Promise<Page[]> {
  const pages: Page[] = [];
  for (let cursor: string | null = null; ; ) {
    const args = isForward ? { first: size, after: cursor } : { last: size, before: cursor };
    const page = await readPage(viewer, ownerId, list, args);
    if (!page) throw new Error(`Nobody is at ${ownerId}.`);
    pages.push(page);
    if (!(isForward ? page.pageInfo.hasNextPage : page.pageInfo.hasPreviousPage)) return pages;
    cursor = isForward ? page.pageInfo.endCursor : page.pageInfo.startCursor;
  }
}

/** Rows of the five tables of follows and blocks, and the counters beside them, as they should and as they do stand. */
export async function expectCountersToHold(app: TestApp): Promise<void> {
  const wrong = await app.platform.db.prisma.$queryRaw`
    select * from (
      select users.id,
        array[follower_count, following_count, follow_request_count, blocked_count, followed_crew_member_count, followed_studio_count] as kept,
        array[
          (select count(*) from follows where followee_id = users.id), (select count(*) from follows where follower_id = users.id),
          (select count(*) from follow_requests where requestee_id = users.id), (select count(*) from blocks where blocker_id = users.id),
          (select count(*) from crew_member_follows where user_id = users.id), (select count(*) from studio_follows where user_id = users.id)
        ]::int[] as counted
      from users
      union all
      select 'crew ' || tmdb_id, array[follower_count], array[(select count(*) from crew_member_follows f where f.tmdb_id = c.tmdb_id)]::int[] from crew_members c
      union all
      select 'studio ' || tmdb_id, array[follower_count], array[(select count(*) from studio_follows f where f.tmdb_id = s.tmdb_id)]::int[] from studios s
    ) as counters where kept <> counted`;
  expect(wrong).toEqual([]);
}

/** Pairs that no order of whole changes can leave behind. */
export async function expectNoImpossiblePairs(app: TestApp): Promise<void> {
  const impossible = await app.platform.db.prisma.$queryRaw`
    select 'a follow across a block' as what, follower_id as one, followee_id as other from follows
    where exists (select from blocks where (blocker_id, blocked_id) in ((follower_id, followee_id), (followee_id, follower_id)))
    union all
    select 'a request across a block', requester_id, requestee_id from follow_requests
    where exists (select from blocks where (blocker_id, blocked_id) in ((requester_id, requestee_id), (requestee_id, requester_id)))
    union all
    select 'a request beside a follow', requester_id, requestee_id from follow_requests
    join follows on (follower_id, followee_id) = (requester_id, requestee_id)
    union all
    select 'a request to a PUBLIC profile', requester_id, requestee_id from follow_requests
    join privacy on privacy.user_id = requestee_id where privacy.profile = 'PUBLIC'
    union all
    select 'a block both ways', one.blocker_id, one.blocked_id from blocks one
    join blocks other on (other.blocker_id, other.blocked_id) = (one.blocked_id, one.blocker_id)`;
  expect(impossible).toEqual([]);
}

/**
 * Lets a change arrive while another, whose statements run in an open transaction, isn't yet committed: the transaction
 * ends when the change waits for it.
 */
export async function arriveDuring<Answer>(
  app: TestApp,
  statements: [sql: string, ...values: unknown[]][],
  change: () => Promise<Answer>,
): Promise<Answer> {
  const { prisma } = app.platform.db;
  let answer: Promise<Answer> | undefined;
  await prisma.$transaction(
    async (tx) => {
      for (const [sql, ...values] of statements) await tx.$executeRawUnsafe(sql, ...values);
      answer = change();
      await waitForWaiter(app);
    },
    { timeout: 20_000 },
  );
  if (!answer) throw new Error('The transaction did not run.');
  return answer;
}

async function waitForWaiter(app: TestApp): Promise<void> {
  const query = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  for (let look = 0; look < 2_000; look += 1) {
    const waiting = await app.platform.db.query({ name: 'waiting', text: query }, []);
    if (waiting.length > 0) return;
  }
  throw new Error('Nobody waits for the transaction.');
}
