import type { GraphQLSchema } from 'graphql';
import type { TestApp } from './app.ts';
import type { Person } from './person.ts';
import { mutationNames, mutationOf } from './privacy-changes.ts';
import type { Fields } from './privacy-comparison.ts';
import { thingsOf } from './privacy-paths.ts';
import { ownerProfile, type World } from './privacy-world.ts';
import { withFragments } from './schema-walk.ts';

/** Names of a user's things: of one who is hidden, or of one who isn't there. */
export interface Names {
  id: string;
  username: string;
  /** Ids of all that has one of its own. */
  things: string[];
}

/** What names the owner, and somebody made up whose names are as long. */
export interface Pair {
  hidden: Names;
  missing: Names;
}

export function namesOf(world: World, isAsked = (_thing: Fields): boolean => true): Pair {
  const { id } = world.people.owner;
  const { username } = ownerProfile;
  const things = thingsOf(world).filter(isAsked);
  const hidden = { id, username, things: things.map((thing) => String(thing.id)) };
  const toMissing = (name: string) => name.replace('owner', 'nobod').replace(/[0-9a-f]{4}$/, 'beef');
  const missing = { id: toMissing(id), username: toMissing(username), things: hidden.things.map(toMissing) };
  return { hidden, missing };
}

/** A question that names a user or their things. */
export interface Probe {
  name: string;
  query: string;
  variables(names: Names): object;
}

const byUser = (name: string, query: string): Probe => ({ name, query, variables: ({ id }) => ({ id }) });
const lists = 'followers(first: 0) { totalCount } events(after: "no cursor") { edges { cursor } } imageUrl(size: 0)';

/** Ways to ask for a user, with errors beside, and with arguments that are an error where there is a user. */
export const userProbes: Probe[] = [
  byUser('node', 'query ($id: ID!) { node(id: $id) { __typename id ... on User { email } } }'),
  byUser('nodes', 'query ($id: ID!) { nodes(ids: [$id, "user_nobody", $id]) { __typename id } }'),
  byUser('user by id', 'query ($id: ID) { user(by: { id: $id }) { id username } }'),
  byUser('user with wrong arguments', `query ($id: ID) { user(by: { id: $id }) { ${lists} } }`),
  byUser('user beside an error', 'query ($id: ID) { users(search: "") { totalCount } user(by: { id: $id }) { id } }'),
  byUser('node beside an error', 'query ($id: ID!) { node(id: $id) { id } bad: node(id: "event_1") { id } }'),
  byUser('events of nobody to delete', 'mutation ($id: ID!) { deleteEvent(id: $id) { __typename } }'),
  ...mutationNames.map((field) => byUser(field, mutationOf(field))),
  {
    name: 'user by username',
    query: 'query ($username: String) { user(by: { username: $username }) { id username } }',
    variables: ({ username }) => ({ username }),
  },
  {
    name: 'search',
    query: 'query ($search: String!) { users(search: $search) { totalCount edges { cursor } pageInfo { endCursor } } }',
    variables: ({ username }) => ({ search: username }),
  },
];

const places = Array.from({ length: 9 }, (_, at) => at);

/** Ways to ask for what is somebody's. */
export const thingProbes: Probe[] = [
  {
    name: 'nodes',
    query: 'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }',
    variables: ({ things }) => ({ ids: things }),
  },
  {
    name: 'each by node',
    query: `query (${places.map((at) => `$id${at}: ID!`)}) { ${places.map((at) => `at${at}: node(id: $id${at}) { id }`).join(' ')} }`,
    variables: ({ things }) => Object.fromEntries(places.map((at) => [`id${at}`, things.at(at)])),
  },
  ...[-1, -2].map((at) => ({
    name: `event ${at} to delete`,
    query: 'mutation ($id: ID!) { deleteEvent(id: $id) { __typename ... on NotFoundError { message } } }',
    variables: ({ things }: Names) => ({ id: things.at(at) }),
  })),
];

/** An answer as it came, but for what tells requests and moments apart. */
export async function readRaw(app: TestApp, { token }: Person, query: string, variables: object): Promise<Fields> {
  const response = await app.fetch(
    new Request('http://visage.test/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ query, variables }),
    }),
  );
  const headers = [...response.headers].filter(([name]) => name !== 'x-request-id' && name !== 'date');
  return { status: response.status, headers, body: await response.text() };
}

/** The probes that are answered in another way for what is hidden than for what isn't there. */
export async function findDifferences(
  { app, schema, probes, names }: { app: TestApp; schema: GraphQLSchema; probes: Probe[]; names: Pair },
  viewer: Person,
): Promise<object[]> {
  const differences: object[] = [];
  for (const { name, query, variables } of probes) {
    const document = withFragments(schema, query);
    const hidden = await readRaw(app, viewer, document, variables(names.hidden));
    const missing = await readRaw(app, viewer, document, variables(names.missing));
    if (JSON.stringify(hidden) !== JSON.stringify(missing)) differences.push({ name, hidden, missing });
  }
  return differences;
}
