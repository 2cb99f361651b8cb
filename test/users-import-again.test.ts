import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { notificationChannel } from '../src/platform/postgres-listener.ts';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { deleteEvents, eventOf, listEvents, onDatabase, recordEvent, waitForLockWaits } from './support/events.ts';
import {
  block,
  expectCountersToHold,
  expectNoImpossiblePairs,
  follow,
  readIds,
  removeFollower,
  unblock,
  unfollow,
} from './support/follow.ts';
import { createImportFolder, importEnv, newId, newUsername, runImport, snapshot } from './support/import.ts';
import { asPerson, createPerson, type Person } from './support/person.ts';
import { photo } from './support/pictures.ts';
import { program } from './support/program.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

const signIn = async (id: string): Promise<Person> => asPerson(app, id, await app.sign({ sub: id }));

/** All that a line may say of settings. */
const wholeUser = (id: string) => ({
  id,
  username: newUsername(),
  email: 'old@example.com',
  firstName: 'Old',
  createdAt: '2020-01-01T00:00:00Z',
  profile: {
    displayName: 'Old Name',
    bio: 'Old bio.',
    skills: ['old'],
    salary: { min: 1, currency: 'EUR' },
    experienceLevel: 'LEAD',
    completedAt: '2020-01-02T00:00:00Z',
  },
  preferences: {
    theme: 'DARK',
    language: 'fr',
    notifications: [
      { name: 'shared', enabled: true },
      { name: 'old', enabled: true },
    ],
  },
  privacy: { profile: 'FOLLOWERS', watchHistory: 'PUBLIC' },
});

describe('somebody who is here already', () => {
  test('keeps what they changed here, and gets what is empty', async () => {
    const ada = await createPerson(app);
    const username = newUsername();
    await ada.upsertProfile({ username, bio: 'New bio.', skills: ['new'] });
    await ada.upsertProfile({ skills: [] });
    await ada.upsertPreferences({
      theme: 'LIGHT',
      language: 'en',
      notifications: [{ name: 'shared', enabled: false }],
    });
    await ada.upsertPrivacy({ profile: 'PUBLIC' });
    await ada.upload(await photo([90, 90]));
    const folder = await createImportFolder(app);
    await folder.add('old.jpg', await photo([100, 100]));
    const line = { ...wholeUser(ada.id), picture: { path: 'old.jpg' } };
    expect(await folder.run([line])).toMatchObject({ counts: { users: [0, 1, 0, 0], pictures: [0, 0, 1, 0] } });
    expect(await ada.me()).toMatchObject({
      username,
      email: 'old@example.com',
      createdAt: '2020-01-01T00:00:00.000Z',
      picture: { version: 1 },
      profile: {
        displayName: 'Old Name',
        bio: 'New bio.',
        skills: [],
        salary: { min: 1, max: null, currency: 'EUR' },
        experienceLevel: 'LEAD',
        isComplete: true,
      },
      preferences: {
        theme: 'LIGHT',
        language: 'en',
        notifications: expect.arrayContaining([
          { name: 'shared', enabled: false },
          { name: 'old', enabled: true },
        ]),
      },
      privacy: { profile: 'PUBLIC', watchHistory: 'PUBLIC' },
    });
    const before = await snapshot(app);
    expect(await folder.run([line])).toMatchObject({ counts: { users: [0, 0, 1, 0] } });
    expect(await snapshot(app)).toEqual(before);
  });

  test('gets all that the file has where it is to win, null included, and a second time nothing more', async () => {
    const ada = await createPerson(app);
    const follower = await createPerson(app);
    const [former, line] = [newUsername(), wholeUser(ada.id)];
    await ada.upsertProfile({ username: former, displayName: 'New Name', bio: 'New bio.', fieldOfStudy: 'Here' });
    await ada.upsertPrivacy({ profile: 'PRIVATE' });
    await follow(follower, { userId: ada.id });
    await ada.upload(await photo([90, 90]));
    const folder = await createImportFolder(app);
    await folder.add('old.jpg', await photo([100, 100]));
    const lines = [
      {
        ...line,
        profile: { ...line.profile, bio: null },
        privacy: { profile: 'PUBLIC' },
        picture: { path: 'old.jpg', altText: 'Old' },
      },
    ];
    const flags = ['--overwrite'];
    expect(await folder.run(lines, { flags })).toMatchObject({
      counts: { users: [0, 1, 0, 0], pictures: [0, 1, 0, 0] },
    });
    expect(await ada.me()).toMatchObject({
      username: line.username,
      picture: { version: 2, altText: 'Old' },
      profile: { displayName: 'Old Name', bio: null, fieldOfStudy: 'Here', skills: ['old'] },
      privacy: { profile: 'PUBLIC' },
    });
    expect(await readIds(ada, ada.id, 'followers')).toEqual([follower.id]);
    expect(await follower.query(`{ user(by: { username: "${former}" }) { id } }`)).toEqual({ user: { id: ada.id } });
    expect(await follower.upsertProfile({ username: former })).toMatchObject({ __typename: 'UsernameTakenError' });
    const before = await snapshot(app);
    expect(await folder.run(lines, { flags })).toMatchObject({
      counts: { users: [0, 0, 1, 0], pictures: [0, 0, 1, 0] },
    });
    expect(await snapshot(app)).toEqual(before);
    await expectCountersToHold(app);
  });

  test('whom Clerk has told of keeps e-mail and names, whoever is to win', async () => {
    const ada = await createPerson(app);
    await app.platform.db.prisma.user.update({
      where: { id: ada.id },
      data: { email: 'clerk@example.com', clerkUpdatedAt: new Date() },
    });
    const folder = await createImportFolder(app);
    await folder.run([wholeUser(ada.id)], { flags: ['--overwrite'] });
    const query = '{ me { email firstName } }';
    expect(await ada.query(query)).toEqual({ me: { email: 'clerk@example.com', firstName: null } });
  });

  test('is no longer complete where the file takes their name away', async () => {
    const id = newId();
    const folder = await createImportFolder(app);
    await folder.run([wholeUser(id)]);
    expect((await (await signIn(id)).me()).profile?.isComplete).toBe(true);
    await folder.run([{ id, profile: { displayName: null } }], { flags: ['--overwrite'] });
    expect((await (await signIn(id)).me()).profile?.isComplete).toBe(false);
  });

  test('is told at once of what changed, on all their devices', async () => {
    const ada = await createPerson(app);
    await onDatabase(app, async (client) => {
      const heard: string[] = [];
      client.on('notification', ({ payload = '{}' }) => {
        const { topic, userId, revision } = JSON.parse(payload);
        if (userId === ada.id) heard.push(`${topic} ${revision}`);
      });
      await client.query(`listen ${notificationChannel}`);
      const folder = await createImportFolder(app);
      await folder.run([{ id: ada.id, profile: { bio: 'Hi.' }, preferences: { theme: 'DARK' } }]);
      await vi.waitFor(() => expect(heard.toSorted()).toEqual(['preferences 1', 'profile 1']), { timeout: 20_000 });
    });
  });
});

