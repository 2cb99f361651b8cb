import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { toTombstone } from '../src/modules/user/tombstone.ts';
import {
  columnsWith,
  deleteAccount,
  deleteAccountMutation,
  expectErased,
  passRemovalDelay,
  storedFiles,
} from './support/account.ts';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { type Cuttable, createCuttable } from './support/cuttable.ts';
import { eventOf, recordEvents } from './support/events.ts';
import { block, expectCountersToHold, follow } from './support/follow.ts';
import { followChanges } from './support/follow-changes.ts';
import { anonymous, asPerson, createPerson, type Person, toMultipart } from './support/person.ts';
import { photo } from './support/pictures.ts';
import { closeSockets, openSocket, signIn } from './support/socket.ts';
import { closeEventStreams, openEventStream } from './support/sse.ts';

let app: TestApp;
/** Another server on the same database, which can be cut off from it. */
let other: TestApp;
let database: Cuttable;
let addresses: string[];
beforeAll(async () => {
  app = await createTestApp();
  database = await createCuttable(app.database.connectionString);
  other = await createTestApp({ beside: app, parts: { connectionString: database.connectionString } });
  addresses = [await app.listen(), await other.listen()];
});
afterEach(() => {
  closeSockets();
  closeEventStreams();
});
afterAll(async () => {
  await other.close();
  await database.cut();
  await app.close();
});

const newUsername = () => `u${randomId()}`;
const isThere = async (id: string, viewer: Person) =>
  (await viewer.query<{ user: object | null }, object>('query ($id: ID) { user(by: { id: $id }) { id } }', { id }))
    .user !== null;

/** The files that are there after it and weren't before. */
async function filesOf(work: () => Promise<unknown>): Promise<string[]> {
  const before = new Set(await storedFiles(app));
  await work();
  return (await storedFiles(app)).filter((name) => !before.has(name));
}

/** Somebody who has something in every table. */
async function createBusyPerson(): Promise<Person> {
  const [ada, friend, private_] = [await createPerson(app), await createPerson(app), await createPerson(app)];
  const { prisma } = app.platform.db;
  await ada.upsertProfile({ username: newUsername() });
  await ada.upsertProfile({ username: newUsername(), bio: 'a secret' });
  await ada.upsertPreferences({ theme: 'DARK' });
  for (const size of [90, 91] as const) await ada.upload(await photo([size, 80]));
  await ada.query('mutation { acknowledgePictureRevision(revision: 2) { id } }');
  await recordEvents(ada, [eventOf('VIEW'), eventOf('RATING')]);
  for (const target of [{ userId: friend.id }, { crewMemberTmdbId: 1 }, { studioTmdbId: 1 }]) await follow(ada, target);
  await follow(friend, { userId: ada.id });
  await private_.upsertPrivacy({ profile: 'PRIVATE' });
  await follow(ada, { userId: private_.id });
  await ada.upsertPrivacy({ profile: 'PRIVATE' });
  await follow(private_, { userId: ada.id });
  await block(ada, (await createPerson(app)).id);
  await block(await createPerson(app), ada.id);
  await prisma.webhookDelivery.create({
    data: { id: randomId(), type: 'user.updated', userId: ada.id, outcome: 'APPLIED' },
  });
  await prisma.outboxEntry.create({ data: { userId: ada.id, kind: 'USERNAME', payload: { username: 'a secret' } } });
  return ada;
}

describe('an account that is deleted', () => {
  test('leaves one audit entry, which names nobody', async () => {
    const { prisma } = app.platform.db;
    const ada = await createPerson(app);
    const before = await prisma.auditEntry.count({ where: { userId: null } });
    await deleteAccount(ada, ada.id);
    const entries = await prisma.auditEntry.findMany({ where: { userId: null }, orderBy: { id: 'asc' } });
    expect(entries.slice(before)).toEqual([
      {
        id: expect.any(String),
        userId: null,
        action: 'account.deleted',
        actor: 'OWNER',
        changedFields: [],
        at: expect.any(Date),
      },
    ]);
  });

  test('leaves no trace, and others with right counts', async () => {
    const ada = await createBusyPerson();
    const { username } = await ada.me();
    expect(await columnsWith(app, ada.id)).toContain('follow_requests.requester_id');
    expect(await deleteAccount(ada, username ?? '')).toEqual({ __typename: 'DeletedAccount', userId: ada.id });
    expect(await isThere(ada.id, anonymous(app))).toBe(false);
    await expectErased(app, ada.id);
    expect(await columnsWith(app, 'a secret')).toEqual([]);
    await expectCountersToHold(app);
    expect(await app.platform.db.prisma.tombstone.count({ where: { idHash: toTombstone(ada.id) } })).toBe(1);
  });

  test('takes its pictures with it, but those that somebody else has too', async () => {
    const [ada, grace] = [await createPerson(app), await createPerson(app)];
    const shared = await photo([120, 120]);
    const ofGrace = await filesOf(() => grace.upload(shared));
    const ofAda = await filesOf(async () => {
      await ada.upload(shared);
      await ada.upload(await photo([130, 130]));
    });
    for (const [person, files] of [[ada, ofAda] as const, [grace, ofGrace] as const]) {
      expect(await storedFiles(app)).toEqual(expect.arrayContaining([...files, ...ofGrace]));
      await deleteAccount(person);
      await expectErased(app, person.id);
      await passRemovalDelay(app);
      await vi.waitFor(
        async () => expect((await storedFiles(app)).filter((name) => files.includes(name))).toEqual([]),
        {
          timeout: 20_000,
        },
      );
    }
  });

  test('has its names held for 30 days', async () => {
    const [ada, grace] = [await createPerson(app), await createPerson(app)];
    const [former, current] = [newUsername(), newUsername()];
    await ada.upsertProfile({ username: former });
    await ada.upsertProfile({ username: current });
    await deleteAccount(ada, current);
    for (const username of [former, current]) {
      expect(await grace.query(`{ user(by: { username: "${username}" }) { id } }`)).toEqual({ user: null });
      expect(await grace.upsertProfile({ username })).toMatchObject({ __typename: 'UsernameTakenError' });
    }
    await app.platform.db.prisma.usernameHistory.updateMany({
      where: { username: current },
      data: { releasedAt: new Date(Date.now() - 31 * 24 * 3_600_000) },
    });
    expect(await grace.upsertProfile({ username: current })).toMatchObject({ __typename: 'Profile' });
  });
});

