import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toSearchName } from '../src/modules/user/search-name.ts';
import { searchUsersByText } from '../src/modules/user/search-queries.ts';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { anonymous, createPerson } from './support/person.ts';
import { askForUsers, explainReads, findIds, findUsers, insertUsers, readPages, withClient } from './support/search.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

/** The start of names that nobody else in this file has. */
const freshStem = () => `s${randomId().slice(0, 10)}`;

const createNamed = async (names: { username?: string; displayName?: string }) => {
  const person = await createPerson(app);
  expect(await person.upsertProfile(names)).toMatchObject({ __typename: 'Profile' });
  return person;
};

const badUserInput = [{ extensions: { code: 'BAD_USER_INPUT' } }];

describe('somebody who searches', () => {
  test('finds who has the username, then the name, then the start of the one, then of the other', async () => {
    const stem = freshStem();
    const startOfName = await createNamed({ displayName: `${stem} Byron` });
    const startOfUsername = await createNamed({ username: `${stem}zz`, displayName: 'Zoe' });
    const wholeName = await createNamed({ displayName: stem.toUpperCase() });
    const wholeUsername = await createNamed({ username: stem });
    await createNamed({ username: `x${stem}`, displayName: `Not ${stem}` });
    expect(await findIds(startOfName, stem)).toEqual(
      [wholeUsername, wholeName, startOfUsername, startOfName].map(({ id }) => id),
    );
  });

  test('finds whoever matches twice once, at the better place', async () => {
    const stem = freshStem();
    const both = await createNamed({ username: `${stem}b`, displayName: `${stem}a` });
    const nameAndUsername = await createNamed({ username: `${stem}a`, displayName: stem });
    const exactlyBoth = await createNamed({ username: stem, displayName: stem });
    expect(await findIds(both, stem)).toEqual([exactlyBoth.id, nameAndUsername.id, both.id]);
  });

  test.each([
    ['ÉLODIE Ø', 'elodie o'],
    ['Straße', 'STRASSE'],
    ['Ａｄａ', 'ada'],
    ['Ｉ İ ı', 'i i i'],
    ['ΟΔΟΣ', 'οδος'],
    ['Σίσυφος', 'ΣΙΣΥΦΟΣ'],
    ['Ёлка', 'елк'],
    ['Nguyễn', 'nguyen'],
    ['ﬁancé', 'FIANC'],
    ['山田太郎', '山田'],
    ['محمد', 'مُحَمَّد'],
    ['Ada   Byron', ' ada byr'],
    ['O\u2019Hara \u{1f469}\u200d\u{1f680}', 'o\u2019hara \u{1f469}'],
  ])('finds "%s" by "%s": neither case nor accents count', async (displayName, search) => {
    const person = await createNamed({ displayName });
    expect(await findIds(person, search)).toContain(person.id);
  });

  test('finds a name by its start, not by its second word', async () => {
    const stem = freshStem();
    const ada = await createNamed({ displayName: `Ada ${stem}` });
    expect(await findIds(ada, stem)).toEqual([]);
    expect(await findIds(ada, `ada ${stem.slice(0, 6)}`)).toEqual([ada.id]);
  });

  test('takes what stands for "anything" elsewhere as it is', async () => {
    const stem = freshStem();
    const ada = await createNamed({ displayName: `${stem}%_\\` });
    await createNamed({ displayName: `${stem}abc` });
    expect(await findIds(ada, `${stem}%`)).toEqual([ada.id]);
    expect(await findIds(ada, `${stem}%_\\`)).toEqual([ada.id]);
    expect(await findIds(ada, `${stem}_`)).toEqual([]);
  });

  test('finds a user by a new name at once, and not by the old one', async () => {
    const [before, after] = [freshStem(), freshStem()];
    const ada = await createNamed({ username: `${before}u`, displayName: `${before}n` });
    await ada.upsertProfile({ username: `${after}u`, displayName: null });
    expect([await findIds(ada, before), await findIds(ada, after)]).toEqual([[], [ada.id]]);
    await ada.upsertProfile({ displayName: `${before} again`, bio: 'x' });
    await ada.upsertProfile({ bio: 'y' });
    expect(await findIds(ada, before)).toEqual([ada.id]);
  });

  test('finds a private profile by its name, signed in or not, and nothing by its text', async () => {
    const stem = freshStem();
    const ada = await createNamed({ displayName: `${stem} Ada` });
    await ada.upsertProfile({ bio: `bio${stem}`, fieldOfStudy: `field${stem}`, skills: [`skill${stem}`] });
    await ada.upsertPrivacy({ profile: 'PRIVATE' });
    const stranger = await createPerson(app);
    for (const viewer of [anonymous(app), stranger, ada]) expect(await findIds(viewer, stem)).toEqual([ada.id]);
    for (const text of ['bio', 'field', 'skill']) expect(await findIds(ada, text + stem)).toEqual([]);
  });

  test('does not find whom they blocked or who blocked them, and pages are full all the same', async () => {
    const stem = freshStem();
    const [viewer, blocked, blocking] = [await createPerson(app), `user_${randomId()}`, `user_${randomId()}`];
    const seen = Array.from({ length: 6 }, (_, index) => `user_${stem}${index}`);
    await insertUsers(app, [
      { id: blocked, username: stem, displayName: `${stem} a` },
      { id: blocking, username: null, displayName: stem },
      ...seen.map((id, index) =>
        index < 3
          ? { id, username: `${stem}${index}`, displayName: null }
          : { id, username: null, displayName: `${stem} b${index}` },
      ),
    ]);
    await app.platform.db.prisma.block.createMany({
      data: [
        { blockerId: viewer.id, blockedId: blocked },
        { blockerId: blocking, blockedId: viewer.id },
      ],
    });
    expect(await readPages(viewer, stem, 2)).toEqual([seen.slice(0, 2), seen.slice(2, 4), seen.slice(4)]);
    expect(await findIds(anonymous(app), stem)).toEqual([blocked, blocking, ...seen]);
  });

  test('gets no count and no dates', async () => {
    const stem = freshStem();
    const ada = await createNamed({ username: stem });
    expect(await findUsers(ada, stem)).toEqual({
      totalCount: null,
      edges: [{ cursor: expect.any(String), since: null, node: expect.objectContaining({ id: ada.id }) }],
      pageInfo: {
        hasNextPage: false,
        hasPreviousPage: false,
        startCursor: expect.any(String),
        endCursor: expect.any(String),
      },
    });
    expect(await findUsers(ada, freshStem())).toEqual({
      totalCount: null,
      edges: [],
      pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
    });
  });
});

