import type { TestApp } from './app.ts';
import type { Person } from './person.ts';

/** What one person does to another, by their places among the people of a test. */
export type Change =
  | { name: PairChange; by: number; to: number }
  | { name: 'upsertPrivacy'; by: number; profile: 'PUBLIC' | 'FOLLOWERS' | 'PRIVATE' };

export const pairChanges = [
  'follow',
  'unfollow',
  'acceptFollowRequest',
  'declineFollowRequest',
  'removeFollower',
  'blockUser',
  'unblockUser',
] as const;
export type PairChange = (typeof pairChanges)[number];

/** How people stand to each other; pairs are written "from>to". */
export interface World {
  profiles: string[];
  follows: Set<string>;
  requests: Set<string>;
  blocks: Set<string>;
}

export const createWorld = (people: number): World => ({
  profiles: Array(people).fill('PUBLIC'),
  follows: new Set(),
  requests: new Set(),
  blocks: new Set(),
});

export const copyWorld = ({ profiles, follows, requests, blocks }: World): World => ({
  profiles: [...profiles],
  follows: new Set(follows),
  requests: new Set(requests),
  blocks: new Set(blocks),
});

/** The rules, one after the other: does the change, and answers what the API has to answer. */
export function applyChange(world: World, change: Change): string {
  if (change.name === 'upsertPrivacy') return applyPrivacy(world, change.by, change.profile);
  const { by, to } = change;
  const [there, back] = [`${by}>${to}`, `${to}>${by}`];
  if (by === to) return answersToOneself[change.name];
  if (change.name === 'blockUser' || change.name === 'unblockUser') {
    return applyBlock(world, change.name, { there, back });
  }
  if (world.blocks.has(there) || world.blocks.has(back)) return 'NotFoundError';
  return followRules[change.name](world, { there, back, to });
}

const answersToOneself: Record<PairChange, string> = {
  follow: 'InvalidInputError',
  unfollow: 'InvalidInputError',
  acceptFollowRequest: 'NotFoundError',
  declineFollowRequest: 'NotFoundError',
  removeFollower: 'InvalidInputError',
  blockUser: 'InvalidInputError',
  unblockUser: 'InvalidInputError',
};

function applyPrivacy({ profiles, follows, requests }: World, by: number, profile: string): string {
  profiles[by] = profile;
  for (const request of profile === 'PUBLIC' ? [...requests] : []) {
    if (!request.endsWith(`>${by}`)) continue;
    requests.delete(request);
    follows.add(request);
  }
  return 'Privacy';
}

interface Pairs {
  there: string;
  back: string;
}

function applyBlock({ blocks, follows, requests }: World, name: PairChange, { there, back }: Pairs): string {
  if (!blocks.has(there) && blocks.has(back)) return 'NotFoundError';
  if (name === 'unblockUser') {
    blocks.delete(there);
    return 'User';
  }
  blocks.add(there);
  for (const pair of [there, back]) {
    follows.delete(pair);
    requests.delete(pair);
  }
  return 'User';
}

const followRules: Record<
  Exclude<PairChange, 'blockUser' | 'unblockUser'>,
  (world: World, pairs: Pairs & { to: number }) => string
> = {
  follow({ profiles, follows, requests }, { there, to }) {
    if (follows.has(there)) return 'FOLLOWING';
    const isPublic = profiles[to] === 'PUBLIC';
    (isPublic ? follows : requests).add(there);
    return isPublic ? 'FOLLOWING' : 'REQUESTED';
  },
  unfollow({ follows, requests }, { there }) {
    follows.delete(there);
    requests.delete(there);
    return 'NONE';
  },
  acceptFollowRequest({ follows, requests }, { back }) {
    if (!requests.delete(back)) return 'NotFoundError';
    follows.add(back);
    return 'FOLLOWING';
  },
  declineFollowRequest: ({ requests }, { back }) => (requests.delete(back) ? 'NONE' : 'NotFoundError'),
  removeFollower({ follows, requests }, { back }) {
    follows.delete(back);
    return requests.has(back) ? 'REQUESTED' : 'NONE';
  },
};

/** The change as its person asks the API for it. */
export function toOperation(people: Pick<Person, 'id'>[], change: Change): { document: string; variables: object } {
  if (change.name === 'upsertPrivacy') {
    const document = 'mutation ($profile: Visibility) { upsertPrivacy(input: { profile: $profile }) { __typename } }';
    return { document, variables: { profile: change.profile } };
  }
  const { name, to } = change;
  const argument = name === 'follow' || name === 'unfollow' ? 'target: { userId: $userId }' : 'userId: $userId';
  const state = name === 'blockUser' || name === 'unblockUser' ? '' : '... on Follow { state }';
  return {
    document: `mutation ($userId: ID!) { ${name}(${argument}) { __typename ${state} } }`,
    variables: { userId: people[to]?.id },
  };
}

/** What the one field of a mutation came to: the state of the follow, or the type that was answered. */
export function readOutcome(data: Record<string, { __typename: string; state?: string }>): string {
  const [answer] = Object.values(data);
  return answer?.state ?? answer?.__typename ?? 'nothing';
}

/** Does the change through the API; fails the test on any answer that isn't the mutation's own. */
export async function doChange(people: Person[], change: Change): Promise<string> {
  const { document, variables } = toOperation(people, change);
  return readOutcome(await (people[change.by] as Person).query(document, variables));
}

/** How the people stand to each other in the database. */
export async function readWorld(app: TestApp, people: Person[]): Promise<World> {
  const ids = people.map(({ id }) => id);
  const { prisma } = app.platform.db;
  const toPairs = (rows: { from: string; to: string }[]) =>
    new Set(rows.map(({ from, to }) => `${ids.indexOf(from)}>${ids.indexOf(to)}`).sort());
  const [privacy, follows, requests, blocks] = await Promise.all([
    prisma.privacy.findMany({ where: { userId: { in: ids } } }),
    prisma.follow.findMany({ where: { followerId: { in: ids } } }),
    prisma.followRequest.findMany({ where: { requesterId: { in: ids } } }),
    prisma.block.findMany({ where: { blockerId: { in: ids } } }),
  ]);
  return {
    profiles: ids.map((id) => privacy.find(({ userId }) => userId === id)?.profile ?? 'nobody'),
    follows: toPairs(follows.map(({ followerId, followeeId }) => ({ from: followerId, to: followeeId }))),
    requests: toPairs(requests.map(({ requesterId, requesteeId }) => ({ from: requesterId, to: requesteeId }))),
    blocks: toPairs(blocks.map(({ blockerId, blockedId }) => ({ from: blockerId, to: blockedId }))),
  };
}

/** A world as text, the same for the same world. */
export const describeWorld = ({ profiles, follows, requests, blocks }: World): string =>
  JSON.stringify({
    profiles,
    follows: [...follows].sort(),
    requests: [...requests].sort(),
    blocks: [...blocks].sort(),
  });

/** All orders of some things. */
export function ordersOf<Item>(items: readonly Item[]): Item[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, place) => ordersOf(items.toSpliced(place, 1)).map((rest) => [item, ...rest]));
}
