import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { followChanges } from './support/follow-changes.ts';
import { anonymous, createPerson, type Person } from './support/person.ts';
import { closeSockets, signIn } from './support/socket.ts';
import { closeEventStreams, openEventStream } from './support/sse.ts';

let app: TestApp;
let address: string;
beforeAll(async () => {
  app = await createTestApp();
  address = await app.listen();
});
afterEach(() => {
  closeSockets();
  closeEventStreams();
});
afterAll(() => app.close());

const profileUpdates = `subscription ($userIds: [ID!]) {
  profileUpdated(userIds: $userIds) {
    id username displayName
    profile { bio isComplete salary { min } completion { setupSkippedAt } user { displayName } }
  }
}`;

interface SeenUser {
  id: string;
  username: string | null;
  displayName: string;
  profile: {
    bio: string | null;
    isComplete: boolean;
    salary: { min: number } | null;
    completion: { setupSkippedAt: string | null } | null;
  } | null;
}

const followProfiles = (viewer: Person, userIds?: string[], at = address) =>
  followChanges<SeenUser>({ app, address: at }, viewer.token, {
    query: profileUpdates,
    ...(userIds && { variables: { userIds } }),
  });

const preferencesUpdates = 'subscription { preferencesUpdated { theme favoriteGenres user { id } } }';

interface SeenPreferences {
  theme: string;
  favoriteGenres: number[];
}

const followPreferences = (viewer: Person, at = address) =>
  followChanges<SeenPreferences>({ app, address: at }, viewer.token, { query: preferencesUpdates });

/** A change whose announcement comes after those before it: whatever they say has been told by then. */
async function changeAsBeacon(beacon: Person): Promise<void> {
  await beacon.upsertProfile({ bio: randomId() });
}

describe('a change of the profile', () => {
  test('arrives at every subscriber as each may see it, over WebSocket and over server-sent events', async () => {
    const [ada, grace] = [await createPerson(app), await createPerson(app)];
    const [own, foreign] = [await followProfiles(ada), await followProfiles(grace, [ada.id])];
    const events = await openEventStream(address, {
      token: grace.token,
      query: profileUpdates,
      variables: { userIds: [ada.id] },
    });
    await foreign.socket.ask('{ me { id } }');
    await ada.upsertProfile({ displayName: 'Ada', bio: 'counts', salary: { min: 7 } });
    const seen = { id: ada.id, displayName: 'Ada', profile: { bio: 'counts', salary: null, completion: null } };
    expect(await own.next()).toMatchObject({ ...seen, profile: { salary: { min: 7 }, completion: {} } });
    expect(await foreign.next()).toMatchObject(seen);
    expect(await events.next()).toMatchObject({ data: { profileUpdated: seen } });
  });

  test('is a change of the username too', async () => {
    const [ada, username] = [await createPerson(app), `u${randomId()}`];
    const following = await followProfiles(anonymous(app), [ada.id]);
    await ada.upsertProfile({ username });
    expect(await following.next()).toMatchObject({ username, displayName: username });
  });

  test('is that it is marked as complete, or that its owner skipped its setup', async () => {
    const ada = await createPerson(app);
    const following = await followProfiles(ada);
    await ada.upsertProfile({ username: `u${randomId()}`, displayName: 'Ada' });
    await following.until(({ displayName }) => displayName === 'Ada');
    await ada.query('mutation { markProfileComplete { __typename } }');
    expect(await following.next()).toMatchObject({ profile: { isComplete: true } });
    await ada.query('mutation { skipProfileSetup { id } }');
    expect(await following.next()).toMatchObject({ profile: { completion: { setupSkippedAt: expect.any(String) } } });
  });

  test('is none where nothing changed, or all of it was refused', async () => {
    const [ada, grace] = [await createPerson(app), await createPerson(app)];
    const [taken] = [`u${randomId()}`];
    await grace.upsertProfile({ username: taken });
    await ada.upsertProfile({ bio: 'counts' });
    const following = await followProfiles(ada, [ada.id, grace.id]);
    await ada.upsertProfile({ bio: 'counts' });
    expect(await ada.upsertProfile({ bio: 'lost', username: taken })).toMatchObject({
      __typename: 'UsernameTakenError',
    });
    await ada.upsertPrivacy({ ratings: 'PUBLIC' });
    await changeAsBeacon(grace);
    expect(await following.next()).toMatchObject({ id: grace.id });
  });

  test('comes with what else is asked for as it is then', async () => {
    const ada = await createPerson(app);
    const following = await followProfiles(ada);
    for (const displayName of ['Ada', 'Countess']) {
      await ada.upsertProfile({ displayName });
      expect(await following.next()).toMatchObject({ profile: { user: { displayName } } });
    }
  });
});

