import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { administratorEnv, createAdministrator, readsIn } from './support/administrator.ts';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { eventOf, eventTypes, recordEvents } from './support/events.ts';
import { block, follow, unblock } from './support/follow.ts';
import { followChanges } from './support/follow-changes.ts';
import { anonymous, createPerson, type Person } from './support/person.ts';
import { photo } from './support/pictures.ts';
import { closeSockets, signIn } from './support/socket.ts';
import { closeEventStreams, openEventStream } from './support/sse.ts';

let app: TestApp;
let address: string;
let administrator: Person;
beforeAll(async () => {
  app = await createTestApp({ env: administratorEnv });
  address = await app.listen();
  administrator = await createAdministrator(app);
});
afterEach(() => {
  closeSockets();
  closeEventStreams();
});
afterAll(() => app.close());

// biome-ignore lint/suspicious/noExplicitAny: whatever was asked for.
type Seen = any;

const userQuery = (fields: string) => `query ($id: ID) { user(by: { id: $id }) { ${fields} } }`;

/** What a viewer gets of a user. */
const look = async (viewer: Person, owner: Person, fields: string): Promise<Seen> =>
  (await viewer.query<{ user: Seen }, object>(userQuery(fields), { id: owner.id })).user;

/** Nobody but its owner sees anything of this user. */
async function createHidden(): Promise<Person> {
  const owner = await createPerson(app);
  const { prisma } = app.platform.db;
  await prisma.user.update({ where: { id: owner.id }, data: { email: `${owner.id}@visage.test`, firstName: 'Ada' } });
  await owner.upsertProfile({ bio: 'hidden', salary: { min: 1 } });
  await owner.upsertPrivacy({ profile: 'PRIVATE' });
  return owner;
}

/** What stands in the log of administrators' reads that this looking left behind, whose log was empty. */
const readsLeftBy = async (owner: Person, fields: string): Promise<string[][]> => {
  await look(administrator, owner, fields);
  return readsIn(owner);
};

describe('an administrator reads', () => {
  test('what is hidden from anybody else, but not what is secret', async () => {
    const owner = await createHidden();
    await owner.upload(await photo([90, 80]), { name: 'holiday.jpg' });
    const fields = `email firstName preferences { theme } privacy { profile }
      profile { bio completion { percentage } salary { min } }
      picture { originalName originalMimeType originalBytes }`;
    expect(await look(administrator, owner, fields)).toMatchObject({
      email: `${owner.id}@visage.test`,
      firstName: 'Ada',
      preferences: { theme: 'SYSTEM' },
      privacy: { profile: 'PRIVATE' },
      profile: { bio: 'hidden', completion: { percentage: expect.any(Number) }, salary: null },
      picture: { originalName: null, originalMimeType: null, originalBytes: null },
    });
  });

  test('pictures that are not active by their own ids', async () => {
    const owner = await createHidden();
    for (const altText of ['First', 'Second']) await owner.upload(await photo([90, 80]), { altText });
    const { me } = await owner.query<Seen, object>('{ me { pictures { edges { node { id } } } } }');
    const ids = me.pictures.edges.map(({ node }: Seen) => node.id);
    const query = 'query ($ids: [ID!]!) { nodes(ids: $ids) { ... on ProfilePicture { version originalName } } }';
    const { nodes } = await administrator.query<Seen, object>(query, { ids });
    expect(nodes).toEqual([2, 1].map((version) => ({ version, originalName: null })));
    expect(await readsIn(owner)).toEqual([['own']]);
  });

  test('of themselves what anybody does, secrets too, and nothing of it is logged', async () => {
    await administrator.upsertProfile({ salary: { min: 7 } });
    expect(await look(administrator, administrator, 'profile { salary { min } }')).toEqual({
      profile: { salary: { min: 7 } },
    });
    expect(await readsIn(administrator)).toEqual([]);
  });

  test('their own as an audience gets it with the header, and others as ever', async () => {
    const owner = await createHidden();
    const query =
      'query ($id: ID) { me { email preferences { theme } profile { salary { min } } } user(by: { id: $id }) { email } }';
    const answer = await administrator.ask<Seen, object>(query, { id: owner.id }, { 'visage-view-as': 'PUBLIC' });
    expect(answer.data).toEqual({
      me: { email: null, preferences: null, profile: { salary: null } },
      user: { email: `${owner.id}@visage.test` },
    });
    expect(await readsIn(owner)).toEqual([['own']]);
  });

  test('somebody who blocks them, and those whom they block, on lists too', async () => {
    const [owner, other] = [await createPerson(app), await createPerson(app)];
    await follow(owner, { userId: other.id });
    await block(owner, administrator.id);
    expect(await look(administrator, owner, 'username')).not.toBeNull();
    const { followers } = await look(administrator, other, 'followers { totalCount edges { node { id } } }');
    expect(followers).toEqual({ totalCount: 1, edges: [{ node: { id: owner.id } }] });
    expect(await readsIn(owner)).toEqual([['user'], ['user']]);
    expect(await look(owner, administrator, 'id')).toBeNull();
    await unblock(owner, administrator.id);
  });
});