test('what an imported user has removed here stays away, and what is newer comes', async () => {
  const [ada, grace, alan] = [newId(), newId(), newId()];
  const since = '2022-01-01T00:00:00Z';
  const ties = (...ids: string[]) => ids.map((userId) => ({ userId, since }));
  const event = (movieId: number) => ({ type: 'VIEW', movieId, occurredAt: since });
  const lines = [
    {
      id: ada,
      follows: ties(grace),
      blocks: ties(alan),
      studios: [{ tmdbId: 1 }, { tmdbId: 2 }],
      events: [event(1), event(2)],
    },
    { id: grace, follows: ties(ada) },
    { id: alan },
  ];
  const folder = await createImportFolder(app);
  await folder.run(lines);
  const owner = await signIn(ada);
  await deleteEvents(owner, { movieId: 1 });
  await unfollow(owner, { userId: grace });
  await unfollow(owner, { studioTmdbId: 1 });
  await unblock(owner, alan);
  await removeFollower(owner, grace);
  const before = await snapshot(app);
  expect(await folder.run(lines)).toMatchObject({
    exitCode: 0,
    counts: { events: [0, 0, 1, 1], follows: [0, 0, 0, 2], blocks: [0, 0, 0, 1], studios: [0, 0, 1, 1] },
  });
  expect(await snapshot(app)).toEqual(before);

  const later = new Date(Date.now() + 1_000).toISOString();
  const newer = {
    id: ada,
    events: [event(1), { ...event(3), occurredAt: later }],
    follows: [{ userId: grace, since: later }],
  };
  expect(await folder.run([newer])).toMatchObject({ counts: { events: [1, 0, 0, 1], follows: [1, 0, 0, 0] } });
  expect((await listEvents(owner, ada)).edges.map(({ node }) => node.movieId)).toEqual([3, 2]);
  await expectCountersToHold(app);
});

test('a user whom nobody imported before has what they did here counted for nothing', async () => {
  const ada = await createPerson(app);
  const grace = await createPerson(app);
  await recordEvent(ada, eventOf('VIEW', { movieId: 5 }));
  await deleteEvents(ada, { movieId: 5 });
  await follow(ada, { userId: grace.id });
  await unfollow(ada, { userId: grace.id });
  const events = [{ type: 'VIEW', movieId: 6, occurredAt: '2022-01-01T00:00:00Z' }];
  const line = { id: ada.id, events, follows: [{ userId: grace.id, since: '2022-01-01T00:00:00Z' }] };
  expect(await (await createImportFolder(app)).run([line])).toMatchObject({
    counts: { events: [1, 0, 0, 0], follows: [1, 0, 0, 0] },
  });
});

