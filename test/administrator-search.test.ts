import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { searchUsersByEmail } from '../src/modules/user/search-queries.ts';
import { administratorEnv, createAdministrator, readsIn } from './support/administrator.ts';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { block } from './support/follow.ts';
import { createPerson, type Person } from './support/person.ts';
import { askForUsers, explainReads, findIds, findUsers, readPages, withClient } from './support/search.ts';

let app: TestApp;
let administrator: Person;
beforeAll(async () => {
  app = await createTestApp({ env: administratorEnv });
  administrator = await createAdministrator(app);
});
afterAll(() => app.close());

const createWithEmail = async (email: string): Promise<Person> => {
  const person = await createPerson(app);
  await app.platform.db.prisma.user.update({ where: { id: person.id }, data: { email } });
  return person;
};

const freshName = () => `m${randomId().slice(0, 12)}`;

describe('an administrator who searches with an "@"', () => {
  test('finds who has the address, then whose address starts so, in any case', async () => {
    const name = freshName();
    const longer = await createWithEmail(`${name}@visage.test.example`);
    const exact = await createWithEmail(`${name.toUpperCase()}@Visage.TEST`);
    await createWithEmail(`x${name}@visage.test`);
    for (const search of [`${name}@visage.test`, ` ${name.toUpperCase()}@VISAGE.test `]) {
      expect(await findIds(administrator, search)).toEqual([exact.id, longer.id]);
    }
    expect(await findIds(administrator, `${name}@visage.test.`)).toEqual([longer.id]);
  });

  test('has it in the audit logs of those who were found, and of nobody else', async () => {
    const name = freshName();
    const [first, second] = [await createWithEmail(`${name}@a.test`), await createWithEmail(`${name}@b.test`)];
    await findUsers(administrator, `${name}@`, { first: 1 });
    expect([await readsIn(first), await readsIn(second)]).toEqual([[['own']], []]);
  });

  test('turns all pages and finds everybody once', async () => {
    const name = freshName();
    const ids: string[] = [];
    for (const letter of ['a', 'b', 'b', 'c', 'd']) ids.push((await createWithEmail(`${name}@${letter}.test`)).id);
    const pages = await readPages(administrator, `${name}@`, 2);
    expect(pages.map(({ length }) => length)).toEqual([2, 2, 1]);
    expect(pages.flat().toSorted()).toEqual(ids.toSorted());
  });

  test('takes what stands for "anything" elsewhere, and what no address has, as it is', async () => {
    await createWithEmail('any@visage.test');
    for (const search of ['%@', '@', '_ny@visage.test', '\u0000@', `${'é'.repeat(400)}@`]) {
      expect(await findIds(administrator, search)).toEqual([]);
    }
  });

  test('finds those who block them', async () => {
    const name = freshName();
    const owner = await createWithEmail(`${name}@visage.test`);
    await block(owner, administrator.id);
    expect(await findIds(administrator, `${name}@`)).toEqual([owner.id]);
    expect(await readsIn(owner)).toEqual([['own', 'user']]);
  });

  test('searches as others do while they look as others do', async () => {
    const name = freshName();
    await createWithEmail(`${name}@visage.test`);
    const query = 'query ($search: String!) { users(search: $search) { edges { node { id } } } }';
    const search = { search: `${name}@` };
    expect((await administrator.ask<object, object>(query, search, { 'visage-view-as': 'PUBLIC' })).data).toEqual({
      users: { edges: [] },
    });
  });

  test('can not go on from there in a search by name, nor anybody else', async () => {
    const name = freshName();
    for (const end of ['a', 'b']) await createWithEmail(`${name}@${end}.test`);
    const { pageInfo } = await findUsers(administrator, `${name}@`, { first: 1 });
    const stranger = await createPerson(app);
    for (const [viewer, search] of [
      [stranger, `${name}@`],
      [administrator, name],
    ] as const) {
      const { errors } = await askForUsers(viewer, search, { after: pageInfo.endCursor });
      expect(errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
    }
  });
});

test('nobody else finds anybody by their address', async () => {
  const name = freshName();
  const owner = await createWithEmail(`${name}@visage.test`);
  const named = await createPerson(app);
  await named.upsertProfile({ displayName: `${name}@visage` });
  for (const viewer of [owner, named]) expect(await findIds(viewer, `${name}@vis`)).toEqual([named.id]);
});

test('an administrator finds names as ever, of those who block them too', async () => {
  const name = freshName();
  const owner = await createPerson(app);
  await owner.upsertProfile({ username: name });
  await block(owner, administrator.id);
  expect(await findIds(administrator, name)).toEqual([owner.id]);
  expect(await readsIn(owner)).toEqual([['user']]);
});

test.each([true, false])(
  'addresses are read by index, and no more than are shown (generic plan: %s)',
  async (isGeneric) => {
    const crowd = await createTestApp();
    await withClient(crowd, async (client) => {
      await client.query(
        `insert into users (id, email) select 'user_' || n, 'Common' || n || '@visage.test' from generate_series(1, 5000) as n`,
      );
      await client.query('analyze');
    });
    const values = ['user_1', 'common2', 'user_2', 'common\u{10ffff}', 21];
    const reads = await explainReads(crowd, searchUsersByEmail, { values, isGeneric });
    await crowd.close();
    const people = reads.filter(({ table }) => table === 'users' || table === 'profiles');
    expect(people.filter(({ index }) => index === null)).toEqual([]);
    expect(people.map(({ index }) => index)).toContain('users_email_search_idx');
    for (const { rows } of people) expect(rows).toBeLessThanOrEqual(21);
  },
);
