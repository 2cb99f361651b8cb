import { auditServer } from 'graphql-http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestApp, type TestApp } from './support/app.ts';
import { answerTypes, postJson, read, send, sendGraphQL } from './support/http.ts';
import { createPerson, type Person } from './support/person.ts';
import { photo } from './support/pictures.ts';

let app: TestApp;
let ada: Person;
beforeAll(async () => {
  app = await createTestApp();
  ada = await createPerson(app);
});
afterAll(() => app.close());

const preflighted = { 'graphql-preflight': '1' };
const asSearch = (params: Record<string, string>) => `?${new URLSearchParams(params)}`;

test('the GraphQL over HTTP specification holds, in all that its audits look at', async () => {
  const url = await app.listen();
  const fetchFn = (input: string, init: RequestInit = {}) =>
    fetch(input, { ...init, headers: { ...preflighted, ...(init.headers as Record<string, string>) } });
  const results = await auditServer({ url: `${url}/graphql`, fetchFn });
  expect(results.length).toBeGreaterThan(55);
  expect(results.filter(({ status }) => status !== 'ok').map(({ id, name, status }) => ({ id, name, status }))).toEqual(
    [],
  );
});

describe('a body is', () => {
  test.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON'])('%s', async (type) => {
    const { body } = await postJson(app, { query: '{ me { id } }' }, { 'content-type': type });
    expect(body).toEqual({ data: { me: null } });
  });

  test('a form', async () => {
    const query = 'query ($id: ID!) { user(by: { id: $id }) { id } }';
    const body = new URLSearchParams({ query, variables: JSON.stringify({ id: ada.id }) });
    const reply = await sendGraphQL(app, { method: 'POST', headers: preflighted, body });
    expect(reply.body).toEqual({ data: { user: { id: ada.id } } });
  });

  test('multipart, without a file too', async () => {
    const body = new FormData();
    body.set('operations', JSON.stringify({ query: '{ me { id } }' }));
    const reply = await sendGraphQL(app, { method: 'POST', headers: { authorization: `Bearer ${ada.token}` }, body });
    expect(reply.body).toEqual({ data: { me: { id: ada.id } } });
  });

  test.each([
    'application/graphql',
    'application/graphql; charset=utf-8',
    'application/graphql+json',
    'application/jsonx',
    'text/plain',
    'application/octet-stream',
    'text/json',
    'constructor',
    '__proto__',
    'toString',
    ';',
    ' ',
  ])('not "%s": 415', async (type) => {
    for (const headers of [{}, preflighted]) {
      const body = new TextEncoder().encode('{ me { id } }');
      const reply = await sendGraphQL(app, { method: 'POST', headers: { 'content-type': type, ...headers }, body });
      expect([reply.status, reply.code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
    }
  });

  test('never without a type: 415', async () => {
    for (const body of [null, new TextEncoder().encode('{"query":"{ me { id } }"}')]) {
      const reply = await sendGraphQL(app, { method: 'POST', headers: preflighted, body });
      expect([reply.status, reply.code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
    }
  });
});

describe('GET', () => {
  const get = (params: Record<string, string>, headers: Record<string, string> = preflighted) =>
    sendGraphQL(app, { search: asSearch(params), headers });

  test('answers queries, with variables and an operation name', async () => {
    const query = 'query A($id: ID!) { user(by: { id: $id }) { id } } query B { me { id } }';
    const { body, headers } = await get({ query, variables: JSON.stringify({ id: ada.id }), operationName: 'A' });
    expect(body).toEqual({ data: { user: { id: ada.id } } });
    expect(headers.get('cache-control')).toBe('no-store');
  });

  test('refuses mutations, also behind the name of one, and runs nothing of them', async () => {
    const query = 'mutation M { upsertPrivacy(input: { profile: PRIVATE }) { profile } } query Q { me { id } }';
    const reply = await get({ query, operationName: 'M' }, { authorization: `Bearer ${ada.token}` });
    expect([reply.status, reply.headers.get('allow'), reply.code]).toEqual([405, 'POST', 'BAD_REQUEST']);
    expect((await get({ query, operationName: 'Q' }, { authorization: `Bearer ${ada.token}` })).status).toBe(200);
    expect((await ada.me()).privacy?.profile).toBe('PUBLIC');
  });

  test.each([
    {},
    { query: '' },
    { query: '{ me { id } }', variables: 'x' },
    { query: '{ me { id } }', variables: '[1]' },
    { query: '{me{id}}', extensions: '{' },
  ])('with %j is a mistake of the client', async (params) => {
    for (const accept of Object.values(answerTypes)) {
      const reply = await get(params as Record<string, string>, { ...preflighted, accept });
      expect(reply.status).toBeLessThan(500);
      expect(reply.code).toMatch(/^(BAD_REQUEST|BAD_USER_INPUT|GRAPHQL_PARSE_FAILED)$/);
    }
  });
});

test.each(['PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])('%s is not allowed', async (method) => {
  const { status, headers } = await send(app, '/graphql', { method, headers: preflighted });
  expect([status, headers.get('allow')]).toEqual([405, 'GET, POST']);
});

test('batches are refused', async () => {
  for (const body of [[], [{ query: '{ me { id } }' }], [{ query: '{ me { id } }' }, { query: '{ me { id } }' }]]) {
    const reply = await postJson(app, body);
    expect([reply.status, reply.code]).toEqual([400, 'BAD_REQUEST']);
  }
  const multipart = new FormData();
  multipart.set('operations', JSON.stringify([{ query: '{ me { id } }' }]));
  const reply = await sendGraphQL(app, {
    method: 'POST',
    headers: { authorization: `Bearer ${ada.token}` },
    body: multipart,
  });
  expect([reply.status, reply.code]).toEqual([400, 'BAD_REQUEST']);
});

test('an upload by the multipart request specification arrives', async () => {
  expect(await ada.upload(await photo([64, 64]))).toMatchObject({ __typename: 'ProfilePicture', version: 1 });
});

test('every answer has a request id of its own and none may be stored', async () => {
  const replies = await Promise.all([
    postJson(app, { query: '{ me { id } }' }),
    postJson(app, '{'),
    send(app, '/nowhere'),
  ]);
  const ids = replies.map(({ headers }) => headers.get('x-request-id'));
  expect(new Set(ids).size).toBe(3);
  for (const id of ids) expect(id).toMatch(/^[\da-f-]{36}$/);
  expect(replies[0]?.headers.get('cache-control')).toBe('no-store');
});

test("an address that is nobody's is not found", async () => {
  for (const path of ['/nowhere', '/graphql/', '/graphql/x', '/Graphql', '/api', '/favicon.ico', '/health']) {
    expect((await send(app, path)).status).toBe(404);
  }
});

test('an answer of a type that the server does not have is not acceptable', async () => {
  const reply = await app.fetch(
    new Request('http://visage.test/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'image/png' },
      body: '{"query":"{ me { id } }"}',
    }),
  );
  expect((await read(reply)).status).toBe(406);
});
