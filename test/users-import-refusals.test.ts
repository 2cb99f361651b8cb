import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deleteAccount } from './support/account.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { readIds } from './support/follow.ts';
import { createImportFolder, newId, newUsername, runImport, snapshot } from './support/import.ts';
import { anonymous, asPerson, createPerson } from './support/person.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

const future = new Date(Date.now() + 3_600_000).toISOString();
const at = '2022-01-01T00:00:00Z';
const id = 'user_1';

describe('a line', () => {
  test.each<[string, object | string, string, string]>([
    ['is JSON', '{"id": "user_1"', '', 'Expected JSON, one object a line.'],
    ['is an object', '[]', '', 'Expected an object, and got a list.'],
    ['has an id', {}, 'id', "Expected the user's id, and got none."],
    ['has an id as Clerk makes them', { id: 'two words' }, 'id', "Expected a user's id as Clerk has it"],
    ['has no field that nobody reads', { id, profile: { biography: '' } }, 'profile.biography', 'and got "biography".'],
    ['has no field of every object', '{"id":"user_1","__proto__":{}}', '__proto__', 'and got "__proto__".'],
    ['has events with known fields', { id, events: [{ movie: 1 }] }, 'events.0.movie', 'Expected one of type, movieId'],
    ['has an allowed username', { id, username: 'admin' }, 'username', 'The username "admin" is reserved.'],
    ['has a text as e-mail', { id, email: 'ada' }, 'email', 'Expected an e-mail address, and got "ada".'],
    [
      'has no control characters',
      { id, firstName: 'A\u0000' },
      'firstName',
      'Expected text without control characters',
    ],
    ['has a past', { id, createdAt: future }, 'createdAt', "that isn't in the future"],
    ['has times with an offset', { id, createdAt: '2022-01-01' }, 'createdAt', 'Expected an instant such as'],
    ['has an object as profile', { id, profile: 'Ada' }, 'profile', 'Expected object'],
    [
      'has a salary that can be',
      { id, profile: { salary: { min: 2, max: 1 } } },
      'profile.salary.min',
      'Expected at most max',
    ],
    ['has skills', { id, profile: { skills: ['a', ''] } }, 'profile.skills.1', 'Expected 1 to 60 characters'],
    [
      'is complete with a name only',
      { id, profile: { completedAt: at } },
      'profile.completedAt',
      'username and profile.displayName',
    ],
    ['has a theme', { id, preferences: { theme: 'BLUE' } }, 'preferences.theme', 'Expected one of SYSTEM, LIGHT, DARK'],
    [
      'has a visibility',
      { id, privacy: { ratings: 'ME' } },
      'privacy.ratings',
      'Expected one of PUBLIC, FOLLOWERS, PRIVATE',
    ],
    ['follows others', { id, follows: [{ userId: id }] }, 'follows.0.userId', 'Nobody follows themselves.'],
    ['blocks others', { id, blocks: [{ userId: id }] }, 'blocks.0.userId', 'Nobody blocks themselves.'],
    ['follows each once', { id, studios: [{ tmdbId: 1 }, { tmdbId: 1 }] }, 'studios.1', 'Expected each once'],
    [
      'follows a positive id',
      { id, crewMembers: [{ tmdbId: 0 }] },
      'crewMembers.0.tmdbId',
      'Expected a whole number from 1',
    ],
    ['follows somebody', { id, follows: [{ userId: 'user_gone' }] }, 'follows.0.userId', '"user_gone" is neither.'],
    ['blocks somebody', { id, blocks: [{ userId: 'user_gone' }] }, 'blocks.0.userId', '"user_gone" is neither.'],
    [
      'has a type for an event',
      { id, events: [{ movieId: 1, occurredAt: at }] },
      'events.0.type',
      'Expected one of VIEW',
    ],
    ['says when', { id, events: [{ type: 'VIEW', movieId: 1 }] }, 'events.0.occurredAt', 'and got nothing.'],
    ['has an object as event', { id, events: [7] }, 'events.0', 'Expected an object, and got 7.'],
    [
      'rates up to 10',
      { id, events: [{ type: 'RATING', movieId: 1, rating: 11, occurredAt: at }] },
      'events.0.rating',
      'and got 11.',
    ],
    [
      'views without a rating',
      { id, events: [{ type: 'VIEW', movieId: 1, rating: 1, occurredAt: at }] },
      'events.0.rating',
      'Expected no rating',
    ],
    [
      'has one source of a picture',
      { id, picture: { path: 'a', url: 'https://example.com' } },
      'picture',
      'Expected either path or url.',
    ],
    [
      'has a web address',
      { id, picture: { url: 'ftp://example.com/a.jpg' } },
      'picture.url',
      'Expected an http:// or https:// address',
    ],
  ])('%s', async (_, line, path, message) => {
    const folder = await createImportFolder(app);
    const before = await snapshot(app);
    const run = await folder.run([{ id: newId() }, line]);
    expect(run).toMatchObject({ exitCode: 1, counts: {} });
    expect(run.output).toContain(`line 2${path && `, ${path}`}: `);
    expect(run.output).toContain(message);
    expect(run.output).toContain('Nothing was written.');
    const [refused] = await folder.refused();
    expect(refused?.problems.map((problem) => problem.path)).toContain(path);
    expect(refused).toMatchObject({ line: 2 });
    expect(await snapshot(app)).toEqual(before);
  });

  test('is UTF-8', async () => {
    const folder = await createImportFolder(app);
    await folder.add('latin.ndjson', Buffer.from(`{"id":"user_1","firstName":"Zo\xeb"}\n`, 'latin1'));
    const run = await runImport(app, [`${folder.path}/latin.ndjson`]);
    expect(run).toMatchObject({ exitCode: 1 });
    expect(run.output).toContain('line 1: Expected UTF-8, and got other bytes.');
  });

  test('has all its mistakes told at once', async () => {
    const run = await (await createImportFolder(app)).run([
      { id: '', username: 'a', profile: { yearsOfExperience: -1 }, events: [{ type: 'VIEW' }], extra: 1 },
    ]);
    for (const path of [
      'id',
      'username',
      'profile.yearsOfExperience',
      'events.0.movieId',
      'events.0.occurredAt',
      'extra',
    ]) {
      expect(run.output).toContain(`line 1, ${path}: `);
    }
  });
});