describe('the confirmation', () => {
  test.each<[string, (username: string) => string]>([
    ['is the username', (username) => username],
    ['is the username in any case', (username) => username.toUpperCase()],
    ['may have white space around it', (username) => ` ${username}\n`],
  ])('%s', async (_, toConfirmation) => {
    const [ada, username] = [await createPerson(app), newUsername()];
    await ada.upsertProfile({ username });
    expect(await deleteAccount(ada, toConfirmation(username))).toMatchObject({ __typename: 'DeletedAccount' });
  });

  test('that is wrong changes nothing', async () => {
    const [ada, former, username] = [await createPerson(app), newUsername(), newUsername()];
    await ada.upsertProfile({ username: former, bio: 'counts' });
    await ada.upsertProfile({ username });
    for (const wrong of [ada.id, former, '', username.slice(1), `${username}\u0000`, 'x'.repeat(10_000)]) {
      expect(await deleteAccount(ada, wrong)).toEqual({
        __typename: 'WrongConfirmationError',
        message: 'Expected the username of the account.',
      });
    }
    expect(await ada.me()).toMatchObject({ username, profile: { bio: 'counts' } });
  });

  test('of a user without a username is the id alone, as it is', async () => {
    const ada = await createPerson(app, `user_A${randomId()}`);
    for (const wrong of ['', 'null', ada.id.toLowerCase()]) {
      expect(await deleteAccount(ada, wrong)).toMatchObject({ __typename: 'WrongConfirmationError' });
    }
    expect(await deleteAccount(ada, ada.id)).toMatchObject({ userId: ada.id });
  });

  test('is for signed-in users', async () => {
    const { errors } = await anonymous(app).ask(deleteAccountMutation, { confirmation: 'x' });
    expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
  });
});

describe('a token of a deleted user', () => {
  const answersOf = async (servers: TestApp[], { id, token }: Person) => {
    const tokens = [token, await app.sign({ sub: id })];
    const people = servers.flatMap((server) => tokens.map((each) => asPerson(server, id, each)));
    return Promise.all(people.map((person) => person.ask('{ me { id } }')));
  };

  test('is refused everywhere, and does not bring them back', async () => {
    const ada = await createPerson(app);
    const there = asPerson(other, ada.id, ada.token);
    await there.me();
    await deleteAccount(ada);
    const refused = { status: 401, errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] };
    for (const answer of await answersOf([app], ada)) expect(answer).toMatchObject(refused);
    while ((await there.ask('{ __typename }')).status !== 401) await nextTurn();
    for (const answer of await answersOf([app, other], ada)) expect(answer).toMatchObject(refused);
    expect(await there.ask('{ __typename }')).toMatchObject(refused);
    await expect(signIn(addresses[0] as string, { token: ada.token })).rejects.toThrow('4403');
    await expectErased(app, ada.id);
  });

  test('uploads nothing', async () => {
    const ada = await createPerson(app);
    await deleteAccount(ada);
    const query = 'mutation ($file: File!) { uploadProfilePicture(file: $file) { __typename } }';
    const file = new File([new Uint8Array(await photo([80, 80]))], 'a.jpg');
    const response = await app.fetch(
      new Request('http://visage.test/graphql', {
        method: 'POST',
        headers: { authorization: `Bearer ${ada.token}` },
        body: toMultipart(query, {}, file),
      }),
    );
    expect(response.status).toBe(401);
  });
});

