import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestApp, type TestApp } from './support/app.ts';
import { answerTypes, postJson, sendGraphQL } from './support/http.ts';
import { createPerson, type Person } from './support/person.ts';

let app: TestApp;
let ada: Person;
beforeAll(async () => {
  app = await createTestApp();
  ada = await createPerson(app);
});
afterAll(() => app.close());

describe('a body that makes no sense is a mistake of the client:', () => {
  const deep = (count: number, open: string, close: string) => open.repeat(count) + close.repeat(count);
  const query = '{"query":"{ me { id } }"';
  const bodies: Record<string, string> = {
    nothing: '',
    'white space': ' \n\t',
    'a byte order mark': '\ufeff{"query":"{me{id}}"}',
    null: 'null',
    'a number': '1e999',
    'a text': '"{ me { id } }"',
    true: 'true',
    'no query': '{}',
    'a query of null': '{"query":null}',
    'a query that is a number': '{"query":1}',
    'a query that is a list': '{"query":["{ me { id } }"]}',
    'an empty query': '{"query":""}',
    'a query of a comment': '{"query":"# nothing"}',
    'a query of fragments only': '{"query":"fragment F on Query { me { id } }"}',
    'a query with U+0000': '{"query":"{ me { id \\u0000 } }"}',
    'a query with a lone surrogate': '{"query":"{ me { id \\ud800 } }"}',
    'variables that are a text': `${query},"variables":"x"}`,
    'variables that are a list': `${query},"variables":[]}`,
    'variables that are a number': `${query},"variables":0}`,
    'extensions that are a text': `${query},"extensions":"x"}`,
    'an operation name that is a number': `${query},"operationName":1}`,
    'an operation name that is an object': `${query},"operationName":{"toString":1}}`,
    'the name of an operation that is not there': `${query},"operationName":"Other"}`,
    'an unknown parameter': `${query},"doc_id":"1"}`,
    'a comma at the end': `${query},}`,
    'single quotes': "{'query':'{ me { id } }'}",
    'something after the end': `${query}} x`,
    'half of it': '{"query":"{ me',
    'a bad escape': '{"query":"\\x"}',
    'a new line in a text': '{"query":"{ me\n"}',
    NaN: '{"query":NaN}',
    'lists in lists': deep(45_000, '[', ']'),
    'objects in objects': `${'{"a":'.repeat(15_000)}1${'}'.repeat(15_000)}`,
    'lists that do not end': '['.repeat(90_000),
    multipart: '--x\r\n\r\n--x--',
  };
  test.each(Object.entries(bodies))('%s', async (_, body) => {
    for (const accept of Object.values(answerTypes)) {
      const reply = await postJson(app, body, { accept });
      expect(reply.body.errors?.[0]?.extensions).toEqual({ code: expect.stringMatching(/^[A-Z_]+$/) });
      expect(reply.code).not.toBe('INTERNAL_SERVER_ERROR');
      expect(reply.status).toBeLessThan(500);
    }
  });

  test('bytes that are no UTF-8', async () => {
    const body = new Uint8Array([0xff, 0xfe, 0x7b, 0x7d, 0xc0, 0x80]);
    const reply = await sendGraphQL(app, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    expect([reply.status, reply.code]).toEqual([400, 'BAD_REQUEST']);
  });

  test('variables nested deep', async () => {
    const variables = `{"by":{"id":${deep(40_000, '[', ']')}}}`;
    const document = JSON.stringify('query ($by: UserBy!) { user(by: $by) { id } }');
    const reply = await postJson(app, `{"query":${document},"variables":${variables}}`);
    expect([reply.status, reply.code]).toEqual([200, 'BAD_USER_INPUT']);
  });
});

describe('multipart that makes no sense is a mistake of the client:', () => {
  const operations = JSON.stringify({
    query: 'mutation ($file: File!) { uploadProfilePicture(file: $file) { __typename } }',
    variables: { file: null },
  });
  const fields: Record<string, Record<string, string>> = {
    'no operations': { map: '{}' },
    'operations that are no JSON': { operations: '{' },
    'operations of null': { operations: 'null', map: '{"0":["variables.file"]}' },
    'operations that are a number': { operations: '1', map: '{"0":["variables.file"]}' },
    'operations that are a text': { operations: '"x"', map: '{"0":["variables.file"]}' },
    'a map that is no JSON': { operations, map: '{' },
    'a map of null': { operations, map: 'null' },
    'a map of a number': { operations, map: '{"0":1}' },
    'a map of a null': { operations, map: '{"0":null}' },
    'a map of an object': { operations, map: '{"0":{}}' },
    'a map of numbers': { operations, map: '{"0":[1]}' },
    'a map to the prototype': { operations, map: '{"0":["__proto__.polluted","variables.__proto__.polluted"]}' },
    'a map into the query': { operations, map: '{"0":["query"]}' },
    'a map to nowhere': { operations, map: '{"0":["","....","variables.file.a.b"]}' },
    'a file that is missing': { operations, map: '{"1":["variables.file"]}' },
    'a text for a file': { operations: operations.replace('null', '"x"') },
    'a file that is a field': { operations, map: '{"map":["variables.file"]}' },
  };
  test.each(Object.entries(fields))('%s', async (_, parts) => {
    const body = new FormData();
    for (const [name, value] of Object.entries(parts)) body.set(name, value);
    body.set('0', new File(['x'], 'x.png'));
    for (const accept of Object.values(answerTypes)) {
      const reply = await sendGraphQL(app, {
        method: 'POST',
        headers: { authorization: `Bearer ${ada.token}`, accept },
        body,
      });
      expect(reply.body.errors?.[0]?.extensions).toEqual({ code: expect.stringMatching(/^[A-Z_]+$/) });
      expect(reply.code).not.toBe('INTERNAL_SERVER_ERROR');
      expect(reply.status).toBeLessThan(500);
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test.each([
    ['past the end of a list', { file: [null] }, 'variables.file.1'],
    // Of whoever only looks at a list of that length, nothing is left.
    ['far past the end of a list', { file: [] }, 'variables.file.4294967290'],
    ["at a list's length", { file: [null] }, 'variables.file.length'],
    ['where something else is', { file: 'x' }, 'variables.file'],
    ['below what is not there', {}, 'variables.file.0'],
    ['below a text', { file: 'x' }, 'variables.file.length'],
    ['at what every object has', { file: null }, 'variables.toString'],
    ['beside the variables', { file: null }, 'operationName'],
    ['in 21 places', { file: null }, ...Array.from({ length: 21 }, (_, at) => `variables.other${at}`)],
  ])('a file %s', async (_, variables, ...places) => {
    const body = new FormData();
    body.set('operations', JSON.stringify({ ...JSON.parse(operations), variables }));
    body.set('map', JSON.stringify({ 0: places }));
    body.set('0', new File(['x'], 'x.png'));
    const reply = await sendGraphQL(app, { method: 'POST', headers: { authorization: `Bearer ${ada.token}` }, body });
    expect([reply.status, reply.code]).toEqual([400, 'BAD_REQUEST']);
  });

  test('operations longer than they may be without a file', async () => {
    for (const [length, status] of [
      [100_000, 200],
      [100_001, 400],
    ] as const) {
      const body = new FormData();
      body.set('operations', JSON.stringify({ query: '{ me { id } }' }).padEnd(length));
      const reply = await sendGraphQL(app, { method: 'POST', headers: { authorization: `Bearer ${ada.token}` }, body });
      expect(reply.status).toBe(status);
    }
  });

  test.each(['', '--', 'x', '--x\r\n', '--x\r\nContent-Disposition: form-data\r\n\r\n\r\n--x--'])(
    'the bytes %j',
    async (body) => {
      for (const type of ['multipart/form-data', 'multipart/form-data; boundary=x', 'multipart/form-data; boundary=']) {
        const headers = { authorization: `Bearer ${ada.token}`, 'content-type': type, accept: answerTypes.response };
        const reply = await sendGraphQL(app, { method: 'POST', headers, body });
        expect([reply.status, reply.code]).toEqual([400, expect.not.stringMatching('INTERNAL')]);
      }
    },
  );
});
