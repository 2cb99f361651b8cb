import { once } from 'node:events';
import { readFile, symlink } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { GraphQLInputObjectType } from 'graphql';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { lineShape, type Shape } from '../src/modules/import/shape.ts';
import { schema } from '../src/schema.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { eventTypes, listEvents } from './support/events.ts';
import { expectCountersToHold, expectNoImpossiblePairs, readIds } from './support/follow.ts';
import { createImportFolder, newId, newUsername, runImport, snapshot } from './support/import.ts';
import { anonymous, asPerson, createPerson, type Person } from './support/person.ts';
import { photo, quarters, svg } from './support/pictures.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

const signIn = async (id: string): Promise<Person> => asPerson(app, id, await app.sign({ sub: id }));
const auditLog = async (person: Person) => {
  const query = '{ me { auditLog(first: 100) { edges { node { action actor changedFields } } } } }';
  type Log = { me: { auditLog: { edges: { node: { action: string; actor: string; changedFields: string[] } }[] } } };
  return (await person.query<Log, object>(query)).me.auditLog.edges.map(({ node }) => node);
};

describe('the example of docs/importing.md', () => {
  const readExample = async () => {
    const text = await readFile(new URL('../docs/importing.md', import.meta.url), 'utf8');
    return /```ndjson\n([\s\S]*?)```/.exec(text)?.[1]?.trim().split('\n') ?? [];
  };

  test('brings everything that it says, and a second time changes nothing', async () => {
    const folder = await createImportFolder(app);
    await folder.add('pictures/ada.jpg', await photo([300, 300]));
    const lines = await readExample();
    const first = await folder.run(lines);
    expect(first).toMatchObject({
      exitCode: 0,
      counts: {
        users: [3, 0, 0, 0],
        events: [3, 0, 0, 0],
        follows: [2, 0, 0, 0],
        'crew members': [1, 0, 0, 0],
        studios: [1, 0, 0, 0],
        blocks: [1, 0, 0, 0],
        pictures: [1, 0, 0, 0],
      },
    });
    const ada = await signIn('user_2abcAda');
    const { me } = await ada.query<{ me: object }, object>(`{ me {
      username email firstName lastName createdAt picture { version altText } pictureRevision
      profile {
        displayName bio yearsOfExperience experienceLevel educationLevel fieldOfStudy skills workArrangement
        preferredLocations salary { min max currency } isComplete createdAt
        completion { percentage completedAt setupSkippedAt }
      }
      preferences { favoriteGenres adultContent language theme notifications { name enabled } }
      privacy { profile watchHistory ratings }
      following { totalCount edges { since node { id } } }
      followers { totalCount edges { node { id } } }
      followedCrewMembers { totalCount edges { since node { tmdbId } } }
      followedStudios { totalCount edges { node { tmdbId } } }
      blockedUsers { totalCount edges { node { id } } }
    } }`);
    expect(me).toEqual({
      username: 'ada_l',
      email: 'ada@example.com',
      firstName: 'Ada',
      lastName: 'Lovelace',
      createdAt: '2021-03-04T05:06:07.000Z',
      picture: { version: 1, altText: 'Ada, smiling' },
      pictureRevision: 1,
      profile: {
        displayName: 'Ada Lovelace',
        bio: 'Notes on an engine.\nAnd on films.',
        yearsOfExperience: 12,
        experienceLevel: 'SENIOR',
        educationLevel: 'MASTERS',
        fieldOfStudy: 'Mathematics',
        skills: ['analysis', 'poetry'],
        workArrangement: 'REMOTE',
        preferredLocations: ['London'],
        salary: { min: 80_000, max: 95_000, currency: 'GBP' },
        isComplete: true,
        createdAt: '2021-03-04T05:06:07.000Z',
        completion: { percentage: 100, completedAt: '2021-03-05T10:00:00.000Z', setupSkippedAt: null },
      },
      preferences: {
        favoriteGenres: [878, 18],
        adultContent: false,
        language: 'en-GB',
        theme: 'DARK',
        notifications: [{ name: 'new_follower', enabled: true }],
      },
      privacy: { profile: 'PUBLIC', watchHistory: 'FOLLOWERS', ratings: 'PUBLIC' },
      following: { totalCount: 1, edges: [{ since: '2022-01-01T00:00:00.000Z', node: { id: 'user_2abcGrace' } }] },
      followers: { totalCount: 1, edges: [{ node: { id: 'user_2abcGrace' } }] },
      followedCrewMembers: { totalCount: 1, edges: [{ since: '2022-01-02T00:00:00.000Z', node: { tmdbId: 525 } }] },
      followedStudios: { totalCount: 1, edges: [{ node: { tmdbId: 420 } }] },
      blockedUsers: { totalCount: 1, edges: [{ node: { id: 'user_2abcTroll' } }] },
    });
    const { edges } = await listEvents(ada, ada.id);
    expect(edges.map(({ node }) => node)).toMatchObject([
      {
        type: 'REVIEW',
        movieId: 27205,
        rating: 9.5,
        review: 'Worth every dream.',
        occurredAt: '2023-05-02T08:00:00.000Z',
      },
      { type: 'RATING', movieId: 27205, rating: 9.5, review: null, occurredAt: '2023-05-01T23:00:00.000Z' },
      { type: 'VIEW', movieId: 27205, rating: null, review: null, occurredAt: '2023-05-01T20:15:00.000Z' },
    ]);

    const before = await snapshot(app);
    const again = await folder.run(lines);
    expect(again).toMatchObject({
      exitCode: 0,
      counts: {
        users: [0, 0, 3, 0],
        events: [0, 0, 3, 0],
        follows: [0, 0, 2, 0],
        'crew members': [0, 0, 1, 0],
        studios: [0, 0, 1, 0],
        blocks: [0, 0, 1, 0],
        pictures: [0, 0, 1, 0],
      },
    });
    expect(await snapshot(app)).toEqual(before);
    await expectCountersToHold(app);
  });

  test('has a field for everything that the API takes', () => {
    const inputs: [string, Shape | null | undefined, string[]][] = [
      ['UpsertProfileInput', lineShape.profile, ['completedAt', 'setupSkippedAt']],
      ['UpsertPreferencesInput', lineShape.preferences, []],
      ['UpsertPrivacyInput', lineShape.privacy, []],
      ['RecordEventInput', lineShape.events, []],
      ['SalaryRangeInput', lineShape.profile?.salary, []],
      ['NotificationSettingInput', lineShape.preferences?.notifications, []],
    ];
    for (const [name, shape, ours] of inputs) {
      const type = schema.getType(name) as GraphQLInputObjectType;
      const fields = Object.keys(type.getFields()).filter((field) => field !== 'username');
      expect([name, Object.keys(shape ?? {}).toSorted()]).toEqual([name, [...fields, ...ours].toSorted()]);
    }
  });
});

