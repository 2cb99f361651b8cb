import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toTombstone } from '../src/modules/user/tombstone.ts';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { anonymous, createPerson } from './support/person.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

describe('a profile', () => {
  test('is there with its defaults once its user asked for anything', async () => {
    const ada = await createPerson(app);
    expect(await ada.me()).toMatchObject({
      id: ada.id,
      username: null,
      displayName: 'Someone',
      pictureRevision: 0,
      picture: null,
      profile: {
        id: `profile_${ada.id}`,
        displayName: null,
        yearsOfExperience: 0,
        experienceLevel: 'ENTRY',
        educationLevel: 'BACHELORS',
        workArrangement: 'ANY',
        skills: [],
        salary: null,
        isComplete: false,
        completion: {
          percentage: 27,
          missingFields: [
            'username',
            'displayName',
            'bio',
            'fieldOfStudy',
            'skills',
            'preferredLocations',
            'salary',
            'picture',
          ],
        },
      },
      preferences: { id: `preferences_${ada.id}`, language: 'en', theme: 'SYSTEM', notifications: [] },
      privacy: { id: `privacy_${ada.id}`, profile: 'PUBLIC', watchHistory: 'PRIVATE', ratings: 'PRIVATE' },
    });
  });

  test('changes in what is given, and in nothing else', async () => {
    const ada = await createPerson(app);
    await ada.upsertProfile({
      displayName: '  Ada Lovelace ',
      bio: 'First\nprogrammer',
      skills: ['b', 'a'],
      salary: { min: 1 },
    });
    const changed = await ada.upsertProfile({ yearsOfExperience: 12, experienceLevel: 'LEAD' });
    expect(changed).toMatchObject({
      __typename: 'Profile',
      displayName: 'Ada Lovelace',
      bio: 'First\nprogrammer',
      skills: ['b', 'a'],
      salary: { min: 1, max: null, currency: 'USD' },
      yearsOfExperience: 12,
      experienceLevel: 'LEAD',
    });
    expect((await ada.me()).displayName).toBe('Ada Lovelace');
  });

  test('takes null as empty, or as the default where it can not be empty', async () => {
    const ada = await createPerson(app);
    await ada.upsertProfile({
      displayName: 'Ada',
      bio: 'x',
      yearsOfExperience: 3,
      educationLevel: 'PHD',
      skills: ['x'],
      workArrangement: 'REMOTE',
      salary: { min: 1, max: 2, currency: 'EUR' },
    });
    const emptied = await ada.upsertProfile({
      displayName: null,
      bio: null,
      yearsOfExperience: null,
      educationLevel: null,
      skills: null,
      workArrangement: null,
      salary: null,
    });
    expect(emptied).toMatchObject({
      displayName: null,
      bio: null,
      yearsOfExperience: 0,
      educationLevel: 'BACHELORS',
      skills: [],
      workArrangement: 'ANY',
      salary: null,
    });
  });

  test('refuses all that is wrong at once, and changes nothing', async () => {
    const ada = await createPerson(app);
    const refused = await ada.upsertProfile({
      username: 'a',
      displayName: ' ',
      bio: 'fine',
      yearsOfExperience: 81,
      skills: ['ok', '', 'x'.repeat(61)],
      salary: { min: 5, max: 4, currency: 'XYZ' },
    });
    if (refused.__typename !== 'InvalidInputError') throw new Error(refused.__typename);
    expect(refused.fields.map(({ path }) => path).sort()).toEqual([
      'displayName',
      'salary.currency',
      'salary.min',
      'skills.1',
      'skills.2',
      'username',
      'yearsOfExperience',
    ]);
    expect((await ada.me()).profile?.bio).toBeNull();
  });

  test.each([
    ['U+0000', 'a\u0000b'],
    ['a lone surrogate', 'a\ud800b'],
    ['a control character', 'a\u0007b'],
    ['a bidirectional override', 'a\u202eb'],
  ])('refuses %s in any text, and says where', async (_, text) => {
    const ada = await createPerson(app);
    const refused = await ada.upsertProfile({ displayName: text, bio: text, fieldOfStudy: text, skills: [text] });
    if (refused.__typename !== 'InvalidInputError') throw new Error(refused.__typename);
    expect(refused.fields.map(({ path }) => path).sort()).toEqual(['bio', 'displayName', 'fieldOfStudy', 'skills.0']);
  });

  test('moves updatedAt of its user with the display name alone', async () => {
    const ada = await createPerson(app);
    const before = (await ada.me()).updatedAt;
    await ada.upsertProfile({ bio: 'x' });
    expect((await ada.me()).updatedAt).toBe(before);
    await ada.upsertProfile({ displayName: 'Ada' });
    expect(Date.parse((await ada.me()).updatedAt)).toBeGreaterThan(Date.parse(before));
  });

  test('keeps both of two changes made at the same moment', async () => {
    const ada = await createPerson(app);
    await Promise.all([ada.upsertProfile({ bio: 'x' }), ada.upsertProfile({ skills: ['y'] })]);
    expect((await ada.me()).profile).toMatchObject({ bio: 'x', skills: ['y'] });
  });
});

describe('a user', () => {
  test('is one, with one audit entry, however many first requests come at once', async () => {
    const id = `user_${randomId()}`;
    const people = await Promise.all(Array.from({ length: 20 }, () => createPerson(app, id)));
    expect(people).toHaveLength(20);
    expect(await app.platform.db.prisma.auditEntry.findMany({ where: { userId: id } })).toMatchObject([
      { action: 'user.created', actor: 'OWNER' },
    ]);
  });

  test('who was deleted is not created again by an old token: 401', async () => {
    const ada = await createPerson(app);
    await app.platform.db.prisma.user.delete({ where: { id: ada.id } });
    await app.platform.db.prisma.tombstone.create({ data: { idHash: toTombstone(ada.id) } });
    const answer = await ada.ask('{ me { id } }');
    expect(answer).toMatchObject({ status: 401, errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
  });

  test('is read with profile, preferences, privacy and picture by one statement', async () => {
    const ada = await createPerson(app);
    app.takeStatements();
    await ada.me();
    expect(app.takeStatements()).toHaveLength(1);
  });

  test('is found by id and by username in any case, by anybody', async () => {
    const ada = await createPerson(app);
    const username = `ada_${randomId().slice(0, 8)}`;
    await ada.upsertProfile({ username });
    const query = 'query ($by: UserBy!) { user(by: $by) { id username } }';
    const found = { user: { id: ada.id, username } };
    expect(await anonymous(app).query(query, { by: { id: ada.id } })).toEqual(found);
    expect(await anonymous(app).query(query, { by: { username: username.toUpperCase() } })).toEqual(found);
    expect(await anonymous(app).query(query, { by: { username: 'nobody_has_this' } })).toEqual({ user: null });
  });

  test('and what belongs to them are nodes', async () => {
    const ada = await createPerson(app);
    const ids = [`privacy_${ada.id}`, ada.id, 'event_x', `profile_${ada.id}`, `preferences_${ada.id}`, 'user_nobody'];
    const { nodes } = await ada.query<{ nodes: unknown[] }, object>(
      'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }',
      { ids },
    );
    expect(nodes).toEqual([
      { __typename: 'Privacy', id: ids[0] },
      { __typename: 'User', id: ada.id },
      null,
      { __typename: 'Profile', id: ids[3] },
      { __typename: 'Preferences', id: ids[4] },
      null,
    ]);
  });
});
