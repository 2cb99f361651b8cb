import { readdir, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestApp, type TestApp } from './support/app.ts';
import { send } from './support/http.ts';
import { createPerson } from './support/person.ts';
import { photo } from './support/pictures.ts';

const forEver = {
  'cache-control': 'public, max-age=31536000, immutable',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; sandbox",
  'cross-origin-resource-policy': 'cross-origin',
  'access-control-allow-origin': '*',
};

let app: TestApp;
let address: URL;
/** Paths of an uploaded picture and of somebody's initials. */
let picture: string;
let initials: string;
beforeAll(async () => {
  app = await createTestApp();
  address = new URL(await app.listen());
  const ada = await createPerson(app);
  initials = new URL((await ada.me()).imageUrl).pathname;
  await ada.upload(await photo([300, 200]));
  picture = new URL((await ada.me()).imageUrl).pathname;
});
afterAll(() => app.close());

/** Asks as no browser would: the path goes as it is. */
const ask = (path: string, method = 'GET'): Promise<number> =>
  new Promise((resolve, reject) => {
    const asking = request({ host: address.hostname, port: address.port, path, method }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asking.on('error', reject).end();
  });

describe.each([
  ['an uploaded picture', () => picture, 'image/webp'],
  ['initials', () => initials, 'image/svg+xml'],
])('%s', (_, path, type) => {
  test('comes with its type, and may be kept for ever', async () => {
    const { status, headers } = await send(app, path());
    expect(status).toBe(200);
    expect(Object.fromEntries(headers)).toMatchObject({
      ...forEver,
      'content-type': type,
      etag: expect.stringMatching(/^"[^"]+"$/),
    });
  });

  test('is not sent again to whoever has it', async () => {
    const etag = (await send(app, path())).headers.get('etag') ?? '';
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const { status, text, headers } = await send(app, path(), { headers: { 'if-none-match': known } });
      expect([status, text, headers.get('etag')]).toEqual([304, '', etag]);
      expect(Object.fromEntries(headers)).toMatchObject(forEver);
    }
    expect((await send(app, path(), { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
  });

  test('HEAD answers the same without the bytes', async () => {
    const [whole, head] = [await send(app, path()), await send(app, path(), { method: 'HEAD' })];
    const told = ({ headers }: typeof whole) => ({ ...Object.fromEntries(headers), 'x-request-id': '' });
    expect([head.status, head.text, told(head)]).toEqual([200, '', told(whole)]);
    expect(Number(head.headers.get('content-length'))).toBeGreaterThan(0);
  });

  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s is not allowed', async (method) => {
    const { status, headers } = await send(app, path(), { method });
    expect([status, headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });
});

test('the private upright copy of a picture is out of reach', async () => {
  const sources = await readdir(join(app.folder, 'source'), { recursive: true });
  const name = sources.map((path) => path.split('/').at(-1)).find((file) => file?.endsWith('.webp'));
  expect(name).toBeDefined();
  const shard = name?.slice(0, 2);
  for (const path of [
    name,
    `source/${name}`,
    `../source/${name}`,
    `source%2f${name}`,
    `../source/${shard}/${name}`,
    `${shard}/../../source/${shard}/${name}`,
    `%2e%2e/source/${name}`,
  ]) {
    expect(await ask(`/pictures/${path}`)).toBe(404);
  }
});

test('nothing else answers than what the server made', async () => {
  await writeFile(join(app.folder, 'secret.txt'), 'secret');
  await writeFile(join(app.folder, 'public', 'secret.webp'), 'secret');
  const name = picture.slice('/pictures/'.length);
  const hash = name.replace('.webp', '');
  const hostile = [
    '',
    '/',
    '.',
    '..',
    '../',
    '../secret.txt',
    '../../etc/passwd',
    '/etc/passwd',
    '//etc/passwd',
    'secret.webp',
    'public/secret.webp',
    '..%2f..%2fetc%2fpasswd',
    '%2e%2e/%2e%2e/etc/passwd',
    '..%252f..%252fetc/passwd',
    '..%c0%af..%c0%afetc/passwd',
    '..\\..\\etc\\passwd',
    '..%5c..%5cetc',
    '....//....//etc/passwd',
    'file:///etc/passwd',
    'http://169.254.169.254/',
    `public/${name}`,
    `./${name}`,
    `x/../${name}`,
    `${name}/`,
    `${name}/..`,
    `${name}%00`,
    `${name}%00.png`,
    `${name}.`,
    `${name}%20`,
    `%20${name}`,
    `${name};x`,
    `${name.toUpperCase()}`,
    hash,
    `${hash}.png`,
    `${hash}.webp.webp`,
    `${hash.slice(1)}.webp`,
    `${'0'.repeat(64)}.webp`,
    `${'g'.repeat(64)}.webp`,
    `${'a'.repeat(5_000)}.webp`,
    'initials',
    'initials/',
    'initials/x',
    'initials/QUw-7',
    'initials/QUw-12.svg',
    'initials/QUw--1.svg',
    'initials/QUw=-7.svg',
    'initials/../../secret.txt',
    `initials/${Buffer.from('<script>').toString('base64url')}-1.svg`,
    'initials/%51Uw-7.svg',
    '%',
    '%zz',
    '%00',
    '*',
  ];
  for (const path of hostile) expect([path, await ask(`/pictures/${path}`)]).toEqual([path, 404]);
});

test('an answer that there is nothing is not kept', async () => {
  const { headers } = await send(app, '/pictures/nothing.webp');
  expect(headers.get('cache-control')).toBe('no-store');
});

test('a question after the path changes nothing', async () => {
  expect((await send(app, `${picture}?size=1&x=../..`)).status).toBe(200);
});
