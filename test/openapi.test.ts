import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createTestApp, generateKeys, type TestApp } from './support/app.ts';
import { send } from './support/http.ts';
import { follow, type Json, type OpenApiDocument, type Operation, resolved } from './support/openapi.ts';
import { readDocument } from './support/rest.ts';

let app: TestApp;
let document: OpenApiDocument;
beforeAll(async () => {
  app = await createTestApp({ env: { PUBLIC_URL: 'https://visage.test/base' } });
  document = await readDocument(app);
});
afterAll(() => app.close());

const operations = (): [string, Operation][] =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]): [string, Operation] => [`${method} ${path}`, operation]),
  );

/** Every value in a tree of JSON that stands under this key. */
function valuesOf(key: string, tree: Json): Json[] {
  if (typeof tree !== 'object' || tree === null) return [];
  const own = Object.hasOwn(tree, key) ? [tree[key]] : [];
  return [...own, ...Object.values(tree).flatMap((value) => valuesOf(key, value))];
}

test('the document has every address, and no other', () => {
  expect(
    operations()
      .map(([address]) => address)
      .sort(),
  ).toEqual([
    'delete /api/profile/delete-picture',
    'get /api/profile/picture/{userId}',
    'get /api/users',
    'post /api/profile/sync-picture',
    'post /api/profile/upload-picture',
    'post /api/users',
    'put /api/profile/update-picture',
    'put /api/users',
  ]);
});