describe('a user who was brought along', () => {
  test('is found by name, has their username in history, and a log that says where they come from', async () => {
    const [id, username, name] = [newId(), newUsername(), `Zoë ${newUsername()}`];
    await (await createImportFolder(app)).run([
      { id, username: username.toUpperCase(), profile: { displayName: name } },
    ]);
    const { users } = await anonymous(app).query<{ users: { edges: object[] } }, object>(
      `{ users(search: "${name.replace('ë', 'e').toLowerCase()}") { edges { node { id username } } } }`,
    );
    expect(users.edges).toEqual([{ node: { id, username } }]);
    expect(await auditLog(await signIn(id))).toEqual([
      { action: 'user.imported', actor: 'SYSTEM', changedFields: ['username', 'displayName'] },
    ]);
    const other = await createPerson(app);
    expect(await other.upsertProfile({ username })).toMatchObject({ __typename: 'UsernameTakenError' });
    const renamed = newUsername();
    await (await signIn(id)).upsertProfile({ username: renamed });
    expect(await other.query(`{ user(by: { username: "${username}" }) { username } }`)).toEqual({
      user: { username: renamed },
    });
  });

  test('has every kind of event, each as often as it stands there, and one that has a key once', async () => {
    const id = newId();
    const person = await createPerson(app, id);
    const key = { type: 'VIEW', movieId: 9, occurredAt: '2020-01-01T00:00:00Z', idempotencyKey: 'k' };
    await person.query('mutation ($input: RecordEventInput!) { recordEvent(input: $input) { __typename } }', {
      input: { ...key, movieId: 8 },
    });
    const events = eventTypes.flatMap((type) => {
      const event = { type, movieId: 1, occurredAt: '2021-01-01T00:00:00+02:00' };
      const content = { ...(type === 'RATING' && { rating: 7.5 }), ...(type === 'REVIEW' && { review: 'So so.' }) };
      return [
        { ...event, ...content },
        { ...event, ...content },
      ];
    });
    const { counts } = await (await createImportFolder(app)).run([{ id, events: [...events, key] }]);
    expect(counts.events).toEqual([10, 0, 1, 0]);
    const { edges } = await listEvents(person, id, { first: 100 });
    expect(edges.map(({ node }) => `${node.type} ${node.movieId} ${node.occurredAt}`).toSorted()).toEqual(
      [
        ...eventTypes.flatMap((type) => Array(2).fill(`${type} 1 2020-12-31T22:00:00.000Z`)),
        'VIEW 8 2020-01-01T00:00:00.000Z',
      ].toSorted(),
    );
  });

  test('follows those with a private profile as well, and a request that waits here is accepted', async () => {
    const [shy, eager, other] = [newId(), await createPerson(app), newId()];
    const owner = await createPerson(app, shy);
    await owner.upsertPrivacy({ profile: 'PRIVATE' });
    await eager.query('mutation ($id: ID!) { follow(target: { userId: $id }) { __typename } }', { id: shy });
    expect(await readIds(owner, shy, 'followRequests')).toEqual([eager.id]);
    const follows = [{ userId: shy }];
    await (await createImportFolder(app)).run([
      { id: eager.id, follows },
      { id: other, follows },
    ]);
    expect((await readIds(owner, shy, 'followers')).toSorted()).toEqual([eager.id, other].toSorted());
    expect(await readIds(owner, shy, 'followRequests')).toEqual([]);
    await expectCountersToHold(app);
  });

  test('neither follows nor is followed across a block, and of two who block each other the first counts', async () => {
    const [ada, troll, friend] = [newId(), newId(), newId()];
    const tie = (userId: string) => [{ userId }];
    const run = await (await createImportFolder(app)).run([
      { id: ada, follows: [...tie(troll), ...tie(friend)], blocks: tie(troll) },
      { id: troll, follows: tie(ada), blocks: tie(ada) },
      { id: friend, follows: tie(ada) },
    ]);
    expect(run.counts).toMatchObject({ follows: [2, 0, 0, 2], blocks: [1, 0, 0, 1] });
    const owner = await signIn(ada);
    expect(await readIds(owner, ada, 'blockedUsers')).toEqual([troll]);
    expect(await readIds(owner, ada, 'following')).toEqual([friend]);
    expect(await readIds(owner, ada, 'followers')).toEqual([friend]);
    await expectCountersToHold(app);
    await expectNoImpossiblePairs(app);
  });
});

