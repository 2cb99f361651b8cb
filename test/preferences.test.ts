import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestApp, type TestApp } from './support/app.ts';
import { createPerson, type Person } from './support/person.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

test('preferences change in what is given, and null sets a default', async () => {
  const ada = await createPerson(app);
  const changed = { favoriteGenres: [28, 12], adultContent: true, language: 'pt-BR', theme: 'DARK' } as const;
  expect(await ada.upsertPreferences({ ...changed, favoriteGenres: [...changed.favoriteGenres] })).toMatchObject(
    changed,
  );
  expect(await ada.upsertPreferences({ theme: 'LIGHT' })).toMatchObject({ ...changed, theme: 'LIGHT' });
  expect(
    await ada.upsertPreferences({ favoriteGenres: null, adultContent: null, language: null, theme: null }),
  ).toMatchObject({ favoriteGenres: [], adultContent: false, language: 'en', theme: 'SYSTEM' });
});

test('two tabs that change different things at the same moment lose nothing', async () => {
  const ada = await createPerson(app);
  const names = Array.from({ length: 50 }, (_, index) => `notification ${index}`);
  await Promise.all([
    ...names.map((name) => ada.upsertPreferences({ notifications: [{ name, enabled: true }] })),
    ada.upsertPreferences({ theme: 'DARK' }),
    ada.upsertPreferences({ language: 'de' }),
  ]);
  const { preferences } = await ada.me();
  expect(preferences).toMatchObject({ theme: 'DARK', language: 'de' });
  expect(preferences?.notifications.map(({ name }) => name)).toEqual(names.toSorted());
});

test('of 1,000 pairs of changes made by two tabs at the same moment, none is lost', async () => {
  const people = await Promise.all(Array.from({ length: 10 }, () => createPerson(app)));
  const themes = ['DARK', 'LIGHT', 'SYSTEM'] as const;
  const play = async (person: Person) => {
    for (let round = 0; round < 100; round += 1) {
      const [theme, adultContent] = [themes[round % 3] ?? 'DARK', round % 2 === 0];
      await Promise.all([
        person.upsertPreferences({ theme, notifications: [{ name: 'left', enabled: adultContent }] }),
        person.upsertPreferences({ adultContent, notifications: [{ name: 'right', enabled: !adultContent }] }),
      ]);
      expect((await person.me()).preferences).toMatchObject({
        theme,
        adultContent,
        notifications: [
          { name: 'left', enabled: adultContent },
          { name: 'right', enabled: !adultContent },
        ],
      });
    }
  };
  await Promise.all(people.map(play));
}, 120_000);

test('notifications are merged by name, and null takes them away', async () => {
  const ada = await createPerson(app);
  await ada.upsertPreferences({
    notifications: [
      { name: 'a', enabled: true },
      { name: '__proto__', enabled: false },
    ],
  });
  expect(await ada.upsertPreferences({ notifications: [{ name: 'a', enabled: false }] })).toMatchObject({
    notifications: [
      { name: '__proto__', enabled: false },
      { name: 'a', enabled: false },
    ],
  });
  expect(await ada.upsertPreferences({ notifications: null })).toMatchObject({ notifications: [] });
});

test('more than 100 notifications are refused, those set before included', async () => {
  const ada = await createPerson(app);
  const named = (from: number, count: number) =>
    Array.from({ length: count }, (_, index) => ({ name: `n${from + index}`, enabled: true }));
  await ada.upsertPreferences({ notifications: named(0, 100) });
  expect(await ada.upsertPreferences({ theme: 'DARK', notifications: named(100, 1) })).toMatchObject({
    fields: [{ path: 'notifications' }],
  });
  expect((await ada.me()).preferences).toMatchObject({ theme: 'SYSTEM' });
});

test('all that is wrong is told at once', async () => {
  const ada = await createPerson(app);
  const refused = await ada.upsertPreferences({
    favoriteGenres: [1, 0, 1],
    language: 'not a language',
    notifications: [{ name: '', enabled: true }],
  });
  if (refused.__typename !== 'InvalidInputError') throw new Error(refused.__typename);
  expect(refused.fields.map(({ path }) => path).sort()).toEqual([
    'favoriteGenres.1',
    'favoriteGenres.2',
    'language',
    'notifications.0.name',
  ]);
});

test('preferences change by two statements: the merge, and the answer', async () => {
  const ada = await createPerson(app);
  app.takeStatements();
  await ada.upsertPreferences({ theme: 'DARK' });
  expect(app.takeStatements()).toHaveLength(2);
});