describe('an import that is interrupted', () => {
  const users = (count: number) => {
    const ids = Array.from({ length: count }, newId);
    return ids.map((id, at) => ({
      id,
      username: newUsername(),
      profile: { displayName: `Number ${at}` },
      privacy: { profile: at % 3 === 0 ? 'PRIVATE' : 'PUBLIC' },
      follows: [1, 2].map((step) => ({ userId: ids[(at + step) % count], since: '2022-01-01T00:00:00Z' })),
      crewMembers: [{ tmdbId: 1 + (at % 7), since: '2022-01-01T00:00:00Z' }],
      events: [1, 2].map((movieId) => ({ type: 'VIEW', movieId, occurredAt: '2022-01-01T00:00:00Z' })),
      ...(at === 7 && { picture: { path: 'ada.jpg' } }),
    }));
  };

  /** What two databases have in common: no times and numbers that the server makes, and no ids of audit entries. */
  async function state(of: TestApp) {
    const { audit, ...rows } = await snapshot(of);
    const entries = audit.map(({ userId, action, changedFields }) => [userId, action, ...changedFields].join(' '));
    return JSON.parse(
      JSON.stringify({ ...rows, entries: entries.toSorted() }, (key, value) => {
        if (key.endsWith('At') && value !== null) return 'time';
        return typeof value === 'bigint' ? 'number' : value;
      }),
    );
  }

  async function kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  test.each([
    { what: 'users', lock: 'select from users where id = $1 for update', isThere: true },
    { what: 'follows', lock: 'lock table blocks in access exclusive mode', isThere: false },
  ])(
    'is killed at its $what, and the next ends in the state of one that nobody killed',
    async ({ lock, isThere }) => {
      const [killed, whole] = [await createTestApp(), await createTestApp()];
      onTestFinished(async () => {
        await killed.close();
        await whole.close();
      });
      const lines = users(320);
      const stuckAt = lines[300]?.id ?? '';
      if (isThere) for (const server of [killed, whole]) await createPerson(server, stuckAt);
      const folder = await createImportFolder(whole);
      await folder.add('ada.jpg', await photo([100, 100]));
      expect(await folder.run(lines)).toMatchObject({ exitCode: 0, counts: { events: [640, 0, 0, 0] } });

      await onDatabase(killed, async (client) => {
        await client.query('begin');
        await client.query(lock, isThere ? [stuckAt] : []);
        const child = spawn(process.execPath, [...program, 'users:import', folder.file], {
          env: { PATH: process.env.PATH, ...importEnv(killed) },
          stdio: 'ignore',
        });
        onTestFinished(() => kill(child));
        await waitForLockWaits(killed, 1);
        await kill(child);
        await client.query('rollback');
      });
      expect(await killed.platform.db.prisma.user.count()).toBe(isThere ? 251 : 320);
      expect(await killed.platform.db.prisma.follow.count()).toBe(0);

      // The session of the killed one, with its lock, ends when PostgreSQL notices.
      await vi.waitFor(async () => expect(await runImport(killed, [folder.file])).toMatchObject({ exitCode: 0 }), {
        timeout: 60_000,
        interval: 200,
      });
      expect(await state(killed)).toEqual(await state(whole));
      await expectCountersToHold(killed);
      const before = await snapshot(killed);
      expect(await runImport(killed, [folder.file])).toMatchObject({
        counts: { users: [0, 0, 320, 0], events: [0, 0, 640, 0], follows: [0, 0, 640, 0], pictures: [0, 0, 1, 0] },
      });
      expect(await snapshot(killed)).toEqual(before);
    },
    240_000,
  );

  test('by the person who started it says how to go on', async () => {
    const folder = await createImportFolder(app);
    const run = await folder.run([{ id: newId() }], { stopAtOnce: true });
    expect(run.exitCode).toBe(1);
    expect(run.output).toContain('The same command goes on where it stopped.');
  });
});

test('beside people who follow, block and change their privacy, nothing impossible comes of it', async () => {
  const people = await Promise.all(Array.from({ length: 8 }, () => createPerson(app)));
  const ids = people.map(({ id }) => id);
  const others = (id: string) => ids.filter((other) => other !== id).map((userId) => ({ userId }));
  const lines = ids.map((id, at) => ({
    id,
    follows: others(id),
    blocks: at === 0 ? others(id).slice(0, 1) : [],
    privacy: { profile: 'FOLLOWERS' },
    profile: { bio: randomId() },
    crewMembers: [{ tmdbId: 77 }, { tmdbId: 78 }],
  }));
  const folder = await createImportFolder(app);
  let isDone = false;
  const churn = async (person: Person, at: number) => {
    for (let turn = at; !isDone; turn += 1) {
      const other = ids[(at + 1 + (turn % 7)) % ids.length] ?? '';
      await follow(person, { userId: other });
      await follow(person, { crewMemberTmdbId: 78 - (turn % 2) });
      await person.upsertPrivacy({ profile: turn % 2 ? 'PUBLIC' : 'PRIVATE' });
      if (turn % 5 === 0) await block(person, other);
      await unfollow(person, { userId: other });
    }
  };
  const churning = people.slice(0, 4).map(churn);
  for (let round = 0; round < 4; round += 1) {
    expect(await folder.run(lines, { flags: ['--overwrite'] })).toMatchObject({ exitCode: 0 });
  }
  isDone = true;
  await Promise.all(churning);
  await expectCountersToHold(app);
  await expectNoImpossiblePairs(app);
}, 120_000);