describe('the document is OpenAPI 3.1:', () => {
  test('it says so, what it describes, and where that is', () => {
    expect(document).toMatchObject({
      openapi: expect.stringMatching(/^3\.1\.\d+$/),
      info: { title: 'Visage', version: expect.any(String) },
      servers: [{ url: 'https://visage.test/base' }],
    });
  });

  test('every reference points at something, and nothing is there without being referred to', () => {
    const references: string[] = valuesOf('$ref', document);
    for (const reference of references) expect(follow(document, reference)).toBeTypeOf('object');
    const used = references.map((reference) => reference.replace('#/components/schemas/', ''));
    expect([...new Set(used)].sort()).toEqual(Object.keys(document.components.schemas).sort());
  });

  test('every schema is one of JSON Schema, and has nothing of OpenAPI 3.0', () => {
    for (const [name, schema] of Object.entries(document.components.schemas)) {
      expect(() => z.fromJSONSchema(resolved(document, schema)), name).not.toThrow();
      expect(valuesOf('nullable', schema), name).toEqual([]);
      for (const type of valuesOf('type', schema)
        .flat()
        .filter((type) => typeof type === 'string'))
        expect(['string', 'integer', 'array', 'object', 'null'], name).toContain(type);
    }
  });

  test('every operation has an id of its own, words, an answer, and its errors in one shape', () => {
    const ids = operations().map(([, { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [address, { summary, tags, responses }] of operations()) {
      expect(summary, address).toMatch(/\w/);
      expect(tags, address).toHaveLength(1);
      expect(
        Object.keys(responses).filter((status) => status < '300'),
        address,
      ).toHaveLength(1);
      for (const [status, { description, content }] of Object.entries(responses)) {
        expect(description, `${address} ${status}`).toMatch(/\w/);
        const { $ref } = content['application/json']?.schema ?? {};
        if (status >= '400') expect($ref, `${address} ${status}`).toBe('#/components/schemas/Error');
      }
    }
  });

  test('every parameter of a path is declared, and every body is required', () => {
    for (const [address, { parameters = [], requestBody }] of operations()) {
      const named = Array.from(address.matchAll(/\{(\w+)\}/g), ([, name]) => name);
      expect(
        parameters.map(({ name }) => name),
        address,
      ).toEqual(named);
      expect(
        parameters.every((parameter) => parameter.in === 'path' && parameter.required),
        address,
      ).toBe(true);
      if (requestBody) expect(requestBody.required, address).toBe(true);
    }
  });

  test('everything needs a session token, but for the picture of somebody, where one is welcome', () => {
    expect(document.components.securitySchemes).toMatchObject({ sessionToken: { type: 'http', scheme: 'bearer' } });
    for (const [address, { security, responses }] of operations()) {
      const isOpen = address === 'get /api/profile/picture/{userId}';
      expect(security, address).toEqual(isOpen ? [{ sessionToken: [] }, {}] : [{ sessionToken: [] }]);
      expect(Object.keys(responses), address).toEqual(expect.arrayContaining(['401', '429', '503']));
    }
  });
});

test('an upload is a multipart body with one file', () => {
  const { requestBody } = document.paths['/api/profile/upload-picture']?.post ?? {};
  const schema = resolved(document, requestBody?.content['multipart/form-data']?.schema);
  expect(schema).toMatchObject({
    required: ['profilePicture'],
    properties: { profilePicture: { type: 'string', format: 'binary' } },
  });
});

test('a schema says what is refused: null, other themes, and numbers that are none of a version', () => {
  const accepts = (name: string, value: unknown) =>
    z.fromJSONSchema(resolved(document, document.components.schemas[name])).safeParse(value).success;
  for (const theme of ['system', 'light', 'dark']) expect(accepts('UserChange', { theme })).toBe(true);
  for (const theme of ['DARK', 'sepia', null, undefined]) expect(accepts('UserChange', { theme })).toBe(false);
  expect([1, 2_147_483_647].map((version) => accepts('VersionChoice', { version }))).toEqual([true, true]);
  expect([0, 1.5, '1', null].map((version) => accepts('VersionChoice', { version }))).toEqual(Array(4).fill(false));
  const picture = { url: 'https://visage.test/pictures/x', revision: 0, updatedAt: '2030-01-31T12:00:00.000Z' };
  expect(accepts('Picture', { ...picture, version: null })).toBe(true);
});

describe('the page to try it', () => {
  const token = 'a</script><script>alert(1)</script>';
  let development: TestApp;
  let address: URL;
  beforeAll(async () => {
    development = await createTestApp({ parts: { demoToken: async () => token } });
    address = new URL(await development.listen());
  });
  afterAll(() => development.close());

  /** Sends a path as it is: a URL would have no dots left in it. */
  async function get(path: string): Promise<IncomingMessage> {
    const [response] = await once(request({ hostname: address.hostname, port: address.port, path }).end(), 'response');
    return (response as IncomingMessage).resume();
  }

  test('has the token in it, and no end of its script', async () => {
    for (const path of ['/api/docs', '/api/docs/']) {
      const { status, text, headers } = await send(development, path);
      expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
      expect(text).toContain(JSON.stringify(token).replaceAll('<', '\\u003c'));
      expect(text).not.toContain(token);
    }
  });

  test.each([
    ['swagger-ui.css', 'text/css; charset=utf-8'],
    ['swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
    ['favicon-32x32.png', 'image/png'],
  ])('has its %s', async (name, type) => {
    const { statusCode, headers } = await get(`/api/docs/${name}`);
    expect([statusCode, headers['content-type']]).toEqual([200, type]);
  });

  test.each([
    'index.html',
    'package.json',
    'swagger-initializer.js',
    'constructor',
    '../package.json',
    '../../package.json',
    '%2e%2e/package.json',
    '..%2fpackage.json',
    './swagger-ui.css',
    '/swagger-ui.css',
    '//etc/passwd',
    'swagger-ui.css/',
    'swagger-ui.css%00',
  ])('has no file %s', async (name) => {
    expect((await get(`/api/docs/${name}`)).statusCode).toBe(404);
  });

  test('is only looked at', async () => {
    const { status, headers } = await send(development, '/api/docs', { method: 'POST' });
    expect([status, headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });
});

test('in production the document is there, and the page to try it is not', async () => {
  const env = { NODE_ENV: 'production', CLERK_JWT_KEY: generateKeys().publicKey, HOST: '127.0.0.1' };
  const production = await createTestApp({ env, parts: { demoToken: async () => 'secret' } });
  expect((await readDocument(production)).paths).toEqual(document.paths);
  for (const path of ['/api/docs', '/api/docs/', '/api/docs/swagger-ui-bundle.js']) {
    const reply = await send(production, path);
    expect([reply.status, JSON.parse(reply.text).code]).toEqual([404, 'NOT_FOUND']);
  }
  await production.close();
});
