import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { anonymous, createPerson, type Person } from './support/person.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

interface Marked {
  __typename: string;
  missingFields?: string[];
  message?: string;
  id?: string;
  isComplete?: boolean;
  updatedAt?: string;
  completion?: { isComplete: boolean; completedAt: string | null; setupSkippedAt: string | null };
}

const fields = 'id isComplete updatedAt completion { isComplete completedAt setupSkippedAt }';
const markQuery = `mutation { markProfileComplete {
  __typename
  ... on Profile { ${fields} }
  ... on UserError { message }
  ... on ProfileIncompleteError { missingFields }
} }`;
const skipQuery = `mutation { skipProfileSetup { __typename ${fields} } }`;

const mark = async (person: Person) =>
  (await person.query<{ markProfileComplete: Marked }, object>(markQuery)).markProfileComplete;
const skip = async (person: Person) =>
  (await person.query<{ skipProfileSetup: Marked }, object>(skipQuery)).skipProfileSetup;

const auditOf = (person: Person) =>
  app.platform.db.prisma.auditEntry.findMany({
    where: { userId: person.id, action: { in: ['profile.completed', 'profile.setupSkipped'] } },
    select: { action: true, actor: true, changedFields: true },
  });

const named = () => ({ username: `n${randomId().slice(0, 12)}`, displayName: 'Ada' });

test('somebody whose required fields are empty is told which', async () => {
  const ada = await createPerson(app);
  expect(await mark(ada)).toEqual({
    __typename: 'ProfileIncompleteError',
    message: expect.stringContaining('username, displayName'),
    missingFields: ['username', 'displayName'],
  });
  await ada.upsertProfile({ displayName: 'Ada' });
  expect(await mark(ada)).toMatchObject({ missingFields: ['username'] });
  expect((await ada.me()).profile).toMatchObject({ isComplete: false });
  expect(await auditOf(ada)).toEqual([]);
});

test('somebody who filled the required fields completes their profile, once', async () => {
  const ada = await createPerson(app);
  await ada.upsertProfile(named());
  const first = await mark(ada);
  expect(first).toMatchObject({
    __typename: 'Profile',
    id: `profile_${ada.id}`,
    isComplete: true,
    completion: { isComplete: true, completedAt: expect.any(String) },
  });
  expect(first.updatedAt).toBe(first.completion?.completedAt);
  expect(await mark(ada)).toEqual(first);
  expect(await auditOf(ada)).toEqual([{ action: 'profile.completed', actor: 'OWNER', changedFields: ['isComplete'] }]);
});

test('somebody who marks in ten tabs at once completes their profile once', async () => {
  const ada = await createPerson(app);
  await ada.upsertProfile(named());
  const marked = await Promise.all(Array.from({ length: 10 }, () => mark(ada)));
  expect(new Set(marked.map(({ completion }) => completion?.completedAt)).size).toBe(1);
  expect(await auditOf(ada)).toHaveLength(1);
});

test('somebody who empties a required field has to mark again, later and not by itself', async () => {
  const ada = await createPerson(app);
  await ada.upsertProfile(named());
  await mark(ada);
  await ada.upsertProfile({ bio: null, skills: [] });
  expect((await ada.me()).profile).toMatchObject({ isComplete: true });
  await ada.upsertProfile({ displayName: null });
  expect((await ada.me()).profile).toMatchObject({ isComplete: false });
  await ada.upsertProfile({ displayName: 'Ada again' });
  expect((await ada.me()).profile).toMatchObject({ isComplete: false });
  expect(await mark(ada)).toMatchObject({ isComplete: true });
  expect(await auditOf(ada)).toHaveLength(2);
});

test('others see that a profile is complete, and nothing else of it', async () => {
  const [ada, grace] = [await createPerson(app), await createPerson(app)];
  await ada.upsertProfile(named());
  await mark(ada);
  const query = 'query ($id: ID) { user(by: { id: $id }) { profile { isComplete completion { percentage } } } }';
  expect(await grace.query(query, { id: ada.id })).toEqual({
    user: { profile: { isComplete: true, completion: null } },
  });
});

test('somebody who skips the setup is not sent there again; the first time counts', async () => {
  const ada = await createPerson(app);
  const { updatedAt } = await mark(ada).then(() => skip(ada));
  const first = await skip(ada);
  expect(first).toMatchObject({
    __typename: 'Profile',
    isComplete: false,
    updatedAt,
    completion: { completedAt: null, setupSkippedAt: expect.any(String) },
  });
  expect(await skip(ada)).toEqual(first);
  expect(await auditOf(ada)).toEqual([
    { action: 'profile.setupSkipped', actor: 'OWNER', changedFields: ['setupSkippedAt'] },
  ]);
  app.takeStatements();
  await skip(ada);
  expect(app.takeStatements()).toHaveLength(2);
});

test.each([markQuery, skipQuery])('somebody without a token marks nothing: %s', async (query) => {
  const { errors } = await anonymous(app).ask(query);
  expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
});
