import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Visibility } from '../src/generated/prisma/enums.ts';
import { schema } from '../src/schema.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { eventOf, eventTypes, recordEvents } from './support/events.ts';
import { accept, follow } from './support/follow.ts';
import { type Answer, anonymous, createPerson, type Person } from './support/person.ts';
import { photo } from './support/pictures.ts';
import { withFragments } from './support/schema-walk.ts';
import { closeSockets, signIn } from './support/socket.ts';
import { closeEventStreams } from './support/sse.ts';

let app: TestApp;
let ada: Person;
let stranger: Person;
let follower: Person;
/** Follows Ada, is followed back, and shows their profile to followers alone. */
let friend: Person;
let ids: { pictures: string[]; events: string[] };

const username = 'ada.view';
const formerUsername = 'ada.former';

beforeAll(async () => {
  app = await createTestApp();
  ada = await createPerson(app);
  stranger = await createPerson(app);
  follower = await createPerson(app);
  friend = await createPerson(app);
  await friend.upsertProfile({ bio: 'for followers' });
  await friend.upsertPrivacy({ profile: 'FOLLOWERS' });
  await fill();
  for (const person of [follower, friend]) await follow(person, { userId: ada.id });
  await follow(ada, { userId: friend.id });
  await accept(friend, ada.id);
  for (const target of [{ crewMemberTmdbId: 7 }, { studioTmdbId: 7 }]) await follow(ada, target);
  await ada.query('mutation ($id: ID!) { blockUser(userId: $id) { __typename } }', {
    id: (await createPerson(app)).id,
  });
});
afterEach(() => {
  closeSockets();
  closeEventStreams();
});
afterAll(() => app.close());

/** Something in every field, so that hidden and empty are not alike. */
async function fill(): Promise<void> {
  const names = { email: 'ada@visage.test', firstName: 'Ada', lastName: 'Lovelace' };
  await app.platform.db.prisma.user.update({ where: { id: ada.id }, data: names });
  await ada.upsertProfile({ username: formerUsername });
  await ada.upsertProfile({
    username,
    displayName: 'Ada of the view',
    bio: 'counts',
    fieldOfStudy: 'Mathematics',
    skills: ['Analysis'],
    preferredLocations: ['London'],
    salary: { min: 1, max: 2 },
  });
  await ada.upsertPreferences({ theme: 'DARK', favoriteGenres: [1], notifications: [{ name: 'news', enabled: true }] });
  for (const altText of ['First', 'Second']) await ada.upload(await photo([90, 80]), { altText });
  await ada.query('mutation { acknowledgePictureRevision(revision: 2) { id } }');
  const events = await recordEvents(
    ada,
    eventTypes.map((type) => eventOf(type)),
  );
  const { me } = await ada.query<{ me: { pictures: { edges: { node: { id: string } }[] } } }, object>(
    '{ me { pictures { edges { node { id } } } } }',
  );
  ids = { pictures: me.pictures.edges.map(({ node }) => node.id), events: events.map(({ id }) => id) };
}

/** Who is asked for, and by which audience's header the answer should be the same. */
const audiences = ['PUBLIC', 'FOLLOWERS'] as const;
const memberOf = (audience: string) => (audience === 'PUBLIC' ? stranger : follower);

async function askAs<Data>(audience: string, query: string, variables: object = {}): Promise<Data> {
  const answer = await ada.ask<Data, object>(query, variables, { 'visage-view-as': audience });
  expect(answer.errors).toBeUndefined();
  return answer.data;
}

/** An answer without what its reader sees of themselves, as one of Ada's followers, or of Ada's audience. */
const withoutReader = (data: unknown, reader: Person): unknown =>
  JSON.parse(JSON.stringify(data), (_, value) => (value?.id === reader.id ? { id: reader.id } : value));

const selection = '{ ...User_1 }';
const complete = (query: string) => withFragments(schema, query);

/** Every way that leads to Ada or to something of hers. */
const paths: Record<string, () => [query: string, variables: object]> = {
  'user by id': () => [complete(`query ($id: ID) { user(by: { id: $id }) ${selection} }`), { id: ada.id }],
  'user by username': () => [complete(`{ user(by: { username: "${username}" }) ${selection} }`), {}],
  'user by former username': () => [complete(`{ user(by: { username: "${formerUsername}" }) ${selection} }`), {}],
  'user by username and by id': () => [
    `query ($id: ID) { found: user(by: { username: "${username}" }) { email } user(by: { id: $id }) { email } }`,
    { id: ada.id },
  ],
  search: () => [complete(`{ users(search: "ada of the view", first: 1) { edges { node ${selection} } } }`), {}],
  "a node's id": () => [
    complete(`query ($ids: [ID!]!) { nodes(ids: $ids) { ... on User ${selection} } }`),
    { ids: [ada.id] },
  ],
  "the profile's id, and those of preferences and privacy": () => [
    complete('query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Profile { ...Profile_1 } } }'),
    { ids: ['profile', 'preferences', 'privacy'].map((name) => `${name}_${ada.id}`) },
  ],
  'the ids of pictures, active or not': () => [
    complete('query ($ids: [ID!]!) { nodes(ids: $ids) { ... on ProfilePicture { ...ProfilePicture_1 } } }'),
    { ids: ids.pictures },
  ],
  'the ids of events': () => [
    complete('query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Event { ...Event_1 } } }'),
    { ids: ids.events },
  ],
  "somebody else's list": () => [
    `query ($id: ID) { user(by: { id: $id }) { following { edges { node { id email viewerFollow profile { bio } } } } } }`,
    { id: follower.id },
  ],
  'whether the username is free': () => [
    `{ now: usernameAvailability(username: "${username}") { available reason }
       before: usernameAvailability(username: "${formerUsername}") { available reason } }`,
    {},
  ],
};

