import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { answerTypes, postJson } from './support/http.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

const repeat = (count: number, make: (index: number) => string) =>
  Array.from({ length: count }, (_, at) => make(at)).join(' ');
/** `me` that many levels deep, all in all. */
const nested = (levels: number) => {
  const pairs = (levels - 2) / 2;
  return `{ me { ${'profile { user { '.repeat(pairs)} id ${'} }'.repeat(pairs)} } }`;
};
const ids = (count: number) => Array.from({ length: count }, () => `user_${randomId()}`);

const ask = (query: string, variables?: object, headers?: Record<string, string>) =>
  postJson(app, { query, variables }, headers);
async function expectTooComplex(query: string, variables?: object) {
  app.takeStatements();
  const { status, body } = await ask(query, variables);
  expect([status, body]).toEqual([
    200,
    { errors: [expect.objectContaining({ message: expect.any(String), extensions: { code: 'QUERY_TOO_COMPLEX' } })] },
  ]);
  expect(app.takeStatements()).toEqual([]);
}

test('what asks for too much is a 400 where the client accepts it', async () => {
  const { status, code } = await ask(nested(16), {}, { accept: answerTypes.response });
  expect([status, code]).toEqual([400, 'QUERY_TOO_COMPLEX']);
});

describe('depth:', () => {
  test('14 levels are answered, 16 are not', async () => {
    expect((await ask(nested(14))).body).toEqual({ data: { me: null } });
    await expectTooComplex(nested(16));
  });

  test('5,000 levels are not', async () => {
    await expectTooComplex(nested(5_000));
    await expectTooComplex('{ me '.repeat(5_000));
  });

  test('levels in fragments count', async () => {
    const fragment = (at: number) => `fragment F${at} on User { profile { user { ...F${at + 1} } } }`;
    const spread = (count: number) => `{ me { ...F0 } } ${repeat(count, fragment)} fragment F${count} on User { id }`;
    expect((await ask(spread(6))).body).toEqual({ data: { me: null } });
    await expectTooComplex(spread(7));
    await expectTooComplex(
      '{ ... on Query { ... { me { ... on Node { ... on User { profile { user { profile { user { profile { user { profile { user { profile { user { profile { user { profile { user { id } } } } } } } } } } } } } } } } } } } }',
    );
  });

  test('lists and objects in arguments end at the limit of tokens, not of the stack', async () => {
    await expectTooComplex(`{ user(by: ${'['.repeat(5_000)}`);
    for (const literal of [`${'['.repeat(900)}${']'.repeat(900)}`, `${'{a:'.repeat(600)}1${'}'.repeat(600)}`]) {
      const { status, code } = await ask(
        `{ a: user(by: ${literal}) { id } a: user(by: ${literal}) { id } }`.slice(0, 90_000),
      );
      expect(status).toBe(200);
      expect(code).toMatch(/^(QUERY_TOO_COMPLEX|GRAPHQL_VALIDATION_FAILED)$/);
    }
  });
});

describe('aliases:', () => {
  test('50 are answered, 51 are not', async () => {
    expect((await ask(`{ ${repeat(50, (at) => `a${at}: me { id }`)} }`)).status).toBe(200);
    await expectTooComplex(`{ ${repeat(51, (at) => `a${at}: me { id }`)} }`);
  });

  test('of __typename count', async () => {
    await expectTooComplex(`{ ${repeat(51, (at) => `a${at}: __typename`)} }`);
  });

  test('in fragments count', async () => {
    await expectTooComplex(`{ ...F } fragment F on Query { ${repeat(51, (at) => `a${at}: __typename`)} }`);
  });

  test('200,000 are refused by their tokens', async () => {
    const { code } = await ask(`{${repeat(14_000, (at) => `a${at}:__typename`)}}`.slice(0, 99_000));
    expect(code).toBe('QUERY_TOO_COMPLEX');
  });
});

describe('directives:', () => {
  test('10 are answered, 11 are not', async () => {
    const each = (count: number) => `{ ${repeat(count, () => '__typename @skip(if: false)')} }`;
    expect((await ask(each(10))).body).toEqual({ data: { __typename: 'Query' } });
    await expectTooComplex(each(11));
  });

  test('many at one place are not valid either', async () => {
    const { status, code } = await ask(`{ __typename ${'@a'.repeat(900)} }`);
    expect([status, code]).toEqual([200, expect.stringMatching(/^(QUERY_TOO_COMPLEX|GRAPHQL_VALIDATION_FAILED)$/)]);
  });
});

test('2,000 tokens are parsed, and no more', async () => {
  const tokens = (count: number) => `{ nodes(ids: [${'"x" '.repeat(count - 12)}]) { id } }`;
  expect((await ask(tokens(2_000))).code).toBe('BAD_USER_INPUT');
  await expectTooComplex(tokens(2_001));
});

test('fields at one place, which are compared with each other, end before that takes long', async () => {
  await expectTooComplex(`{ ${'__typename '.repeat(1_990)} }`);
});

