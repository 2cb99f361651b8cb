import { afterAll, beforeAll, expect, test } from 'vitest';
import { schema } from '../src/schema.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { createPerson, type Person } from './support/person.ts';
import { createDice, randomQuery } from './support/random-requests.ts';

let app: TestApp;
let ada: Person;
let ids: string[];

beforeAll(async () => {
  app = await createTestApp();
  ada = await createPerson(app);
  const grace = await createPerson(app);
  await ada.query('mutation ($id: ID!) { follow(target: { userId: $id }) { __typename } }', { id: grace.id });
  ids = [ada.id, grace.id, 'user_missing', 'profile_x', 'picture_x', '', 'ada'];
});
afterAll(() => app.close());

/** What a client can tell of an answer; ids of requests differ by nature. */
async function answerOf(body: string, headers: Record<string, string>) {
  const response = await app.fetch(new Request('http://visage.test/graphql', { method: 'POST', body, headers }));
  const told = ['content-type', 'cache-control', 'allow', 'retry-after', 'www-authenticate'];
  return {
    status: response.status,
    headers: told.map((name) => [name, response.headers.get(name)]),
    body: toBody(await response.text()),
  };
}

interface Body {
  data?: unknown;
  errors?: { path?: (string | number)[] }[];
}

/**
 * Errors come in the order in which what was asked for together failed. Where one made null of what is above it, the
 * specification lets others below that be told or not: of each place that is null, the first by its text stands for all.
 */
function toBody(text: string) {
  if (text === '') return text;
  const body: Body = JSON.parse(text.replace(/"requestId":"[^"]*"/g, '"requestId":""'));
  const errors = (body.errors ?? []).map((error): [string, string] => {
    const path = error.path ?? [];
    const place = nullAbove(body.data, path);
    return [JSON.stringify(place), place.length < path.length ? 'something below failed' : JSON.stringify(error)];
  });
  return { ...body, errors: [...new Map(errors)].sort() };
}

/** How far the data goes on a path before it ends in null. */
function nullAbove(data: unknown, path: (string | number)[]): (string | number)[] {
  let at = data;
  for (const [length, key] of path.entries()) {
    if (at === null || at === undefined) return path.slice(0, length);
    at = (at as Record<string | number, unknown>)[key];
  }
  return path;
}

/** Asked with a charset, the answer is Yoga's; it names the same one. */
const types = ['application/json', 'application/graphql-response+json'];

async function expectTheSame(body: string, headers: Record<string, string>) {
  for (const type of types) {
    const json = { 'content-type': 'application/json', ...headers };
    const short = await answerOf(body, { ...json, accept: type });
    const again = await answerOf(body, { ...json, accept: type });
    const long = await answerOf(body, { ...json, accept: `${type};charset=utf-8` });
    expect({ sent: body, ...short }).toEqual({ sent: body, ...long });
    expect({ sent: body, ...again }).toEqual({ sent: body, ...long });
  }
}

const authorized = () => ({ authorization: `Bearer ${ada.token}` });

test('queries made by chance get the same answer by the short way, compiled or not, as by the long one', async () => {
  for (let seed = 1; seed <= 250; seed++) {
    const operation = randomQuery({ schema, dice: createDice(seed), ids });
    await expectTheSame(JSON.stringify(operation), seed % 5 === 0 ? {} : authorized());
  }
}, 120_000);

const me = '{ me { id } }';
const follow = 'mutation ($id: ID!) { follow(target: { userId: $id }) { ... on UserError { message } } }';

const requests: [string, unknown][] = [
  ['no JSON', '{"query":'],
  ['nothing', ''],
  ['null', null],
  ['a list', [{ query: me }]],
  ['a number', 7],
  ['no query', {}],
  ['a query that is no text', { query: 7 }],
  ['an empty query', { query: '' }],
  ['variables that are a list', { query: me, variables: [] }],
  ['variables that are a text', { query: me, variables: '{}' }],
  ['null for what may be left out', { query: me, variables: null, operationName: null, extensions: null }],
  ['extensions that are a list', { query: me, extensions: [] }],
  ['a parameter nobody knows', { query: me, id: 1 }],
  ['a parameter nobody knows that is null', { query: me, id: null }],
  ['an operation name that is a number', { query: me, operationName: 7 }],
  ['an operation that is not there', { query: me, operationName: 'Missing' }],
  ['the name of a property of all objects', { query: me, operationName: '__proto__' }],
  ['two operations and no name', { query: 'query A { me { id } } query B { me { username } }' }],
  ['the second of two operations', { query: 'query A { me { id } } query B { me { username } }', operationName: 'B' }],
  ['the first of two operations', { query: 'query A { me { id } } query B { me { username } }', operationName: 'A' }],
  ['a syntax error', { query: '{ me { id }' }],
  ['a field that is not there', { query: '{ me { nope } }' }],
  ['a type that is not there', { query: 'query ($a: Nope) { me { id } }' }],
  ['a subscription', { query: 'subscription { preferencesUpdated { theme } }' }],
  ['a fragment alone', { query: 'fragment A on User { id }' }],
  ['a variable that is missing', { query: 'query ($id: ID!) { node(id: $id) { id } }' }],
  [
    'a variable of another type',
    { query: 'query ($n: Int) { me { followers(first: $n) { totalCount } } }', variables: { n: 'x' } },
  ],
  [
    'a page size of null',
    { query: 'query ($n: Int) { me { followers(first: $n) { totalCount } } }', variables: { n: null } },
  ],
  [
    'two keys of one',
    { query: 'query ($by: UserBy!) { user(by: $by) { id } }', variables: { by: { id: 'a', username: 'b' } } },
  ],
  ['no key of one', { query: 'query ($by: UserBy!) { user(by: $by) { id } }', variables: { by: {} } }],
  ['a null for one', { query: 'query ($by: UserBy!) { user(by: $by) { id } }', variables: { by: { id: null } } }],
  ['a page that is too large', { query: '{ me { followers(first: 101) { totalCount } } }' }],
  ['a mistake in a list', { query: '{ me { followers { edges { node { followers(first: 0) { totalCount } } } } } }' }],
  [
    'what costs too much',
    {
      query: '{ me { followers(first: 100) { edges { node { followers(first: 100) { edges { node { id } } } } } } } }',
    },
  ],
  ['a mutation that is refused', { query: follow, variables: { id: 'user_missing' } }],
  [
    'a mutation of an argument of null',
    { query: 'mutation ($id: ID!) { unfollow(target: { userId: $id }) { __typename } }', variables: { id: null } },
  ],
  ['a mutation for who signed in', { query: 'mutation { upsertPrivacy(input: {}) { profile } }' }],
  ['a skipped field alone', { query: 'query ($no: Boolean!) { me @skip(if: $no) { id } }', variables: { no: true } }],
  [
    'a fragment spread on a condition, and without one',
    {
      query: 'query ($if: Boolean!) { a: me { ...F @include(if: $if) } b: me { ...F } } fragment F on User { id }',
      variables: { if: false },
    },
  ],
  [
    'a fragment spread on one of two conditions',
    {
      query:
        'query ($a: Boolean!, $b: Boolean!) { me { ...F @include(if: $a) ...F @include(if: $b) } } fragment F on User { id }',
      variables: { a: false, b: true },
    },
  ],
  [
    'a condition of null',
    { query: 'query ($if: Boolean = true) { me @include(if: $if) { id } }', variables: { if: null } },
  ],
  [
    'aliases that read like paths',
    {
      query:
        'query ($id: ID!) { user(by: { id: $id }) { followers { edges { node { followsViewer } } } } followers_user: user(by: { id: $id }) { id } }',
      variables: { id: 'grace' },
    },
  ],
  [
    'names of what all objects have',
    { query: '{ __proto__: me { __proto__: id constructor: id toString: username } }' },
  ],
  [
    'a variable named as what all objects have',
    { query: 'query ($constructor: Int) { me { followers(first: $constructor) { totalCount } } }' },
  ],
  [
    'a variable that has a default and must not be null',
    { query: 'query ($size: Int! = 64) { me { imageUrl(size: $size) } }' },
  ],
  ['many aliases', { query: `{ ${Array.from({ length: 60 }, (_, at) => `a${at}: me { id }`).join(' ')} }` }],
];

test.each(requests)('%s gets the same answer both ways', async (_, given) => {
  const body = typeof given === 'string' ? given : JSON.stringify(given).replace('"grace"', JSON.stringify(ids[1]));
  await expectTheSame(body, authorized());
  await expectTheSame(body, {});
});

test.each([
  ['a token that is none', { authorization: 'Bearer x' }],
  ['another scheme', { authorization: 'Basic eDp5' }],
  ['an audience to look as', { 'visage-view-as': 'PUBLIC' }],
  ['an audience that is none', { 'visage-view-as': 'EVERYBODY' }],
])('%s gets the same answer both ways', async (_, headers) => {
  for (const query of [me, 'mutation { upsertPrivacy(input: {}) { profile } }']) {
    await expectTheSame(JSON.stringify({ query }), { ...authorized(), ...headers });
  }
});

async function ask(operation: object): Promise<unknown> {
  const response = await app.fetch(
    new Request('http://visage.test/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...authorized() },
      body: JSON.stringify(operation),
    }),
  );
  return response.json();
}

