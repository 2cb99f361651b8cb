import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseUsername } from '../src/modules/user/username.ts';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { anonymous, createPerson, type Person } from './support/person.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

interface Availability {
  username: string;
  available: boolean;
  reason: string | null;
  suggestions: string[];
}

const query = `query ($username: String!) {
  usernameAvailability(username: $username) { username available reason suggestions }
}`;

const check = async (viewer: Person, username: string) =>
  (await viewer.query<{ usernameAvailability: Availability }, object>(query, { username })).usernameAvailability;

const freshName = () => `n${randomId().slice(0, 12)}`;
const free = (username: string) => ({ username, available: true, reason: null, suggestions: [] });

const createNamed = async (...usernames: string[]) => {
  const person = await createPerson(app);
  for (const username of usernames) await person.upsertProfile({ username });
  return person;
};

/** Three names that can be taken at once. */
async function expectFree(suggestions: string[]) {
  expect(new Set(suggestions).size).toBe(3);
  for (const suggestion of suggestions) {
    expect(parseUsername(suggestion)).toEqual({ username: suggestion });
    expect(await check(anonymous(app), suggestion)).toEqual(free(suggestion));
  }
}

describe('anybody, signed in or not,', () => {
  test('learns that a free name is free, as it would be stored', async () => {
    const name = freshName();
    for (const viewer of [anonymous(app), await createPerson(app)]) {
      expect(await check(viewer, ` ${name.toUpperCase()} `)).toEqual(free(name));
    }
  });

  test.each(['', 'ab', '1abc', 'a..b', 'abc.', 'A B c', 'näme', 'ＡＢＣ', 'x'.repeat(31), '😀', 'a\u0000b', '\ud800'])(
    'learns that %j is invalid, and gets three that are not',
    async (raw) => {
      const { suggestions, ...rest } = await check(anonymous(app), raw);
      expect(rest).toEqual({ username: expect.any(String), available: false, reason: 'INVALID' });
      await expectFree(suggestions);
    },
  );

  test.each(['admin', 'Graph.QL', 'support_'])('learns that %j is reserved', async (raw) => {
    const { suggestions, ...rest } = await check(anonymous(app), raw);
    expect(rest).toEqual({ username: raw.toLowerCase(), available: false, reason: 'RESERVED' });
    await expectFree(suggestions);
  });

  test('learns that a name is taken in any case, and gets three that are not', async () => {
    const name = freshName();
    await createNamed(name, `${name}1`, name);
    for (const viewer of [anonymous(app), await createPerson(app)]) {
      const { suggestions, ...rest } = await check(viewer, name.toUpperCase());
      expect(rest).toEqual({ username: name, available: false, reason: 'TAKEN' });
      expect(suggestions).not.toContain(`${name}1`);
      await expectFree(suggestions);
    }
  });

  test('learns that a former name is held, until 30 days have gone by', async () => {
    const name = freshName();
    const ada = await createNamed(name, freshName());
    for (const viewer of [anonymous(app), await createPerson(app)]) {
      expect(await check(viewer, name)).toMatchObject({ available: false, reason: 'TAKEN' });
    }
    await app.platform.db.prisma.usernameHistory.updateMany({
      where: { userId: ada.id, username: name },
      data: { releasedAt: new Date(Date.now() - 30 * 24 * 3_600_000) },
    });
    expect(await check(anonymous(app), name)).toEqual(free(name));
  });

  test('learns that the name of a deleted account is held', async () => {
    const name = freshName();
    const ada = await createNamed(name);
    const { prisma } = app.platform.db;
    await prisma.usernameHistory.updateMany({ where: { userId: ada.id }, data: { releasedAt: new Date() } });
    await prisma.user.delete({ where: { id: ada.id } });
    for (const viewer of [anonymous(app), await createPerson(app)]) {
      expect(await check(viewer, name)).toMatchObject({ available: false, reason: 'TAKEN' });
    }
  });
});

test('somebody can have their own name, and a former one that nobody took', async () => {
  const [former, current] = [freshName(), freshName()];
  const ada = await createNamed(former, current);
  expect(await check(ada, current)).toEqual(free(current));
  expect(await check(ada, former)).toEqual(free(former));
  await app.platform.db.prisma.usernameHistory.updateMany({
    where: { userId: ada.id, username: former },
    data: { releasedAt: new Date(Date.now() - 31 * 24 * 3_600_000) },
  });
  await createNamed(former);
  expect(await check(ada, former)).toMatchObject({ available: false, reason: 'TAKEN' });
});

test('somebody is not offered the name that they have', async () => {
  const name = freshName();
  await createNamed(name);
  const ada = await createNamed(`${name}1`);
  const { suggestions } = await check(ada, name);
  expect(suggestions).not.toContain(`${name}1`);
  await expectFree(suggestions);
});

test.each(['admin', 'not a name', 'a.free.name'])('an answer about "%s" is one statement', async (raw) => {
  const ada = await createPerson(app);
  for (const viewer of [anonymous(app), ada]) {
    app.takeStatements();
    await check(viewer, raw);
    expect(app.takeStatements()).toHaveLength(1);
  }
});