describe("the owner's audit log", () => {
  const everything = `email firstName followRequests { totalCount } blockedUsers { totalCount } auditLog { edges { cursor } }
    syncSessions { id } pictures { edges { cursor } } privacy { profile } preferences { theme }
    profile { bio completion { percentage } user { email profile { bio } } }
    followers { totalCount } following { totalCount } events { edges { cursor } }`;

  test('has one entry for a request, whatever it asked for, with the parts', async () => {
    expect(await readsLeftBy(await createHidden(), everything)).toEqual([
      ['own', 'profile', 'ratings', 'watchHistory'],
    ]);
  });

  test.each([
    ['email', ['own']],
    ['profile { bio }', ['profile']],
    ['followedStudios { totalCount }', ['profile']],
    ['events(types: [VIEW]) { edges { cursor } }', ['watchHistory']],
    ['events(types: [REVIEW]) { edges { cursor } }', ['ratings']],
  ])('names the parts that %s is of', async (fields, parts) => {
    expect(await readsLeftBy(await createHidden(), fields)).toEqual([parts]);
  });

  test('has nothing of what the administrator could see anyway', async () => {
    const owner = await createPerson(app);
    await owner.upsertProfile({ bio: 'for all' });
    await owner.upsertPrivacy({ watchHistory: 'PUBLIC', ratings: 'FOLLOWERS' });
    await follow(administrator, { userId: owner.id });
    const open =
      'id displayName imageUrl viewerFollow profile { bio salary { min } } followers { totalCount } events { edges { cursor } }';
    expect(await readsLeftBy(owner, open)).toEqual([]);
    expect(await readsLeftBy(owner, `${open} email`)).toEqual([['own']]);
  });

  test('has nothing of what others asked for', async () => {
    const owner = await createHidden();
    const stranger = await createPerson(app);
    for (const viewer of [owner, stranger, anonymous(app)]) await look(viewer, owner, everything);
    expect(await readsIn(owner)).toEqual([]);
  });

  test('tells each owner of their own part, of all that one request names', async () => {
    const [ada, grace, open] = [await createHidden(), await createHidden(), await createPerson(app)];
    const [event] = await recordEvents(grace, [eventOf(eventTypes[0] ?? 'VIEW')]);
    const query = `query ($ids: [ID!]!, $id: ID) {
      nodes(ids: $ids) { ... on User { firstName } ... on Profile { bio } ... on Event { movieId } }
      user(by: { id: $id }) { displayName }
    }`;
    app.takeStatements();
    await administrator.query(query, { ids: [ada.id, `profile_${ada.id}`, event?.id], id: open.id });
    const inserts = app.takeStatements().filter((sql) => sql.includes('insert into audit_entries'));
    expect(inserts).toHaveLength(1);
    expect([await readsIn(ada), await readsIn(grace), await readsIn(open)]).toEqual([
      [['own', 'profile']],
      [['watchHistory']],
      [],
    ]);
  });

  test('tells of what came with the answer of a mutation', async () => {
    const owner = await createHidden();
    const mutation =
      'mutation ($id: ID!) { unfollow(target: { userId: $id }) { ... on Follow { target { ... on User { email } } } } }';
    const { unfollow } = await administrator.query<Seen, object>(mutation, { id: owner.id });
    expect(unfollow.target.email).toBe(`${owner.id}@visage.test`);
    expect(await readsIn(owner)).toEqual([['own']]);
  });

  test('costs nobody else a statement', async () => {
    const [owner, stranger] = [await createHidden(), await createPerson(app)];
    app.takeStatements();
    await look(stranger, owner, 'email profile { bio }');
    await owner.me();
    expect(app.takeStatements()).toHaveLength(2);
    await look(administrator, owner, 'email profile { bio }');
    expect(app.takeStatements()).toHaveLength(2);
  });
});