describe('a change of who sees the profile', () => {
  test('hides it from open streams at once, and shows it again', async () => {
    const [ada, stranger, follower] = [await createPerson(app), await createPerson(app), await createPerson(app)];
    await ada.upsertProfile({ bio: 'counts' });
    await app.platform.db.prisma.follow.create({ data: { followerId: follower.id, followeeId: ada.id } });
    const viewers = [stranger, follower, ada];
    const followings = await Promise.all(viewers.map((viewer) => followProfiles(viewer, [ada.id])));
    const seenBy = async (profile: 'PUBLIC' | 'FOLLOWERS' | 'PRIVATE') => {
      await ada.upsertPrivacy({ profile });
      const users = await Promise.all(followings.map((following) => following.next()));
      return users.map((user) => user.profile?.bio);
    };
    expect(await seenBy('FOLLOWERS')).toEqual([undefined, 'counts', 'counts']);
    expect(await seenBy('PRIVATE')).toEqual([undefined, undefined, 'counts']);
    await ada.upsertProfile({ bio: 'secret', displayName: 'Ada' });
    expect(await followings[0]?.next()).toMatchObject({ displayName: 'Ada', profile: null });
    await Promise.all(followings.slice(1).map((following) => following.next()));
    expect(await seenBy('PUBLIC')).toEqual(['secret', 'secret', 'secret']);
  });

  test('tells whoever is blocked nothing', async () => {
    const [ada, grace, beacon] = [await createPerson(app), await createPerson(app), await createPerson(app)];
    const following = await followProfiles(grace, [ada.id, beacon.id]);
    await ada.query('mutation ($id: ID!) { blockUser(userId: $id) { __typename } }', { id: grace.id });
    await ada.upsertProfile({ bio: 'counts' });
    await ada.upsertPrivacy({ profile: 'PRIVATE' });
    await changeAsBeacon(beacon);
    expect(await following.next()).toMatchObject({ id: beacon.id });
  });
});

describe('the users of a subscription', () => {
  const errorOf = async (query: string, variables: object, viewer = anonymous(app)) => {
    const socket = await signIn(address, viewer.token ? { token: viewer.token } : undefined);
    const [answer] = await socket.ask(query, variables);
    return (answer.errors ?? [answer])[0].extensions.code;
  };

  test('are 200 ids at most', async () => {
    const userIds = Array.from({ length: 201 }, (_, at) => `user_nobody_${at}`);
    expect(await errorOf(profileUpdates, { userIds })).toBe('BAD_USER_INPUT');
    expect(await errorOf(profileUpdates, { userIds: ['a b'] })).toBe('BAD_USER_INPUT');
  });

  test('have to be named by whoever is not signed in', async () => {
    expect(await errorOf(profileUpdates, {})).toBe('UNAUTHENTICATED');
  });

  test('are no one but oneself where preferences are followed', async () => {
    expect(await errorOf(preferencesUpdates, {})).toBe('UNAUTHENTICATED');
  });
});