describe('a file', () => {
  test('may have blank lines, carriage returns, a byte order mark, and no new line at its end', async () => {
    const [ada, grace] = [newId(), newId()];
    const folder = await createImportFolder(app);
    await folder.add('dos.ndjson', `\ufeff{"id":"${ada}"}\r\n\r\n  \n{"id":"${grace}"}`);
    expect(await runImport(app, [`${folder.path}/dos.ndjson`])).toMatchObject({ counts: { users: [2, 0, 0, 0] } });
  });

  test('has each user and each username once, in any case', async () => {
    const [ada, username] = [newId(), newUsername()];
    const run = await (await createImportFolder(app)).run([
      { id: ada, username },
      { id: newId(), username: username.toUpperCase() },
      '',
      { id: ada },
    ]);
    expect(run.exitCode).toBe(1);
    expect(run.output).toContain('line 2, username: Expected each username once, and line 1 has the same.');
    expect(run.output).toContain('line 4, id: Expected each id once, and line 1 has the same.');
  });

  test('with very much that is wrong has a hundred problems shown, and all of them in a file', async () => {
    const folder = await createImportFolder(app);
    const run = await folder.run(Array.from({ length: 60 }, () => ({ id: newId(), email: '', username: '' })));
    expect(run.output.match(/^line /gm)).toHaveLength(100);
    expect(run.output).toContain('and 20 more');
    expect(run.output).toContain('60 users read, 60 refused');
    expect(run.output).toContain('120 problems, all of them in');
    expect(await folder.refused()).toHaveLength(60);
  });

  test('that is right says so where it is only to be checked, and is not written', async () => {
    const [ada, folder] = [newId(), await createImportFolder(app)];
    const run = await folder.run([{ id: ada }], { flags: ['--dry-run'] });
    expect(run).toMatchObject({ exitCode: 0, counts: {} });
    expect(run.output).toContain('All of it is right. Nothing was written.');
    expect(await anonymous(app).query(`{ user(by: { id: "${ada}" }) { id } }`)).toEqual({ user: null });
    expect(await folder.refused()).toEqual([]);
  });
});

