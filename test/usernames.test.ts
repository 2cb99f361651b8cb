import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { createPerson, type Person } from './support/person.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

const freshName = () => `n${randomId().slice(0, 12)}`;

const findId = async (asker: Person, username: string) => {
  const query = 'query ($by: UserBy!) { user(by: $by) { id } }';
  const { user } = await asker.query<{ user: { id: string } | null }, object>(query, { by: { username } });
  return user?.id ?? null;
};

/** Moves the user's history into the past, as if days had gone by. */
const age = (person: Person, days: number) =>
  app.platform.db.prisma.$executeRaw`
    update username_history set taken_at = taken_at - make_interval(days => ${days}),
      released_at = released_at - make_interval(days => ${days})
    where user_id = ${person.id}`;

test('a username is stored in lower case and belongs to one user in any case', async () => {
  const [ada, grace] = [await createPerson(app), await createPerson(app)];
  const name = freshName();
  expect(await ada.upsertProfile({ username: name.toUpperCase() })).toMatchObject({ user: { username: name } });
  const taken = await grace.upsertProfile({ username: name, bio: 'x' });
  if (taken.__typename !== 'UsernameTakenError') throw new Error(taken.__typename);
  expect(taken.suggestions).toHaveLength(3);
  expect((await grace.me()).profile?.bio).toBeNull();
  expect(await grace.upsertProfile({ username: taken.suggestions[0] as string })).toMatchObject({
    __typename: 'Profile',
  });
});

test.each(['ab', '1abc', 'a..b', 'abc.', 'a b c', 'näme', 'ＡＢＣ', 'admin', 'graphql', 'x'.repeat(31)])(
  '"%s" is refused at the field username',
  async (username) => {
    const ada = await createPerson(app);
    expect(await ada.upsertProfile({ username })).toMatchObject({
      __typename: 'InvalidInputError',
      fields: [{ path: 'username' }],
    });
  },
);

test('null does not take a username away', async () => {
  const ada = await createPerson(app);
  expect(await ada.upsertProfile({ username: null })).toMatchObject({ fields: [{ path: 'username' }] });
});

test('a former username finds its user, is held for them, and may be taken back at any time', async () => {
  const [ada, grace] = [await createPerson(app), await createPerson(app)];
  const [first, second] = [freshName(), freshName()];
  await ada.upsertProfile({ username: first });
  await ada.upsertProfile({ username: second });
  expect(await findId(grace, first)).toBe(ada.id);
  expect(await grace.upsertProfile({ username: first })).toMatchObject({ __typename: 'UsernameTakenError' });
  await ada.upsertProfile({ username: first });
  expect(await findId(grace, first)).toBe(ada.id);
  expect(await findId(grace, second)).toBe(ada.id);
});

test('after 30 days a former username is free, and finds whoever took it', async () => {
  const [ada, grace] = [await createPerson(app), await createPerson(app)];
  const [first, second] = [freshName(), freshName()];
  await ada.upsertProfile({ username: first });
  await ada.upsertProfile({ username: second });
  await age(ada, 29);
  expect(await grace.upsertProfile({ username: first })).toMatchObject({ __typename: 'UsernameTakenError' });
  await age(ada, 1);
  expect(await grace.upsertProfile({ username: first })).toMatchObject({ __typename: 'Profile' });
  expect(await findId(ada, first)).toBe(grace.id);
});

test('the username of a deleted account is held for 30 days, and finds nobody', async () => {
  const [ada, grace] = [await createPerson(app), await createPerson(app)];
  const name = freshName();
  await ada.upsertProfile({ username: name });
  await app.platform.db.prisma.usernameHistory.updateMany({
    where: { userId: ada.id },
    data: { releasedAt: new Date() },
  });
  await app.platform.db.prisma.user.delete({ where: { id: ada.id } });
  expect(await grace.upsertProfile({ username: name })).toMatchObject({ __typename: 'UsernameTakenError' });
  expect(await findId(grace, name)).toBeNull();
});

test('the sixth change in 24 hours has to wait, and the same name again is no change', async () => {
  const ada = await createPerson(app);
  for (let change = 0; change < 5; change += 1) await ada.upsertProfile({ username: freshName() });
  const { username } = await ada.me();
  expect(await ada.upsertProfile({ username: username as string })).toMatchObject({ __typename: 'Profile' });
  const answer = await ada.ask(
    'mutation ($input: UpsertProfileInput!) { upsertProfile(input: $input) { __typename } }',
    {
      input: { username: freshName() },
    },
  );
  expect(answer.status).toBe(429);
  expect(answer.errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED' } }]);
  const retryAfter = Number(answer.headers.get('retry-after'));
  expect(retryAfter).toBeGreaterThan(86_000);
  expect(retryAfter).toBeLessThanOrEqual(86_400);
  await age(ada, 1);
  expect(await ada.upsertProfile({ username: freshName() })).toMatchObject({ __typename: 'Profile' });
});

test('of 200 who want one name at once, one has it, in every round', async () => {
  const people = await Promise.all(Array.from({ length: 200 }, () => createPerson(app)));
  for (let round = 0; round < 5; round += 1) {
    const name = freshName();
    const answers = await Promise.all(
      people.map((person, index) => person.upsertProfile({ username: index % 2 ? name : name.toUpperCase() })),
    );
    const winners = answers.filter(({ __typename }) => __typename === 'Profile');
    expect(winners).toHaveLength(1);
    expect(answers.filter(({ __typename }) => __typename === 'UsernameTakenError')).toHaveLength(199);
    // Whoever wins often must not run into the limit of changes a day.
    await age(people[answers.findIndex(({ __typename }) => __typename === 'Profile')] as Person, 1);
  }
}, 120_000);

test('two who swap names at the same moment neither deadlock nor lose theirs', async () => {
  const [ada, grace] = [await createPerson(app), await createPerson(app)];
  const [first, second] = [freshName(), freshName()];
  await ada.upsertProfile({ username: first });
  await grace.upsertProfile({ username: second });
  const answers = await Promise.all([
    ada.upsertProfile({ username: second }),
    grace.upsertProfile({ username: first }),
  ]);
  expect(answers.map(({ __typename }) => __typename)).toEqual(['UsernameTakenError', 'UsernameTakenError']);
  expect([(await ada.me()).username, (await grace.me()).username]).toEqual([first, second]);
});