describe('an administrator who is subscribed', () => {
  const query = 'subscription ($userIds: [ID!]) { profileUpdated(userIds: $userIds) { email profile { bio } } }';

  test('is told what is hidden, with an entry for each message before it arrives', async () => {
    const owner = await createHidden();
    const changes = await followChanges<Seen>({ app, address }, administrator.token, {
      query,
      variables: { userIds: [owner.id] },
    });
    for (const bio of ['one', 'two']) {
      await owner.upsertProfile({ bio });
      expect(await changes.next()).toEqual({ email: `${owner.id}@visage.test`, profile: { bio } });
      expect((await readsIn(owner))[0]).toEqual(['own', 'profile']);
    }
    expect(await readsIn(owner)).toHaveLength(2);
  });

  test('is told over server-sent events in the same way', async () => {
    const owner = await createHidden();
    await owner.upload(await photo([90, 80]));
    const pictures = `subscription ($known: [KnownPictureRevision!], $ids: [ID!]) {
      profilePictureUpdated(userIds: $ids, known: $known) { user { email } } }`;
    const variables = { ids: [owner.id], known: [{ userId: owner.id, revision: 0 }] };
    const stream = await openEventStream(address, { token: administrator.token, query: pictures, variables });
    const { data } = await stream.next();
    expect(data.profilePictureUpdated.user.email).toBe(`${owner.id}@visage.test`);
    expect(await readsIn(owner)).toEqual([['own']]);
  });

  test('is closed with 4403 as soon as a token says that they are none any more', async () => {
    const administrator = await createAdministrator(app);
    const socket = await signIn(address, { token: administrator.token });
    socket.send({ type: 'ping', payload: { token: administrator.token } });
    await socket.expect('pong');
    socket.send({ type: 'ping', payload: { token: await app.sign({ sub: administrator.id }) } });
    expect((await socket.closed).code).toBe(4403);
  });

  test('has one entry for an operation on a socket, as over HTTP', async () => {
    const owner = await createHidden();
    const { socket } = await followChanges({ app, address }, administrator.token, {
      query,
      variables: { userIds: [owner.id] },
    });
    const [answer] = await socket.ask(userQuery('email'), { id: owner.id });
    expect(answer.data.user.email).toBe(`${owner.id}@visage.test`);
    expect(await readsIn(owner)).toEqual([['own']]);
  });
});

describe('where a read can not be logged', () => {
  /** Entries of administrators' reads are refused until the test is over. */
  const refuseEntries = async () => {
    const { prisma } = app.platform.db;
    await prisma.$executeRaw`
      alter table audit_entries add constraint no_reads check (action <> 'administrator.read') not valid`;
    const allowAgain = () => prisma.$executeRaw`alter table audit_entries drop constraint if exists no_reads`;
    onTestFinished(async () => {
      await allowAgain();
    });
    return allowAgain;
  };

  test('nothing of it is told', async () => {
    const owner = await createHidden();
    await refuseEntries();
    const answer = await administrator.ask(userQuery('email profile { bio }'), { id: owner.id });
    expect(answer).toMatchObject({ status: 200, errors: [{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }] });
    expect(answer.data ?? null).toBeNull();
    expect(JSON.stringify(answer)).not.toContain(owner.id);
    expect(await look(administrator, owner, 'displayName')).not.toBeNull();
  });

  test('no message of a subscription tells it, and the next one may', async () => {
    const owner = await createHidden();
    const query = 'subscription ($userIds: [ID!]) { profileUpdated(userIds: $userIds) { profile { bio } } }';
    const { socket } = await followChanges({ app, address }, administrator.token, {
      query,
      variables: { userIds: [owner.id] },
    });
    const allowAgain = await refuseEntries();
    await owner.upsertProfile({ bio: 'unseen' });
    const refused = await socket.expect('next', 'changes');
    expect(refused).toMatchObject({ errors: [{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }] });
    expect(JSON.stringify(refused)).not.toContain('unseen');
    await allowAgain();
    await owner.upsertProfile({ bio: 'seen' });
    expect(await socket.expect('next', 'changes')).toMatchObject({
      data: { profileUpdated: { profile: { bio: 'seen' } } },
    });
  });
});

describe('an administrator changes nothing of anybody else:', () => {
  test('their mutations are about themselves', async () => {
    const owner = await createHidden();
    const before = await owner.me();
    const [event] = await recordEvents(owner, [eventOf('VIEW')]);
    const { deleteEvent } = await administrator.query<Seen, object>(
      'mutation ($id: ID!) { deleteEvent(id: $id) { __typename } }',
      { id: event?.id },
    );
    expect(deleteEvent.__typename).toBe('NotFoundError');
    await administrator.upsertProfile({ bio: randomId() });
    await administrator.upsertPrivacy({ profile: 'PUBLIC' });
    await administrator.upsertPreferences({ theme: 'DARK' });
    expect(await owner.me()).toEqual(before);
  });

  test('somebody who blocks them can not be followed', async () => {
    const owner = await createPerson(app);
    await block(owner, administrator.id);
    expect(await follow(administrator, { userId: owner.id })).toMatchObject({ __typename: 'NotFoundError' });
    await unblock(owner, administrator.id);
  });
});