describe('what is open when an account is deleted', () => {
  const profileUpdates = 'subscription ($userIds: [ID!]) { profileUpdated(userIds: $userIds) { id } }';

  test('is closed at every server, and nothing else', async () => {
    const [ada, grace] = [await createPerson(app), await createPerson(app)];
    const sockets = await Promise.all(addresses.map((address) => signIn(address, { token: ada.token })));
    const bystander = await followChanges<{ id: string }>({ app, address: addresses[1] as string }, grace.token, {
      query: profileUpdates,
      variables: { userIds: [ada.id, grace.id] },
    });
    const streams = await Promise.all(
      addresses.map((address) => openEventStream(address, { token: ada.token, query: profileUpdates })),
    );
    await deleteAccount(ada);
    expect(await Promise.all(sockets.map(({ closed }) => closed))).toMatchObject([{ code: 4403 }, { code: 4403 }]);
    expect(await Promise.all(streams.map((stream) => stream.next()))).toEqual([null, null]);
    await grace.upsertProfile({ bio: 'counts' });
    expect(await bystander.next()).toEqual({ id: grace.id });
  });

  test('hears the answer, and gets nothing done from then on', async () => {
    const ada = await createPerson(app);
    const socket = await signIn(addresses[0] as string, { token: ada.token });
    const [answer] = await socket.ask(deleteAccountMutation, { confirmation: ada.id });
    expect(answer).toMatchObject({ data: { deleteAccount: { userId: ada.id } } });
    const [refusal] = await socket.ask('{ __typename }');
    expect(refusal).toMatchObject({ extensions: { code: 'UNAUTHENTICATED' } });
    expect(await socket.closed).toMatchObject({ code: 4403 });
  });

  test('is closed too where it was signed in at the same moment', async () => {
    const ada = await createPerson(app);
    const sockets = await Promise.all(Array.from({ length: 20 }, () => openSocket(addresses[0] as string)));
    const deleted = deleteAccount(ada);
    for (const socket of sockets) {
      socket.send({ type: 'connection_init', payload: { token: ada.token } as never });
      await nextTurn();
    }
    await deleted;
    const closings = await Promise.all(sockets.map(({ closed }) => closed));
    expect(new Set(closings.map(({ code }) => code))).toEqual(new Set([4403]));
  });

  test('is closed once a server that heard nothing of it listens again', async () => {
    const ada = await createPerson(app);
    const there = asPerson(other, ada.id, ada.token);
    const socket = await signIn(addresses[1] as string, { token: ada.token });
    await there.me();
    await database.cut();
    await deleteAccount(ada);
    await database.restore();
    expect(await socket.closed).toMatchObject({ code: 4403 });
    expect((await there.ask('{ __typename }')).status).toBe(401);
  });
});

describe('at the same moment', () => {
  test('an account is deleted once, whoever asks how often', async () => {
    const ada = await createPerson(app);
    const askers = [app, other].flatMap((server) =>
      Array.from({ length: 5 }, () => asPerson(server, ada.id, ada.token)),
    );
    const answers = await Promise.all(
      askers.map((asker) =>
        asker.ask<{ deleteAccount: object }, object>(deleteAccountMutation, { confirmation: ada.id }),
      ),
    );
    const [deleted, refused] = [answers.filter(({ errors }) => !errors), answers.filter(({ errors }) => errors)];
    expect(deleted).toHaveLength(1);
    for (const { errors } of refused) expect(errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
  });

  test('others follow, ask and block, the user writes, and all counts are right', async () => {
    for (let round = 0; round < 5; round++) {
      const people = await Promise.all(Array.from({ length: 6 }, () => createPerson(app)));
      const [ada, ...others] = people as [Person, ...Person[]];
      for (const person of others) await follow(person, { userId: ada.id });
      const work = others.flatMap((person) => [
        person.ask('mutation ($id: ID!) { unfollow(target: { userId: $id }) { __typename } }', { id: ada.id }),
        person.ask('mutation ($id: ID!) { follow(target: { userId: $id }) { __typename } }', { id: ada.id }),
        person.ask('mutation { follow(target: { crewMemberTmdbId: 5 }) { __typename } }'),
        ada.ask('mutation ($id: ID!) { follow(target: { userId: $id }) { __typename } }', { id: person.id }),
        ada.ask('mutation { follow(target: { crewMemberTmdbId: 5 }) { __typename } }'),
        ada.ask('mutation { recordEvent(input: { type: VIEW, movieId: 1 }) { __typename } }'),
        ada.ask('mutation { upsertProfile(input: { bio: "x" }) { __typename } }'),
        person.ask('mutation ($id: ID!) { blockUser(userId: $id) { __typename } }', { id: ada.id }),
      ]);
      const answers = await Promise.all([...work, deleteAccount(ada)]);
      const codes = answers.flatMap((answer) => ('errors' in answer ? (answer.errors ?? []) : []));
      expect(codes.map(({ extensions }) => extensions.code).filter((code) => code !== 'UNAUTHENTICATED')).toEqual([]);
      await expectErased(app, ada.id);
    }
    await expectCountersToHold(app);
  });
});