describe('preferences', () => {
  test('arrive at all tabs of their owner, and nowhere else', async () => {
    const [ada, grace] = [await createPerson(app), await createPerson(app)];
    const tabs = [await followPreferences(ada), await followPreferences(ada)];
    const foreign = await followPreferences(grace);
    await ada.upsertPreferences({ theme: 'DARK' });
    for (const tab of tabs) expect(await tab.next()).toMatchObject({ theme: 'DARK', user: { id: ada.id } });
    await grace.upsertPreferences({ theme: 'LIGHT' });
    expect(await foreign.next()).toMatchObject({ theme: 'LIGHT', user: { id: grace.id } });
  });

  test('that are refused are not told', async () => {
    const ada = await createPerson(app);
    const following = await followPreferences(ada);
    await ada.upsertPreferences({ favoriteGenres: [-1], theme: 'DARK' });
    await ada.upsertPreferences({ theme: 'LIGHT' });
    expect(await following.next()).toMatchObject({ theme: 'LIGHT', favoriteGenres: [] });
  });

  test('cost one statement to change and one to read for all tabs together', async () => {
    const ada = await createPerson(app);
    const tabs = await Promise.all(Array.from({ length: 5 }, () => followPreferences(ada)));
    // Once a change has arrived everywhere, nothing that began the subscriptions is still on its way.
    await ada.upsertPreferences({ theme: 'LIGHT' });
    await Promise.all(tabs.map((tab) => tab.next()));
    app.takeStatements();
    await ada.upsertPreferences({ theme: 'DARK' });
    await Promise.all(tabs.map((tab) => tab.next()));
    const statements = app.takeStatements().filter((sql) => sql !== 'select 1');
    expect(statements.filter((sql) => sql.includes('update preferences'))).toHaveLength(1);
    // The mutation's own answer, and the subscribers'; by one where both are asked for in the same moment.
    expect([2, 3]).toContain(statements.length);
  });
});

describe('the last of many changes at once is never missed', () => {
  const lastBioOf = async (person: Person) => (await person.me()).profile?.bio;

  test('of a profile', async () => {
    const ada = await createPerson(app);
    const following = await followProfiles(ada);
    await Promise.all(Array.from({ length: 20 }, (_, at) => ada.upsertProfile({ bio: `bio ${at}` })));
    const last = await lastBioOf(ada);
    await following.until(({ profile }) => profile?.bio === last);
  });

  test('of preferences', async () => {
    const ada = await createPerson(app);
    const following = await followPreferences(ada);
    await Promise.all(Array.from({ length: 20 }, (_, at) => ada.upsertPreferences({ favoriteGenres: [at + 1] })));
    const last = (await ada.me()).preferences?.favoriteGenres;
    await following.until(({ favoriteGenres }) => favoriteGenres[0] === last?.[0]);
  });
});

test('changes arrive from another server, and what was missed while nobody listened comes afterwards', async () => {
  const other = await createTestApp({ beside: app });
  const ada = await createPerson(app);
  const elsewhere = await other.listen();
  const [profile, preferences] = [
    await followProfiles(ada, [ada.id], elsewhere),
    await followPreferences(ada, elsewhere),
  ];
  await ada.upsertProfile({ bio: 'counts' });
  await ada.upsertPreferences({ theme: 'DARK' });
  expect(await profile.next()).toMatchObject({ profile: { bio: 'counts' } });
  expect(await preferences.next()).toMatchObject({ theme: 'DARK' });
  await app.platform.db.prisma.$queryRaw`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'visage listener'`;
  await ada.upsertProfile({ bio: 'flies' });
  await ada.upsertPreferences({ theme: 'LIGHT' });
  expect(await profile.next()).toMatchObject({ profile: { bio: 'flies' } });
  expect(await preferences.next()).toMatchObject({ theme: 'LIGHT' });
  closeSockets();
  await other.close();
});

test('a change of username and profile together is told once', async () => {
  const ada = await createPerson(app);
  const following = await followProfiles(ada);
  const username = `u${randomId()}`;
  await ada.upsertProfile({ username, displayName: 'Ada', bio: 'counts' });
  expect(await following.next()).toMatchObject({ username, displayName: 'Ada', profile: { bio: 'counts' } });
  await ada.upsertProfile({ bio: 'flies' });
  expect(await following.next()).toMatchObject({ profile: { bio: 'flies' } });
});