describe('cost:', () => {
  const many = (list: string, fields = 101) => `nodes(ids: ${list}) { ${'id '.repeat(fields)} }`;

  test('is counted for each item of a list, given as it may be', async () => {
    const list = ids(100);
    await expectTooComplex(`{ ${many(JSON.stringify(list))} }`);
    await expectTooComplex(`query ($ids: [ID!]!) { ${many('$ids')} }`, { ids: list });
    await expectTooComplex(`query ($ids: [ID!]! = ${JSON.stringify(list)}) { ${many('$ids')} }`);
    await expectTooComplex(`query ($a: ID!) { ${many(`[${'$a '.repeat(100)}]`)} }`, { a: list[0] });
    expect((await ask(`query ($ids: [ID!]!) { ${many('$ids', 50)} }`, { ids: list })).body.data.nodes).toHaveLength(
      100,
    );
    expect(
      (await ask(`query ($ids: [ID!]! = ${JSON.stringify(list)}) { ${many('$ids')} }`, { ids: [list[0]] })).body.data
        .nodes,
    ).toHaveLength(1);
  });

  test('of pictures to decode is so high that a request has two at most', async () => {
    const recrops = (count: number) =>
      `mutation { ${repeat(count, (at) => `a${at}: recropProfilePicture(version: 1, crop: { left: 0, top: 0, size: 9 }) { __typename }`)} }`;
    await expectTooComplex(recrops(3));
    expect((await ask(recrops(2))).code).toBe('UNAUTHENTICATED');
  });

  test('a single id for a list is one', async () => {
    expect((await ask(`query ($ids: [ID!]!) { ${many('$ids')} }`, { ids: 'user_1' })).body.data.nodes).toEqual([null]);
  });

  test('fragments that spread each other twice cost what they ask for, and no time', async () => {
    const bomb = (levels: number) =>
      `{ ...F0 } ${repeat(levels, (at) => `fragment F${at} on Query { ...F${at + 1} ...F${at + 1} }`)} fragment F${levels} on Query { me { id } }`;
    expect((await ask(bomb(5))).body).toEqual({ data: { me: null } });
    await expectTooComplex(bomb(100));
  });

  test('cycles of fragments are not valid', async () => {
    for (const cycle of [
      '{ ...A } fragment A on Query { ...A }',
      '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }',
    ]) {
      expect((await ask(cycle)).code).toBe('GRAPHQL_VALIDATION_FAILED');
    }
  });
});

describe('introspection', () => {
  test('is answered in development, in all that tools ask for', async () => {
    const query = getIntrospectionQuery({
      descriptions: true,
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      schemaDescription: true,
      inputValueDeprecation: true,
      oneOf: true,
    });
    const { body } = await ask(query);
    expect(body.errors).toBeUndefined();
    expect(body.data.__schema.queryType.name).toBe('Query');
  });

  test('of which a document asks too much is not', async () => {
    const type = (levels: number): string => (levels ? `ofType { ${type(levels - 1)} }` : 'name');
    await expectTooComplex(`{ __schema { types { ${type(30)} } } }`);
    const fragments = repeat(10, (at) => `fragment F${at} on __Type { ofType { ofType { ...F${at + 1} } } }`);
    await expectTooComplex(`{ __schema { types { ...F0 } } } ${fragments} fragment F10 on __Type { name }`);
    const whole =
      'fragment T on __Schema { types { fields { name args { name type { name ofType { name } } } type { name } } } }';
    await expectTooComplex(`{ ${repeat(40, (at) => `a${at}: __schema { ...T }`)} } ${whole}`);
    await expectTooComplex(
      `{ __schema { ${repeat(40, (at) => `a${at}: types { fields { name args { name type { name } } } }`)} } }`,
    );
  });

  test('going in circles is not', async () => {
    const { code } = await ask(
      '{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }',
    );
    expect(code).toMatch(/^(QUERY_TOO_COMPLEX|GRAPHQL_VALIDATION_FAILED)$/);
  });

  test('is refused where it is switched off, and nothing else tells the names either', async () => {
    const closed = await createTestApp({ env: { GRAPHQL_INTROSPECTION: 'false' } });
    for (const query of [
      getIntrospectionQuery(),
      '{ __schema { types { name } } }',
      '{ __type(name: "User") { name } }',
      '{ me { ... on User { __typename } } a: __type(name: "User") { name } }',
    ]) {
      const { status, body, code } = await postJson(closed, { query });
      expect([status, body.data, code]).toEqual([200, undefined, 'GRAPHQL_VALIDATION_FAILED']);
    }
    expect((await postJson(closed, { query: '{ __typename me { __typename } }' })).body).toEqual({
      data: { __typename: 'Query', me: null },
    });
    const guesses = [
      '{ mee { id } }',
      '{ me { usernam } }',
      '{ user(byy: {}) { id } }',
      '{ me { imageUrl(siz: 1) } }',
      'query ($v: Visibilit) { me { id } }',
      'mutation { upsertPrivacy(input: { profil: PUBLIC }) { id } }',
      'mutation { upsertPrivacy(input: { profile: PUBLI }) { id } }',
      '{ me @ski(if: true) { id } }',
      '{ node(id: "x") { username } }',
    ];
    for (const query of guesses) {
      const { text } = await postJson(closed, { query });
      expect(text).not.toMatch(/did you mean/i);
    }
    const variables = { input: { profil: 'PUBLIC' } };
    const { text } = await postJson(closed, {
      query: 'mutation ($input: UpsertPrivacyInput!) { upsertPrivacy(input: $input) { id } }',
      variables,
    });
    expect(text).not.toMatch(/did you mean/i);
    await closed.close();
  });
});