test('what a client wrote as text is never run, however often it comes', async () => {
  // graphql-jit marks dates in texts so, and writes what follows into the code as it is.
  const mark = '__MAGIC_DATE__33a9e76d_02e0_4128_8e92_3530ad3da74d';
  const query = `{ users(search: "${mark}0),first:(globalThis.isOurs=false,1") { edges { cursor } } }`;
  for (let round = 0; round < 3; round++) expect(await ask({ query })).toEqual({ data: { users: { edges: [] } } });
  expect(globalThis).not.toHaveProperty('isOurs');
});

test('of a mutation whose first field fails nothing after it is done, however often it comes', async () => {
  const heidi = await createPerson(app);
  const query = `mutation ($wrong: ID!, $right: ID!) {
    first: follow(target: { userId: $wrong }) { __typename } second: follow(target: { userId: $right }) { __typename }
  }`;
  for (let round = 0; round < 3; round++) {
    const variables = { wrong: 'not an id', right: heidi.id };
    expect(await ask({ query, variables })).toMatchObject({ data: null });
  }
  const { me } = await heidi.query<{ me: unknown }, object>('{ me { followers { totalCount } } }');
  expect(me).toEqual({ followers: { totalCount: 0 } });
});

test('a fragment of two operations is whole in the one, whatever the other asks of it', async () => {
  const query = `query A($if: Boolean!) { me { ...F @include(if: $if) } } query B { me { ...F } } fragment F on User { id }`;
  for (let round = 0; round < 3; round++) {
    expect(await ask({ query, operationName: 'A', variables: { if: false } })).toEqual({ data: { me: {} } });
    expect(await ask({ query, operationName: 'B' })).toEqual({ data: { me: { id: ada.id } } });
  }
});

test('of two operations in one document each gives its own answer, however often they run', async () => {
  const query = 'query A { me { id } } query B { me { pictureRevision } }';
  for (let round = 0; round < 4; round++) {
    expect(await ask({ query, operationName: 'A' })).toEqual({ data: { me: { id: ada.id } } });
    expect(await ask({ query, operationName: 'B' })).toEqual({ data: { me: { pictureRevision: 0 } } });
  }
});
