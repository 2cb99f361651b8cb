import { readdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
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
  'accept-ranges': 'bytes',
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

interface RawReply {
  status: number;
  headers: Headers;
  body: Buffer;
}

/** Asks as no browser would: every byte of the path goes as it is. */
async function ask(path: string, { method = 'GET', headers = [] as string[] } = {}): Promise<RawReply> {
  const socket = connect(Number(address.port), address.hostname);
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${address.host}`, 'Connection: close', ...headers, '', ''];
  // Whoever refuses a path may have answered before all of it was sent; what was said is still there to read.
  socket.on('error', () => undefined);
  socket.write(Buffer.from(lines.join('\r\n')));
  const answer = await buffer(socket);
  const end = answer.indexOf('\r\n\r\n');
  const [start = '', ...fields] = answer.subarray(0, end).toString('latin1').split('\r\n');
  const pairs = fields.map((field): [string, string] => {
    const colon = field.indexOf(':');
    return [field.slice(0, colon), field.slice(colon + 1).trim()];
  });
  return { status: Number(start.split(' ')[1]), headers: new Headers(pairs), body: answer.subarray(end + 4) };
}

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
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, `"a" ,W/${etag},, "b"`, '*']) {
      const { status, text, headers } = await send(app, path(), { headers: { 'if-none-match': known } });
      expect([status, text, headers.get('etag')]).toEqual([304, '', etag]);
      expect(Object.fromEntries(headers)).toMatchObject(forEver);
    }
    for (const other of ['"other"', etag.slice(1, -1), `W/"other", "${etag}"`, '']) {
      expect((await send(app, path(), { headers: { 'if-none-match': other } })).status).toBe(200);
    }
  });

  test('HEAD answers the same without the bytes', async () => {
    const [whole, head] = [await send(app, path()), await send(app, path(), { method: 'HEAD' })];
    const told = ({ headers }: typeof whole) => ({ ...Object.fromEntries(headers), 'x-request-id': '' });
    expect([head.status, head.text, told(head)]).toEqual([200, '', told(whole)]);
    expect(Number(head.headers.get('content-length'))).toBeGreaterThan(0);
  });

  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s is not allowed', async (method) => {
    const { status, headers } = await send(app, path(), { method });
    const told = [status, headers.get('allow'), headers.get('cache-control')];
    expect(told).toEqual([405, 'GET, HEAD', 'no-store']);
  });

  test.each([
    ['bytes=0-0', (size: number) => [0, Math.min(1, size)]],
    ['bytes=2-9', () => [2, 10]],
    ['BYTES=2-9', () => [2, 10]],
    ['bytes=5-', (size: number) => [5, size]],
    ['bytes=-7', (size: number) => [size - 7, size]],
    ['bytes=0-99999999', (size: number) => [0, size]],
    ['bytes=0-99999999999999999999999999', (size: number) => [0, size]],
    ['bytes=-99999999', (size: number) => [0, size]],
  ] as const)('comes in part for %s', async (range, toPart) => {
    const whole = await ask(path());
    const part = await ask(path(), { headers: [`Range: ${range}`] });
    const [from, to] = toPart(whole.body.length) as [number, number];
    expect(part.status).toBe(206);
    expect(part.body).toEqual(whole.body.subarray(from, to));
    expect(Object.fromEntries(part.headers)).toMatchObject({
      ...forEver,
      etag: whole.headers.get('etag'),
      'content-type': type,
      'content-length': String(to - from),
      'content-range': `bytes ${from}-${to - 1}/${whole.body.length}`,
    });
  });

  test.each([
    'bytes=0-1,4-5',
    'bytes=0-1, -1',
    'bytes=0-1,',
    'bytes=9-2',
    'bytes=-',
    'bytes=',
    'bytes=a-b',
    'bytes=1.5-3',
    'bytes=0x0-0x5',
    'bytes=--5',
    'bytes 0-1',
    'bytes=0 - 1',
    'pixels=0-1',
    '0-1',
    '',
  ])('comes whole for the range %j', async (range) => {
    const { status, headers, body } = await ask(path(), { headers: [`Range: ${range}`] });
    expect([status, headers.get('content-range')]).toEqual([200, null]);
    expect(String(body.length)).toBe(headers.get('content-length'));
  });

  test.each(['bytes=99999999-', 'bytes=99999999-999999999', 'bytes=-0', `bytes=${'9'.repeat(400)}-`])(
    'has no part for %j, and says how much there is',
    async (range) => {
      const size = (await ask(path())).body.length;
      const { status, headers } = await ask(path(), { headers: [`Range: ${range}`] });
      const told = [status, headers.get('content-range'), headers.get('cache-control')];
      expect(told).toEqual([416, `bytes */${size}`, 'no-store']);
    },
  );

  test('comes in part only to who has another part of the same', async () => {
    const etag = (await ask(path())).headers.get('etag') ?? '';
    const statusIf = async (condition: string) =>
      (await ask(path(), { headers: ['Range: bytes=0-3', `If-Range: ${condition}`] })).status;
    expect(await statusIf(etag)).toBe(206);
    for (const other of [`W/${etag}`, '"other"', '*', new Date().toUTCString()])
      expect(await statusIf(other)).toBe(200);
    const known = await ask(path(), { headers: ['Range: bytes=0-3', `If-None-Match: ${etag}`] });
    expect([known.status, known.body.length]).toEqual([304, 0]);
    const head = await ask(path(), { method: 'HEAD', headers: ['Range: bytes=0-3'] });
    expect([head.status, head.headers.get('content-range')]).toEqual([200, null]);
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
    expect((await ask(`/pictures/${path}`)).status).toBe(404);
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
    `%2f${name}`,
    `/${name}`,
    `//${name}`,
    `.%2f${name}`,
    `%2e/${name}`,
    `%252e%252e%252fsource%252f${name}`,
    `..%00/${name}`,
    `..;/source/${name}`,
    `;/${name}`,
    `${name};jsessionid=1`,
    `${name}#top`,
    `${name}%23`,
    `${name}%3f`,
    `${name}&x`,
    `${name}..`,
    `${name}::$DATA`,
    `${name}~1`,
    `${name}%0d%0aset-cookie:%20a=b`,
    `%${hash.charCodeAt(0).toString(16)}${name.slice(1)}`,
    `${hash}%2ewebp`,
    `${hash}.WEBP`,
    `${hash}.webp.gz`,
    `${hash}.svg`,
    `${hash}.`,
    `source%252f${name}`,
    `source%5c${name}`,
    `source\\${name}`,
    `public%2f${name}`,
    `C:\\${name}`,
    `\\\\server\\share\\${name}`,
    `${'../'.repeat(1_000)}etc/passwd`,
    'a'.repeat(60_000),
    // Letters that a normalisation would make one of ours, overlong ones, half a pair, and marks that nobody sees.
    `${hash.slice(1)}%EF%BD%81.webp`,
    `${hash.slice(1)}%61%CC%8A.webp`,
    `%C1%A1${name.slice(1)}`,
    `%ED%A0%80${name.slice(1)}`,
    `${hash}%E3%80%82webp`,
    `%u0061${name.slice(1)}`,
    `%EF%BB%BF${name}`,
    `%E2%80%AE${name}`,
    'initials/QUw-7.svg/',
    'initials//QUw-7.svg',
    'initials/../initials/QUw-7.svg',
    'initials%2fQUw-7.svg',
    'INITIALS/QUw-7.svg',
    `initials/${'QUFB'.repeat(10_000)}-7.svg`,
  ];
  for (const path of hostile) {
    const { status, headers } = await ask(`/pictures/${path}`);
    expect([path, status, headers.get('cache-control')]).toEqual([path, 404, 'no-store']);
  }
});

test('what is no address at all is refused before anybody looks for a picture', async () => {
  for (const path of [
    `${picture}\0`,
    `${picture} x`,
    `/pictures/\u0001`,
    `/pictures/\t`,
    '/pictures/\u007f',
    `${picture}\uff41`,
  ]) {
    expect([path, (await ask(path)).status]).toEqual([path, 400]);
  }
  expect((await ask(`/pictures/${'a'.repeat(200_000)}`)).status).toBe(431);
});

test('an address with its server before it is the same one', async () => {
  expect((await ask(`http://elsewhere.example${picture}`)).status).toBe(200);
  expect((await ask(`http://elsewhere.example/pictures/../${picture}`)).status).toBe(404);
});

test('a question after the path changes nothing', async () => {
  expect((await send(app, `${picture}?size=1&x=../..`)).status).toBe(200);
});