describe('pages of a search', () => {
  const stem = freshStem();
  const ids = Array.from({ length: 30 }, (_, index) => `user_${stem}_${String(index).padStart(2, '0')}`);
  /** One whole username, whole names, starts of usernames and starts of names: some of them match twice. */
  const toNames = (index: number): [string | null, string | null] => {
    if (index === 0) return [stem, stem];
    if (index < 5) return [`${stem}x${index}`, stem];
    if (index < 10) return [null, stem];
    if (index < 15) return [`${stem}${index}`, `${stem} a`];
    if (index < 20) return [`${stem}${index}`, null];
    return [null, `${stem} ${index < 25 ? 'same' : `t${index}`}`];
  };
  beforeAll(() =>
    insertUsers(
      app,
      ids.map((id, index) => {
        const [username, displayName] = toNames(index);
        return { id, username, displayName };
      }),
    ),
  );

  test.each([1, 3, 7, 10, 29, 30, 100])(
    'of %s show everybody once and in order, in one statement each',
    async (first) => {
      const ada = await createPerson(app);
      const pages = await readPages(ada, stem, first);
      expect(pages.flat()).toEqual(ids);
      expect(pages.slice(0, -1).every((page) => page.length === first)).toBe(true);
      app.takeStatements();
      await findUsers(ada, stem, { first });
      expect(app.takeStatements()).toHaveLength(1);
    },
  );

  test('are 20 rows if nothing is said', async () => {
    const { edges, pageInfo } = await findUsers(anonymous(app), stem, { first: null, after: null });
    expect(edges).toHaveLength(20);
    expect(pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false, startCursor: edges[0]?.cursor });
    const next = await findUsers(anonymous(app), stem, { after: pageInfo.endCursor });
    expect(next.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
  });

  test('go on where they were while people come and go', async () => {
    const own = freshStem();
    const users = Array.from({ length: 6 }, (_, index) => ({
      id: `user_${own}${index}`,
      username: `${own}${index * 2}`,
      displayName: null,
    }));
    await insertUsers(app, users);
    const { pageInfo } = await findUsers(anonymous(app), own, { first: 2 });
    await app.platform.db.prisma.user.delete({ where: { id: `user_${own}1` } });
    await insertUsers(app, [{ id: `user_${own}new`, username: `${own}1`, displayName: null }]);
    const { edges } = await findUsers(anonymous(app), own, { first: 2, after: pageInfo.endCursor });
    expect(edges.map(({ node }) => node.id)).toEqual([`user_${own}2`, `user_${own}3`]);
  });

  test('are asked for by a cursor of the same search, however it is written', async () => {
    const { pageInfo } = await findUsers(anonymous(app), stem, { first: 1 });
    const { edges } = await findUsers(anonymous(app), `  ${stem.toUpperCase()} `, {
      first: 1,
      after: pageInfo.endCursor,
    });
    expect(edges.map(({ node }) => node.id)).toEqual([ids[1]]);
    const { errors } = await askForUsers(anonymous(app), stem.slice(0, -1), { after: pageInfo.endCursor });
    expect(errors).toMatchObject(badUserInput);
  });

  test('are refused for a cursor that was bent', async () => {
    const cursor = (await findUsers(anonymous(app), stem, { first: 1 })).pageInfo.endCursor as string;
    const mark = Buffer.from(cursor, 'base64url').toString().slice(0, 8);
    const bent = [
      `${mark}.0.user_x other`,
      `${mark}.4.user_x ${stem}`,
      `${mark}.2.user_x other`,
      `${mark}.3.user_x ${stem}\u0000`,
      `${mark}.3. ${stem}`,
      `${mark}.3.${stem}`,
      '',
    ].map((text) => Buffer.from(text).toString('base64url'));
    for (const after of [...bent, `${cursor}=`, `${cursor}A`, 'ü', '\u0000', 'x'.repeat(10_000)]) {
      const { errors } = await askForUsers(anonymous(app), stem, { after });
      expect(errors, after).toMatchObject(badUserInput);
    }
  });
});