describe.each<Visibility>(['PUBLIC', 'FOLLOWERS', 'PRIVATE'])('when all is %s', (visibility) => {
  beforeAll(() => ada.upsertPrivacy({ profile: visibility, watchHistory: visibility, ratings: visibility }));

  test.each(audiences)('a viewer sees every field of their own as %s gets it', async (audience) => {
    const member = memberOf(audience);
    const { me } = await askAs<{ me: object }>(audience, complete(`{ me ${selection} }`));
    const [query, variables] = paths['user by id']?.() ?? ['', {}];
    const { user } = await member.query<{ user: object }, object>(query, variables);
    expect(withoutReader(me, member)).toEqual(withoutReader(user, member));
    expect(JSON.stringify(me)).not.toContain('ada@visage.test');
  });

  test.each(audiences.flatMap((audience) => Object.keys(paths).map((path) => [audience, path] as const)))(
    'as %s gets it, a viewer sees their own by %s',
    async (audience, path) => {
      const member = memberOf(audience);
      const [query, variables] = paths[path]?.() ?? ['', {}];
      const seen = await askAs(audience, query, variables);
      expect(withoutReader(seen, member)).toEqual(withoutReader(await member.query(query, variables), member));
    },
  );
});

test('users are asked for in no more statements than without the header', async () => {
  const query = `query ($id: ID) { me { email } user(by: { id: $id }) { email profile { bio } } }`;
  app.takeStatements();
  await askAs('PUBLIC', query, { id: ada.id });
  expect(app.takeStatements()).toHaveLength(1);
});

test('what others show the viewer stays as it is', async () => {
  const query = 'query ($id: ID) { user(by: { id: $id }) { viewerFollow followsViewer profile { bio } } }';
  expect(await askAs('PUBLIC', query, { id: friend.id })).toEqual({
    user: { viewerFollow: 'FOLLOWING', followsViewer: true, profile: { bio: 'for followers' } },
  });
});

describe('the header is refused', () => {
  const codeOf = ({ data, errors }: Answer<unknown>) => [data ?? null, errors?.[0]?.extensions.code];
  const refused = [null, 'BAD_USER_INPUT'];
  const mutation = 'mutation { upsertProfile(input: { bio: "changed" }) { __typename } }';

  test.each(['PRIVATE', 'public', '', 'PUBLIC, FOLLOWERS', 'ÿ'])('with the value %j', async (value) => {
    const answer = await ada.ask('{ me { id } }', {}, { 'visage-view-as': value });
    expect(codeOf(answer)).toEqual(refused);
    expect(answer.status).toBe(200);
  });

  test.each(audiences)('with a mutation, of which nothing runs, as %s', async (audience) => {
    const answer = await ada.ask(mutation, {}, { 'visage-view-as': audience });
    expect(codeOf(answer)).toEqual(refused);
    expect(answer.status).toBe(200);
    expect((await ada.me()).profile).toMatchObject({ bio: 'counts' });
  });

  test.each(['PUBLIC', 'NOBODY'])('with 400 where the client accepts it: %s', async (value) => {
    const accept = 'application/graphql-response+json';
    const answer = await ada.ask(mutation, {}, { 'visage-view-as': value, accept });
    expect([answer.status, ...codeOf(answer)]).toEqual([400, ...refused]);
  });

  test('with a subscription', async () => {
    const accept = 'text/event-stream';
    const response = await app.fetch(
      new Request('http://visage.test/graphql', {
        method: 'POST',
        headers: {
          authorization: `Bearer ${ada.token}`,
          'content-type': 'application/json',
          'visage-view-as': 'PUBLIC',
          accept,
        },
        body: JSON.stringify({ query: 'subscription { profileUpdated { email } }' }),
      }),
    );
    expect(await response.text()).toContain('BAD_USER_INPUT');
  });
});

test('somebody without a token has nothing of their own, and is answered as ever', async () => {
  const query = 'query ($id: ID) { me { id } user(by: { id: $id }) { id } }';
  const answer = await anonymous(app).ask(query, { id: ada.id }, { 'visage-view-as': 'FOLLOWERS' });
  expect(answer).toMatchObject({ data: { me: null, user: { id: ada.id } } });
});

test('a socket knows no header: it shows its viewer what is their own', async () => {
  const socket = await signIn(await app.listen(), { token: ada.token, 'Visage-View-As': 'PUBLIC' });
  expect(await socket.ask('{ me { email } }')).toEqual([{ data: { me: { email: 'ada@visage.test' } } }]);
});
