import { Expected, type Fields, present } from './privacy-comparison.ts';
import { isShown, nodeRules, type Thing } from './privacy-model.ts';
import { type AudienceName, formerUsername, ownerProfile, type ViewerName, type World } from './privacy-world.ts';
import { pageSize } from './schema-walk.ts';

/** Whoever looks at the owner. */
export type Looker = ViewerName | AudienceName;

/** A way that leads to the owner, or to what is theirs. */
export interface Path {
  name: string;
  operation: string;
  variables(world: World): object;
  /** What the viewer should get, as the data of the answer; null where they are refused. */
  expected(world: World, viewer: Looker): Fields | null;
  /** Who goes it; everybody if left out. */
  isFor?(world: World, viewer: Looker): boolean;
  /** Whether the viewer's own list of blocked users is on it, or the answer of a block. */
  namesBlocked?: boolean;
  /** Gone under every combination of settings, and not only under those that cover every pair. */
  isThorough?: boolean;
}

/** Whether one of the two blocks the other. */
export const isBlocked = (world: World, viewer: Looker) =>
  world.isBlocked(world.viewerIdOf(viewer), world.people.owner.id);

/** Whether the owner is there for the viewer. */
export const isThere = (world: World, viewer: Looker) =>
  !isBlocked(world, viewer) || world.isAdministrator(world.viewerIdOf(viewer));

/** The owner, where they are there for the viewer. */
const ownerFor = (world: World, viewer: Looker) =>
  isThere(world, viewer) ? world.truthOf(world.people.owner.id) : null;

/** Something of the owner's by its own id. */
function thingFor(world: World, viewer: Looker, thing: Fields & Thing): Expected | null {
  const { owner } = world.people;
  const viewerId = world.viewerIdOf(viewer);
  const rule = nodeRules[String(thing.__typename)];
  if (!rule) throw new Error(`Who gets a ${thing.__typename} by its id?`);
  const standing = {
    isOwner: viewerId === owner.id,
    follows: world.follows(viewerId, owner.id),
    isNamedOnly: false,
    isBlocked: isBlocked(world, viewer),
    isAdministrator: world.isAdministrator(viewerId),
  };
  const isSeen = isThere(world, viewer) && isShown(rule, { standing, settings: world.settingsOf(owner.id), thing });
  return isSeen ? new Expected(owner.id, thing) : null;
}

const nodesOf = (list: unknown) => (list as { edges: { node: Fields }[] }).edges.map(({ node }) => node);

/** Everything of the owner's that has an id of its own. */
export function thingsOf(world: World): Fields[] {
  const { profile, preferences, privacy, pictures, events } = world.truthOf(world.people.owner.id);
  return [profile as Fields, preferences as Fields, privacy as Fields, ...nodesOf(pictures), ...nodesOf(events)];
}

const ownerId = ({ people }: World) => ({ id: people.owner.id });

/** Every query. */
export const queries: Path[] = [
  {
    name: 'user by id',
    isThorough: true,
    operation: 'query ($id: ID) { user(by: { id: $id }) { ...User_2 } }',
    variables: ownerId,
    expected: (world, viewer) => ({ user: ownerFor(world, viewer) }),
  },
  ...[ownerProfile.username, formerUsername].map(
    (username): Path => ({
      name: `user by username ${username}`,
      operation: 'query ($username: String) { user(by: { username: $username }) { ...User_1 } }',
      variables: () => ({ username: username.toUpperCase() }),
      expected: (world, viewer) => ({ user: ownerFor(world, viewer) }),
    }),
  ),
  {
    name: 'node',
    operation: 'query ($id: ID!) { node(id: $id) { __typename ... on User { ...User_1 } } }',
    variables: ownerId,
    expected: (world, viewer) => ({ node: ownerFor(world, viewer) }),
  },
  {
    name: 'nodes, among others',
    operation: 'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename ... on User { ...User_1 } } }',
    variables: ({ people }) => ({ ids: [people.third.id, people.owner.id, 'user_matrixnobody00'] }),
    expected: (world, viewer) => ({
      nodes: [world.truthOf(world.people.third.id), ownerFor(world, viewer), null],
    }),
  },
  {
    name: 'nodes that are not users',
    isThorough: true,
    operation: `query ($ids: [ID!]!) { nodes(ids: $ids) { __typename ${Object.keys(nodeRules)
      .filter((type) => type !== 'User')
      .map((type) => `... on ${type} { ...${type}_1 }`)
      .join(' ')} } }`,
    variables: (world) => ({ ids: thingsOf(world).map(({ id }) => id) }),
    expected: (world, viewer) => ({ nodes: thingsOf(world).map((thing) => thingFor(world, viewer, thing)) }),
  },
  ...['Profile', 'ProfilePicture'].map(
    (type): Path => ({
      name: `a ${type} by node`,
      operation: `query ($id: ID!) { node(id: $id) { __typename ... on ${type} { ...${type}_2 } } }`,
      variables: (world) => ({ id: thingsOf(world).find(({ __typename }) => __typename === type)?.id }),
      expected: (world, viewer) => ({
        node: thingFor(world, viewer, thingsOf(world).find(({ __typename }) => __typename === type) ?? {}),
      }),
    }),
  ),
  ...['followers', 'following'].map(
    (list): Path => ({
      name: `${list} of a third person`,
      operation: `query ($id: ID) { user(by: { id: $id }) { __typename id ${list}(first: ${pageSize}) { ...UserConnection_2 } } }`,
      variables: ({ people }) => ({ id: people.third.id }),
      expected: ({ truthOf, people }) => ({ user: truthOf(people.third.id) }),
    }),
  ),
  ...['followRequests', 'blockedUsers'].map(
    (list): Path => ({
      name: `${list} of the viewer`,
      operation: `query { me { __typename id ${list}(first: ${pageSize}) { ...UserConnection_2 } } }`,
      variables: () => ({}),
      expected: ({ truthOf, people }, viewer) => ({ me: people[viewer].token ? truthOf(people[viewer].id) : null }),
      namesBlocked: true,
    }),
  ),
  {
    name: 'me',
    operation: 'query { me { ...User_2 } }',
    variables: () => ({}),
    expected: ({ truthOf, people }, viewer) => ({ me: people[viewer].token ? truthOf(people[viewer].id) : null }),
    namesBlocked: true,
  },
  {
    name: 'search',
    isThorough: true,
    operation: `query ($search: String!) { users(search: $search, first: ${pageSize}) { ...UserConnection_2 } }`,
    variables: () => ({ search: ownerProfile.displayName.slice(0, -1) }),
    expected: (world, viewer) => ({ users: foundPage(ownerFor(world, viewer)) }),
  },
];

function foundPage(node: Fields | null): Fields {
  const end = node && present;
  const pageInfo = {
    __typename: 'PageInfo',
    hasNextPage: false,
    hasPreviousPage: false,
    startCursor: end,
    endCursor: end,
  };
  const edges = node ? [{ __typename: 'UserEdge', cursor: present, since: null, node }] : [];
  return { __typename: 'UserConnection', totalCount: null, edges, pageInfo };
}

/** The state of the owner's picture, as changes and subscriptions tell it. */
export const pictureState = (owner: Fields): Fields => ({
  __typename: 'ProfilePictureUpdate',
  userId: owner.id,
  user: owner,
  revision: owner.pictureRevision,
  picture: owner.picture,
  imageUrl: owner.imageUrl,
  updatedAt: owner.updatedAt,
});
