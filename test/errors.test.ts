import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { answerTypes, postJson } from './support/http.ts';
import { createTestLog } from './support/log.ts';
import { createPerson, type Person } from './support/person.ts';

const { log, lines } = createTestLog();
let app: TestApp;
let ada: Person;
beforeAll(async () => {
  app = await createTestApp({ parts: { log } });
  ada = await createPerson(app);
});
afterAll(() => app.close());
beforeEach(() => void lines.splice(0));

const asks = (query: string, variables?: object, person: Person | null = ada) =>
  Object.values(answerTypes).map((accept) =>
    postJson(app, { query, variables }, { accept, ...(person && { authorization: `Bearer ${person.token}` }) }),
  );
/** Status by `application/json`, by `application/graphql-response+json`, and the code of each. */
async function outcome(query: string, variables?: object, person?: Person | null) {
  const [json, response] = await Promise.all(asks(query, variables, person));
  expect(json?.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(response?.headers.get('content-type')).toBe('application/graphql-response+json; charset=utf-8');
  expect(json?.body).toEqual(response?.body);
  for (const { extensions, message } of json?.body.errors ?? []) {
    expect(Object.keys(extensions)).toEqual(['code']);
    expect(message).not.toMatch(/\n\s+at |\/src\/|node_modules|select |insert /);
  }
  return `${json?.status}/${response?.status} ${json?.code}`;
}

describe('a mistake in the input that a person can mend', () => {
  test('is a member of the result, with everything that is wrong', async () => {
    const query =
      'mutation ($input: UpsertProfileInput!) { upsertProfile(input: $input) { __typename ... on UserError { message } ... on InvalidInputError { fields { path } } } }';
    const [reply] = await Promise.all(
      asks(query, { input: { yearsOfExperience: 81, skills: ['a', ''], bio: '\u0000' } }),
    );
    expect(reply?.body.data.upsertProfile.fields).toEqual([
      { path: 'bio' },
      { path: 'yearsOfExperience' },
      { path: 'skills.1' },
    ]);
    expect(await outcome(query, { input: { username: 'a..b' } })).toBe('200/200 undefined');
  });
});

describe('UNAUTHENTICATED, where a field needs a user:', () => {
  test.each([
    'mutation { upsertPrivacy(input: {}) { id } }',
    'mutation { upsertProfile(input: {}) { __typename } }',
    'mutation { a: upsertPrivacy(input: {}) { id } b: upsertPreferences(input: {}) { __typename } }',
  ])('%s', async (query) => {
    expect(await outcome(query, {}, null)).toBe('200/200 UNAUTHENTICATED');
  });
});

describe('BAD_USER_INPUT, an argument that nothing can be done with:', () => {
  const node = 'query ($id: ID!) { node(id: $id) { id } }';
  const malformed = [
    '',
    ' ',
    'profile_',
    'picture_',
    'picture_1',
    'picture_00000000-0000-0000-0000-00000000000g',
    'user one',
    'user_\u0000',
    'usér',
    '\ud800',
    'x'.repeat(256),
    '\u202euser',
  ];
  test.each(malformed)('the id %j', async (id) => {
    expect(await outcome(node, { id })).toBe('200/200 BAD_USER_INPUT');
  });
  test.each(malformed)('the id %j of a user', async (id) => {
    expect(await outcome('query ($id: ID!) { user(by: { id: $id }) { id } }', { id })).toBe('200/200 BAD_USER_INPUT');
  });

  test('more than 100 ids', async () => {
    const nodes = 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }';
    expect(await outcome(nodes, { ids: Array.from({ length: 101 }, () => ada.id) })).toBe('200/200 BAD_USER_INPUT');
    expect(await outcome(nodes, { ids: Array.from({ length: 100 }, () => ada.id) })).toBe('200/200 undefined');
  });

  test.each([0, -1, 4097, -2_147_483_648, 2_147_483_647])('an image of %d pixels', async (size) => {
    const query = 'query ($size: Int) { me { imageUrl(size: $size) } }';
    expect(await outcome(query, { size })).toBe('200/200 BAD_USER_INPUT');
  });
});

