import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestApp, type TestApp } from './support/app.ts';
import { createPerson } from './support/person.ts';
import { photo } from './support/pictures.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

test('a first request creates its user with the defaults', async () => {
  const ada = await createPerson(app);
  const me = await ada.me();
  expect(me).toMatchObject({
    id: ada.id,
    username: null,
    displayName: 'Someone',
    pictureRevision: 0,
    picture: null,
    profile: {
      id: `profile_${ada.id}`,
      experienceLevel: 'ENTRY',
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
    privacy: { profile: 'PUBLIC', watchHistory: 'PRIVATE', ratings: 'PRIVATE' },
  });
  app.takeStatements();
  await ada.me();
  expect(app.takeStatements()).toHaveLength(1);
});

test('changes', async () => {
  const ada = await createPerson(app);
  const r = await ada.upsertProfile({
    username: `Ada_${ada.id.slice(-6)}`,
    displayName: ' Ada Lovelace ',
    bio: 'first\nprogrammer',
    salary: { min: 1, max: 5 },
    skills: ['a', 'b'],
  });
  expect(r).toMatchObject({
    __typename: 'Profile',
    displayName: 'Ada Lovelace',
    salary: { min: 1, max: 5, currency: 'USD' },
  });
  expect(await ada.upsertPreferences({ theme: 'DARK', notifications: [{ name: 'x', enabled: true }] })).toMatchObject({
    theme: 'DARK',
    notifications: [{ name: 'x', enabled: true }],
  });
  expect(await ada.upsertPrivacy({ profile: 'PRIVATE' })).toMatchObject({ profile: 'PRIVATE' });
  expect(await ada.upload(await photo([800, 600]))).toMatchObject({
    __typename: 'ProfilePicture',
    version: 1,
    isActive: true,
  });
});