describe('a picture', () => {
  /** A server of pictures elsewhere, by path: a file, an address to go on to, or a number of bytes. */
  async function createPictureServer(answers: Record<string, Buffer | string | number>) {
    const server = createServer((request, response) => {
      const answer = answers[request.url ?? ''] ?? 404;
      if (typeof answer === 'string') response.writeHead(302, { location: answer }).end();
      else if (answer === 404) response.writeHead(404).end();
      else response.writeHead(200).end(typeof answer === 'number' ? Buffer.alloc(answer) : answer);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  test('comes from an address, and one that is away is tried again by the next run', async () => {
    const answers: Record<string, Buffer | string | number> = {
      '/ada.jpg': await photo([200, 200]),
      '/moved.jpg': '/ada.jpg',
      '/text': Buffer.from('hello'),
      '/huge': 12 * 1024 * 1024,
    };
    const url = await createPictureServer(answers);
    const [ada, moved, late, text, huge] = [newId(), newId(), newId(), newId(), newId()];
    const lines = [
      { id: ada, picture: { url: `${url}/ada.jpg`, altText: 'Ada' } },
      { id: moved, picture: { url: `${url}/moved.jpg` } },
      { id: late, picture: { url: `${url}/late.png` }, profile: { bio: 'Here all the same.' } },
      { id: text, picture: { url: `${url}/text` } },
      { id: huge, picture: { url: `${url}/huge` } },
    ];
    const folder = await createImportFolder(app);
    const first = await folder.run(lines);
    expect(first).toMatchObject({ exitCode: 1, counts: { users: [5, 0, 0, 0], pictures: [2, 0, 0, 3] } });
    expect(first.output).toContain(`line 3, picture.url: Expected a picture at ${url}/late.png, and got HTTP 404.`);
    expect(first.output).toContain('line 4, picture.url: Expected a JPEG, PNG, GIF or WebP image, and got a text.');
    expect(first.output).toContain('line 5, picture.url: Expected a file of at most 10485760 bytes');
    expect((await folder.refused()).map(({ id }) => id)).toEqual([late, text, huge]);
    expect((await (await signIn(ada)).me()).picture).toMatchObject({ version: 1, altText: 'Ada' });
    expect((await (await signIn(moved)).me()).picture).toMatchObject({ version: 1 });
    expect(await (await signIn(late)).me()).toMatchObject({ picture: null, profile: { bio: 'Here all the same.' } });

    answers['/late.png'] = await quarters([80, 80]).png().toBuffer();
    const second = await folder.run(lines.slice(0, 3));
    expect(second).toMatchObject({ exitCode: 0, counts: { pictures: [1, 0, 2, 0] } });
    expect((await (await signIn(late)).me()).picture).toMatchObject({ version: 1 });
    const reply = await app.fetch(new Request((await (await signIn(late)).me()).picture?.url ?? ''));
    expect([reply.status, reply.headers.get('content-type')]).toEqual([200, 'image/webp']);
  });

  test('lies below the folder of the file, unless any path is allowed', async () => {
    const outside = await createImportFolder(app);
    await outside.add('ada.jpg', await photo([100, 100]));
    const folder = await createImportFolder(app);
    await symlink(join(outside.path, 'ada.jpg'), join(folder.path, 'link.jpg'));
    await folder.add('drawing.svg', svg());
    const paths = [join(outside.path, 'ada.jpg'), '../users.ndjson', 'link.jpg', 'nowhere.jpg', 'drawing.svg', '.'];
    const lines = paths.map((path) => ({ id: newId(), picture: { path } }));
    expect(await folder.run(lines)).toMatchObject({ exitCode: 1, counts: {} });
    expect((await folder.refused()).map(({ problems }) => problems[0]?.message.replace(/".*"/, '…'))).toEqual([
      'Expected a file below the folder of the imported one, and got …. --allow-any-path lets it pass.',
      'Expected a file below the folder of the imported one, and got …. --allow-any-path lets it pass.',
      'Expected a file below the folder of the imported one, and got …. --allow-any-path lets it pass.',
      expect.stringContaining('ENOENT'),
      'Expected a JPEG, PNG, GIF or WebP image, and got an SVG.',
      'Expected a file below the folder of the imported one, and got …. --allow-any-path lets it pass.',
    ]);
    const allowed = [lines[0], lines[2]].filter((line) => line !== undefined);
    expect(await folder.run(allowed, { flags: ['--allow-any-path'] })).toMatchObject({
      exitCode: 0,
      counts: { pictures: [2, 0, 0, 0] },
    });
  });
});

test.each([
  [[], 'Expected one file.'],
  [['one', 'two'], 'Expected one file.'],
  [['--unknown', 'one'], "Unknown option '--unknown'"],
  [['/tmp/one', '--refused', '/tmp/one'], '--refused: expected another file'],
  [['/nowhere/users.ndjson'], 'Expected a file that can be read'],
  [['/'], 'Expected a file'],
])('the command says how to use it: %j', async (args, message) => {
  const run = await runImport(app, args);
  expect(run.exitCode).toBe(1);
  expect(run.output).toContain(message);
});