describe('what is no mistake:', () => {
  test('one malformed id among others is null, and takes none with it', async () => {
    const ids = ['', ada.id, 'picture_x', `profile_${ada.id}`, '\u0000', 'user_nobody', ada.id];
    const [reply] = await Promise.all(asks('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids }));
    expect(reply?.body).toEqual({
      data: { nodes: [null, { id: ada.id }, null, { id: `profile_${ada.id}` }, null, null, { id: ada.id }] },
    });
  });

  test.each([1, 4096, null])('an image of %s pixels', async (size) => {
    expect(await outcome('query ($size: Int) { me { imageUrl(size: $size) } }', { size })).toBe('200/200 undefined');
  });

  test('ids of nobody, whatever their type', async () => {
    const uuid = '00000000-0000-7000-8000-000000000000';
    for (const id of [
      `user_${randomId()}`,
      `event_${uuid}`,
      `picture_${uuid}`,
      'profile_user_nobody',
      'privacy_user_nobody',
      "user_';drop/**/table/**/users;--",
    ]) {
      const [reply] = await Promise.all(asks('query ($id: ID!) { node(id: $id) { id } }', { id }));
      expect(reply?.body).toEqual({ data: { node: null } });
    }
  });
});

describe('BAD_USER_INPUT, variables that do not fit their types:', () => {
  const user = 'query ($by: UserBy!) { user(by: $by) { id } }';
  test.each([
    [user, {}],
    [user, { by: null }],
    [user, { by: 'x' }],
    [user, { by: [] }],
    [user, { by: { id: [] } }],
    [user, { by: { id: {} } }],
    [user, { by: { id: true } }],
    [user, { by: { id: 1.5 } }],
    [user, { by: { nope: 'x' } }],
    [user, { by: { __proto__: null, constructor: 'x' } }],
    ['query ($size: Int) { me { imageUrl(size: $size) } }', { size: 'x' }],
    ['query ($size: Int) { me { imageUrl(size: $size) } }', { size: 2_147_483_648 }],
    ['query ($size: Int) { me { imageUrl(size: $size) } }', { size: 1.5 }],
    [
      'mutation ($input: UpsertPrivacyInput!) { upsertPrivacy(input: $input) { id } }',
      { input: { profile: 'NOBODY' } },
    ],
    ['mutation ($file: File!) { uploadProfilePicture(file: $file) { __typename } }', { file: 'x' }],
    [
      'mutation ($file: File!) { uploadProfilePicture(file: $file) { __typename } }',
      { file: { name: 'x', arrayBuffer: 1 } },
    ],
  ])('%s with %j', async (query, variables) => {
    expect(await outcome(query, variables)).toBe('200/400 BAD_USER_INPUT');
  });

  test.each([{}, { id: 'a', username: 'b' }, { id: null }, { id: null, username: null }, { id: 'a', username: null }])(
    'exactly one of id and username, and not %j',
    async (by) => {
      expect(await outcome(user, { by })).toBe('200/400 BAD_USER_INPUT');
    },
  );
  test.each([
    ['$id', {}],
    ['$id', { id: null }],
  ])('exactly one, by a variable inside: %s with %j', async (_, variables) => {
    expect(await outcome('query ($id: ID) { user(by: { id: $id }) { id } }', variables)).toMatch(
      /BAD_USER_INPUT|GRAPHQL_VALIDATION_FAILED/,
    );
  });
});

describe('GRAPHQL_VALIDATION_FAILED:', () => {
  test.each([
    '{ nope }',
    '{ me }',
    '{ me { id { x } } }',
    '{ me { ... on Nope { id } } }',
    '{ me { imageUrl(size: "x") } }',
    '{ node { id } }',
    '{ user(by: {}) { id } }',
    '{ user(by: { id: "a", username: "b" }) { id } }',
    '{ user(by: { id: null }) { id } }',
    'query ($x: Nope) { me { id } }',
    'query ($x: ID) { me { id } }',
    'mutation { upsertPrivacy(input: { profile: NOBODY }) { id } }',
    'mutation { uploadProfilePicture(file: "x") { __typename } }',
  ])('%s', async (query) => {
    expect(await outcome(query)).toBe('200/400 GRAPHQL_VALIDATION_FAILED');
  });
});

describe('GRAPHQL_PARSE_FAILED:', () => {
  test.each([
    '{',
    '}',
    '{ me { id }',
    '{ me(: 1) { id } }',
    'query',
    '!',
    '"',
    '{ "x" }',
    '{ a \u0000 }',
    '#',
    '{ me { id } } {',
  ])('%s', async (query) => {
    expect(await outcome(query)).toMatch(/^200\/400 (GRAPHQL_PARSE_FAILED|GRAPHQL_VALIDATION_FAILED)$/);
  });
});

describe('an error of ours', () => {
  /** A user whose row the code can't read. */
  async function createBroken(): Promise<Person> {
    const person = await createPerson(app);
    const client = new pg.Client({ connectionString: app.database.connectionString });
    await client.connect();
    await client.query("update users set updated_at = 'infinity' where id = $1", [person.id]);
    await client.end();
    return person;
  }

  test('tells its request id and nothing else, and the log has the cause under it', async () => {
    const broken = await createBroken();
    const replies = await Promise.all(asks('{ me { id updatedAt } }', {}, broken));
    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
    for (const { body, headers, text } of replies) {
      const requestId = headers.get('x-request-id');
      expect(body).toEqual({
        data: { me: null },
        errors: [
          {
            message: 'Unexpected error.',
            locations: [{ line: 1, column: 11 }],
            path: ['me', 'updatedAt'],
            extensions: { code: 'INTERNAL_SERVER_ERROR', requestId },
          },
        ],
      });
      const line = lines.find((entry) => entry.requestId === requestId);
      expect(line).toMatchObject({
        level: 50,
        error: { message: expect.any(String), stack: expect.stringContaining(' at ') },
      });
      expect(text).not.toContain((line?.error as Error | undefined)?.message);
      expect(JSON.stringify(line)).not.toContain(broken.token);
    }
  });

  test('that leaves no data is a 500 where the client accepts it', async () => {
    const broken = await createBroken();
    const query = 'mutation { upsertPrivacy(input: {}) { user { updatedAt } } }';
    const [json, response] = await Promise.all(asks(query, {}, broken));
    expect([json?.status, json?.body.data, json?.code]).toEqual([200, null, 'INTERNAL_SERVER_ERROR']);
    expect([response?.status, response?.body.data, response?.code]).toEqual([500, null, 'INTERNAL_SERVER_ERROR']);
  });
});

test('what a client does wrong is nothing that the log has to tell', async () => {
  await outcome('{ nope');
  await outcome('{ nope }');
  await outcome('{ node(id: "") { id } }');
  await outcome('mutation { upsertPrivacy(input: {}) { id } }', {}, null);
  await postJson(app, { query: '{ me { id } }' }, { authorization: 'Bearer x' });
  await postJson(app, '[');
  expect(lines).toEqual([]);
});