describe('against what is here', () => {
  test('a user who was deleted stays deleted', async () => {
    const ada = await createPerson(app);
    await deleteAccount(ada);
    const folder = await createImportFolder(app);
    const run = await folder.run([{ id: ada.id }, { id: newId(), follows: [{ userId: ada.id }] }], {
      flags: ['--skip-invalid'],
    });
    expect(run).toMatchObject({ exitCode: 1, counts: { users: [1, 0, 0, 0], follows: [0, 0, 0, 1] } });
    expect(run.output).toContain(`line 1, id: The user ${ada.id} was deleted here, for good.`);
    expect(await anonymous(app).query(`{ user(by: { id: "${ada.id}" }) { id } }`)).toEqual({ user: null });
  });

  test('a username that somebody has, or gave up a moment ago, is refused, and the own one is not', async () => {
    const [ada, grace] = [await createPerson(app), await createPerson(app)];
    const [former, current] = [newUsername(), newUsername()];
    await ada.upsertProfile({ username: former });
    await ada.upsertProfile({ username: current });
    const folder = await createImportFolder(app);
    for (const username of [former, current.toUpperCase()]) {
      const run = await folder.run([{ id: grace.id, username }]);
      expect(run.output).toContain(
        `line 1, username: Expected a username that is free, and "${username.toLowerCase()}"`,
      );
    }
    expect(await folder.run([{ id: ada.id, username: current }])).toMatchObject({ counts: { users: [0, 0, 1, 0] } });
  });

  test('whoever is complete has a name here, if not in the file', async () => {
    const ada = await createPerson(app);
    await ada.upsertProfile({ username: newUsername() });
    const folder = await createImportFolder(app);
    const line = { id: ada.id, profile: { displayName: 'Ada', completedAt: at } };
    expect(await folder.run([line])).toMatchObject({ exitCode: 0 });
    expect((await ada.me()).profile?.completion).toMatchObject({ completedAt: '2022-01-01T00:00:00.000Z' });
  });
});

test('what is wrong is left out where that was asked for, and can be mended from what was refused', async () => {
  const [ada, grace, alan, gone] = [newId(), newId(), newId(), newId()];
  const folder = await createImportFolder(app);
  const run = await folder.run(
    [
      { id: ada, follows: [{ userId: grace }, { userId: alan }, { userId: gone }] },
      { id: grace, profile: { yearsOfExperience: 99 } },
      { id: alan, follows: [{ userId: ada }] },
    ],
    { flags: ['--skip-invalid'] },
  );
  expect(run).toMatchObject({ exitCode: 1, counts: { users: [2, 0, 0, 0], follows: [2, 0, 0, 2] } });
  expect(run.output).toContain('3 users read, 1 refused');
  expect(run.output).toContain('2 references to users who are nowhere');
  const owner = asPerson(app, ada, await app.sign({ sub: ada }));
  expect(await readIds(owner, ada, 'following')).toEqual([alan]);
  expect(await anonymous(app).query(`{ user(by: { id: "${grace}" }) { id } }`)).toEqual({ user: null });

  const refused = await folder.refused();
  expect(refused.map(({ id, problems }) => [id, problems.map(({ path }) => path)])).toEqual([
    [grace, ['profile.yearsOfExperience']],
    [ada, ['follows.0.userId', 'follows.2.userId']],
  ]);
  const mended = refused.map(({ content }) => content as { id: string; follows: { userId: string }[] });
  const lines = mended.map((line) =>
    line.id === grace ? { id: grace } : { ...line, follows: line.follows.filter(({ userId }) => userId !== gone) },
  );
  expect(await folder.run(lines)).toMatchObject({
    exitCode: 0,
    counts: { users: [1, 0, 1, 0], follows: [1, 0, 1, 0] },
  });
  expect((await readIds(owner, ada, 'following')).toSorted()).toEqual([alan, grace].toSorted());
});