test.each(['', '   ', '\n\t\u3000', '\u0000', '\u0301', '\u200d'])(
  'a search for nothing (%j) is refused',
  async (search) => {
    expect((await askForUsers(anonymous(app), search)).errors).toMatchObject(badUserInput);
  },
);

test.each([0, -1, 101])('a page of %s is refused', async (first) => {
  expect((await askForUsers(anonymous(app), 'ada', { first })).errors).toMatchObject(badUserInput);
});

test.each([
  ['U+0000', 'a\u0000b'],
  ['a lone surrogate', 'zz\ud800z'],
  ['quotes', "' or 1=1 --"],
  ['the last character', '\u{10ffff}'],
  ['5,000 emoji', '\u{1f469}'.repeat(5_000)],
  ['5,000 letters of 18 letters each', '\ufdfa'.repeat(5_000)],
])('a search for %s is answered', async (_, search) => {
  expect(await findIds(anonymous(app), search)).toEqual([]);
});

test('the longest display name that is accepted is stored and found', async () => {
  const displayName = '\ufdfa'.repeat(64);
  const ada = await createNamed({ displayName });
  expect(await findIds(ada, displayName)).toEqual([ada.id]);
});

test('names from before the search are found once the migration ran', async () => {
  const names = [
    '  Ada   LOVELACE',
    'Élodie Ørsted',
    'Straße',
    'Ǆ ﬁ Ａｄａ',
    'plain',
    '山田',
    'Nguyễn Văn',
    'Æon Œuvre',
  ];
  const migration = new URL('../prisma/migrations/20261121000001_search/migration.sql', import.meta.url);
  const backfill = (await readFile(migration, 'utf8')).replace(/^.*?(?=^UPDATE)/ms, '');
  const users = names.map((displayName) => ({ id: `user_${randomId()}`, username: null, displayName }));
  await insertUsers(app, users);
  const stored = await withClient(app, async (client) => {
    await client.query('update profiles set search_name = null');
    await client.query(backfill);
    const { rows } = await client.query('select user_id, search_name from profiles where user_id = any($1)', [
      users.map(({ id }) => id),
    ]);
    return new Map(rows.map((row) => [row.user_id, row.search_name]));
  });
  expect(users.map(({ id }) => stored.get(id))).toEqual(names.map(toSearchName));
});

