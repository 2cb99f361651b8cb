import { afterAll, beforeAll, expect, test } from 'vitest';
import { schema } from '../src/schema.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { createPerson, type Person } from './support/person.ts';
import { createDice, type RandomOperation, randomQuery } from './support/random-requests.ts';

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
});

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
  ['many aliases', { query: `{ ${Array.from({ length: 60 }, (_, at) => `a${at}: me { id }`).join(' ')} }` }],
];

test.each(requests)('%s gets the same answer both ways', async (_, given) => {
  const body = typeof given === 'string' ? given : JSON.stringify(given);
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

test('of two operations in one document each gives its own answer, however often they run', async () => {
  const query = 'query A { me { id } } query B { me { pictureRevision } }';
  const ask = async (operationName: string): Promise<RandomOperation> => {
    const response = await app.fetch(
      new Request('http://visage.test/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...authorized() },
        body: JSON.stringify({ query, operationName }),
      }),
    );
    return response.json();
  };
  for (let round = 0; round < 4; round++) {
    expect(await ask('A')).toEqual({ data: { me: { id: ada.id } } });
    expect(await ask('B')).toEqual({ data: { me: { pictureRevision: 0 } } });
  }
});
