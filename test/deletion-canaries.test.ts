import { afterAll, beforeAll, expect, test } from 'vitest';
import { columnsWith, deleteAccount, storedFiles } from './support/account.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import {
  type CanaryPerson,
  expectNoTrace,
  filesWith,
  otherTexts,
  plantedTexts,
  plantMany,
  textInputs,
} from './support/canaries.ts';
import { type ClerkApi, createClerkApi } from './support/clerk-api.ts';
import { arrive } from './support/identity.ts';
import { createTestLog } from './support/log.ts';
import { createClerkPerson } from './support/outbox.ts';
import type { Person } from './support/person.ts';

const { log, lines } = createTestLog('debug');

let clerk: ClerkApi;
let app: TestApp;
let friends: Person[];
beforeAll(async () => {
  clerk = await createClerkApi();
  const mirrors = { CLERK_MIRROR_METADATA: 'true', CLERK_MIRROR_PICTURE: 'true' };
  app = await createTestApp({ env: { ...clerk.env, ...mirrors }, parts: { log } });
  friends = [await createClerkPerson(app, clerk), await createClerkPerson(app, clerk)];
});
afterAll(async () => {
  await app.close();
  await clerk.close();
});

test('a canary sits in every text that a mutation takes', () => {
  expect(textInputs().toSorted()).toEqual([...Object.keys(plantedTexts), ...otherTexts].toSorted());
});

test('of twenty people with a canary in every field, nothing is left once they are deleted', async () => {
  const before = await storedFiles(app);
  const people = await plantMany(app, { clerk, friends, count: 20 });
  const [first] = people as [CanaryPerson, ...CanaryPerson[]];
  expect(await columnsWith(app, first.word)).toEqual(expect.arrayContaining([...plantedColumns]));
  expect((await storedFiles(app)).length).toBeGreaterThan(before.length + people.length);
  const words = people.map(({ word }) => word);
  expect(await filesWith(app, words)).toEqual([]);

  for (const [index, person] of people.entries()) {
    if (index % 2 === 0) {
      const { username } = await person.me();
      expect(await deleteAccount(person, username ?? '')).toMatchObject({ __typename: 'DeletedAccount' });
    } else {
      clerk.removeUser(person.id);
      expect(await arrive(app, clerk, ['user.deleted', person])).toBe('APPLIED');
    }
    expect((await person.ask('{ me { id } }')).status).toBe(401);
  }
  await expectNoTrace(app, { clerk, people, files: before });
  const logged = JSON.stringify(lines);
  expect(logged).toContain('"level":20');
  expect(words.filter((word) => logged.includes(word))).toEqual([]);
}, 240_000);

/** Where the API and Clerk put what a person says of themselves. */
const plantedColumns = [
  'audit_entries.user_id',
  'blocks.blocked_id',
  'crew_member_follows.user_id',
  'events.idempotency_key',
  'events.review',
  'pictures.alt_text',
  'pictures.original_name',
  'preferences.language',
  'preferences.notifications',
  'privacy.user_id',
  'profiles.bio',
  'profiles.display_name',
  'profiles.field_of_study',
  'profiles.preferred_locations',
  'profiles.search_name',
  'profiles.skills',
  'studio_follows.user_id',
  'sync_sessions.session_id',
  'sync_sessions.user_agent',
  'username_history.username',
  'users.email',
  'users.first_name',
  'users.id',
  'users.last_name',
  'users.username',
  'webhook_deliveries.user_id',
];