describe('among 20,000 users whose names start alike', () => {
  let crowd: TestApp;
  const size = 20;
  const count = 20_000;
  const numberOf = (index: number) => String(index).padStart(5, '0');
  beforeAll(async () => {
    crowd = await createTestApp();
    await insertUsers(
      crowd,
      Array.from({ length: count }, (_, index) => ({
        id: `user_${numberOf(index)}`,
        username: index % 2 === 0 ? `common${numberOf(index)}` : index % 3 === 0 ? `other${numberOf(index)}` : null,
        displayName: index % 2 === 1 || index % 4 === 0 ? `Common ${numberOf(index)}` : null,
      })),
    );
    await withClient(crowd, (client) => client.query('analyze'));
  });
  afterAll(() => crowd.close());

  const end = (text: string) => `${text}\u{10ffff}`;
  const pages: [string, (string | number)[]][] = [
    ['the first page of all', ['c', end('c'), -1, '', '']],
    ['the first page of a few', ['common0123', end('common0123'), -1, '', '']],
    ['the first page of names', ['common 1', end('common 1'), -1, '', '']],
    ['a whole username', ['common00100', end('common00100'), -1, '', '']],
    ['a page amid usernames', ['c', end('c'), 2, 'common10000', 'user_10000']],
    ['the page where usernames end', ['c', end('c'), 2, 'common19990', 'user_19990']],
    ['a page amid names', ['c', end('c'), 3, 'common 10001', 'user_10001']],
    ['a search for nobody', ['nobody', end('nobody'), -1, '', '']],
  ];

  test.each(pages.flatMap(([name, values]) => [true, false].map((isGeneric) => ({ name, values, isGeneric }))))(
    '$name is read by index and reads no more than it shows (generic plan: $isGeneric)',
    async ({ values, isGeneric }) => {
      const reads = await explainReads(crowd, searchUsersByText.viewer, {
        values: ['user_00007', ...values, size + 1],
        isGeneric,
      });
      const people = reads.filter(({ table }) => table === 'users' || table === 'profiles');
      expect(people.filter(({ index }) => index === null)).toEqual([]);
      const ranges = ['users_username_search_idx', 'profiles_search_name_idx'];
      expect(people.some(({ index }) => index !== null && ranges.includes(index))).toBe(true);
      // Each of the four ranks, the other table for each of its rows, and the users themselves.
      for (const { rows } of people) expect(rows).toBeLessThanOrEqual(3 * (size + 1));
    },
  );

  test('somebody who turns all pages sees everybody once', async () => {
    const shown = (await readPages(anonymous(crowd), 'comm', 100)).flat();
    expect(shown).toHaveLength(count);
    expect(new Set(shown).size).toBe(count);
  });
});
