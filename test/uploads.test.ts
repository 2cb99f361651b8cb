import { readdir } from 'node:fs/promises';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestApp, type TestApp } from './support/app.ts';
import { onDatabase } from './support/events.ts';
import { send, sendGraphQL } from './support/http.ts';
import { createPerson, type Person } from './support/person.ts';
import {
  animatedGif,
  firstHalf,
  gifOfFrames,
  orientedJpeg,
  photo,
  pngThatSays,
  secretWord,
  stillWebp,
  svg,
  transparentPng,
} from './support/pictures.ts';
import { toForm } from './support/rest.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

const storedFiles = async () => {
  const entries = await readdir(app.folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
};

const fetchImage = async (url: string) => {
  const response = await app.fetch(new Request(url));
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer());
};

test('a photo from a phone is upright, square and without a trace of where it was taken', async () => {
  const ada = await createPerson(app);
  const file = await orientedJpeg(6, [300, 200]);
  expect(file.includes(secretWord)).toBe(true);
  const picture = await ada.upload(file, { name: 'C:\\fakepath\\IMG 1.jpg', altText: ' Me ' });
  expect(picture).toMatchObject({
    __typename: 'ProfilePicture',
    version: 1,
    isActive: true,
    width: 300,
    height: 200,
    animated: false,
    altText: 'Me',
    originalName: 'IMG 1.jpg',
    originalMimeType: 'image/jpeg',
    originalBytes: file.length,
    variants: [{ size: 64 }, { size: 128 }],
  });
  if (picture.__typename !== 'ProfilePicture') return;
  for (const { url, bytes, size } of picture.variants) {
    const image = await fetchImage(url);
    expect(image.length).toBe(bytes);
    expect(image.includes(secretWord)).toBe(false);
    expect(await sharp(image).metadata()).toMatchObject({ format: 'webp', width: size, height: size });
  }
});

test('a picture with transparency, an animation and a WebP become pictures too', async () => {
  const ada = await createPerson(app);
  const animation = await animatedGif({ delay: [100, 100, 100] });
  for (const file of [await transparentPng(), animation, await stillWebp()]) {
    // The name and the declared type say nothing true: the content decides.
    const picture = await ada.upload(file, { name: 'x.txt', type: 'text/plain' });
    if (picture.__typename !== 'ProfilePicture') throw new Error(JSON.stringify(picture));
    const { pages = 1 } = await sharp(await fetchImage(picture.url)).metadata();
    expect(picture.animated).toBe(file === animation);
    expect(pages > 1).toBe(picture.animated);
  }
  expect((await ada.me()).picture?.version).toBe(3);
});

test.each([
  ['a text called photo.jpg', async () => Buffer.from('not a picture'), /./],
  ['an empty file', async () => Buffer.alloc(0), /empty/i],
  ['a truncated JPEG', async () => firstHalf(await photo([800, 600])), /./],
  ['an SVG', async () => svg(), /./],
  ['too many pixels', async () => pngThatSays([10_000, 10_000]), /pixel/i],
  ['too many frames', async () => gifOfFrames(200, [20, 20]), /frame/i],
])('%s is refused with its reason, and nothing is stored', async (_, make, reason) => {
  const ada = await createPerson(app);
  const before = await storedFiles();
  expect(await ada.upload(await make())).toMatchObject({
    __typename: 'UnsupportedImageError',
    message: expect.stringMatching(reason),
    supportedMimeTypes: ['image/jpeg', 'image/png', 'image/gif', 'image/webp'],
  });
  expect(await storedFiles()).toEqual(before);
  expect(await ada.me()).toMatchObject({ picture: null, pictureRevision: 0 });
});

test('10 MiB and one byte are too large, and say what is allowed', async () => {
  const ada = await createPerson(app);
  expect(await ada.upload(Buffer.alloc(10 * 1024 * 1024 + 1))).toMatchObject({
    __typename: 'FileTooLargeError',
    limitBytes: 10 * 1024 * 1024,
  });
});

test('a crop shows its square of the upright picture, and one outside of it is refused', async () => {
  const ada = await createPerson(app);
  const file = await photo([400, 300]);
  expect(await ada.upload(file, { crop: { left: 300, top: 0, size: 101 } })).toMatchObject({
    __typename: 'InvalidInputError',
    fields: [{ path: 'crop' }],
  });
  expect(await ada.upload(file, { crop: { left: 300, top: 200, size: 100 } })).toMatchObject({
    variants: [{ size: 64 }],
  });
});

test('an alt text that is too long is refused before the picture is looked at', async () => {
  const ada = await createPerson(app);
  expect(await ada.upload(await photo([100, 100]), { altText: 'x'.repeat(1_501) })).toMatchObject({
    fields: [{ path: 'altText' }],
  });
});

test('50 uploads of one user at once are versions 1 to 50, and one is active', async () => {
  const ada = await createPerson(app);
  const files = await Promise.all(Array.from({ length: 50 }, (_, index) => photo([100 + index, 100])));
  const answers = await Promise.all(files.map((file) => ada.upload(file)));
  const versions = answers.map((answer) => (answer.__typename === 'ProfilePicture' ? answer.version : null));
  expect(versions.toSorted((a, b) => Number(a) - Number(b))).toEqual(
    Array.from({ length: 50 }, (_, index) => index + 1),
  );
  expect(await app.platform.db.prisma.picture.count({ where: { userId: ada.id, isActive: true } })).toBe(1);
  expect(await ada.me()).toMatchObject({ pictureRevision: 50, picture: { version: 50 } });
}, 60_000);

test('variants that are the same bytes are stored once', async () => {
  const [ada, grace] = [await createPerson(app), await createPerson(app)];
  const file = await photo([200, 200]);
  await ada.upload(file);
  const before = await storedFiles();
  const picture = await grace.upload(file);
  expect(await storedFiles()).toEqual(before);
  expect(picture).toMatchObject({ url: (await ada.me()).picture?.url });
});

test('a user without a picture has initials, and everyone an address that can be fetched', async () => {
  const ada = await createPerson(app);
  const silhouette = (await ada.me()).imageUrl;
  await ada.upsertProfile({ displayName: 'Ada Lovelace' });
  const initials = (await ada.me()).imageUrl;
  expect(initials).not.toBe(silhouette);
  expect((await fetchImage(initials)).toString()).toMatch(/>A\u200cL</);
  await ada.upload(await photo([600, 600]));
  const query =
    '{ me { small: imageUrl(size: 65) large: imageUrl(size: 4096) picture { s: url(size: 65) l: url(size: 4096) } profile { avatarUrl } } }';
  const { me } = await ada.query<
    { me: { small: string; large: string; picture: { s: string; l: string }; profile: object } },
    object
  >(query);
  expect(await sharp(await fetchImage(me.small)).metadata()).toMatchObject({ width: 128 });
  expect(await sharp(await fetchImage(me.large)).metadata()).toMatchObject({ width: 512 });
  expect([me.picture.s, me.picture.l]).toEqual([me.small, me.large]);
});

test('the kept upright copy has no address', async () => {
  const ada = await createPerson(app);
  await ada.upload(await photo([600, 500]));
  const [picture] = await app.platform.db.prisma.picture.findMany({ where: { userId: ada.id } });
  for (const path of [picture?.sourceKey, picture?.sourceKey.replace('source/', '')]) {
    expect((await app.fetch(new Request(`http://visage.test/pictures/${path}`))).status).toBe(404);
  }
});

test('four uploads are taken apart at once, by whichever way they come; the others wait as they came', async () => {
  const beside = await createTestApp();
  const sourcesThere = async () => {
    const keys = [];
    for await (const { key } of beside.platform.pictures.list()) if (key.startsWith('source/')) keys.push(key);
    return keys.length;
  };
  const uploads = await Promise.all(
    Array.from({ length: 6 }, async (_, at) => ({
      person: await createPerson(beside),
      file: await photo([90 + at, 90]),
    })),
  );
  const underWay = await onDatabase(beside, async (client) => {
    // Their files are stored by then, and their versions can't be.
    await client.query('begin; lock table pictures');
    const started = uploads.map(({ person, file }, at) =>
      at % 2 === 0 ? person.upload(file) : sendUpload(beside, person, file),
    );
    await expect.poll(sourcesThere, { timeout: 60_000 }).toBe(4);
    // Had others been taken up, their pictures would have been in line before these.
    for (const { file } of uploads.slice(4)) await beside.platform.images.process(file);
    expect(await sourcesThere()).toBe(4);
    await client.query('rollback');
    return started;
  });
  await Promise.all(underWay);
  expect(await beside.platform.db.prisma.picture.count()).toBe(6);
  await beside.close();
});

/** By REST; fails the test where it isn't taken. */
async function sendUpload(to: TestApp, { token }: Person, file: Buffer): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  const { status } = await send(to, '/api/profile/upload-picture', { method: 'POST', headers, body: toForm(file) });
  expect(status).toBe(201);
}

/** A form of parts with these heads, and its headers. */
function toInit({ token }: Person, parts: Record<string, string | Buffer>, boundary = 'x') {
  const body = Buffer.concat([
    ...Object.entries(parts).flatMap(([head, content]) => [
      Buffer.from(`--${boundary}\r\n${head}\r\n\r\n`),
      Buffer.from(content),
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${boundary}--\r\n`),
  ]);
  const headers = { authorization: `Bearer ${token}`, 'content-type': `multipart/form-data; boundary=${boundary}` };
  return { method: 'POST', headers, body };
}

const sendParts = (...form: Parameters<typeof toInit>) => sendGraphQL(app, toInit(...form));

const field = (name: string) => `content-disposition: form-data; name="${name}"`;
const uploadQuery =
  'mutation ($file: File!) { uploadProfilePicture(file: $file) { ... on ProfilePicture { originalBytes originalName } } }';
const operations = (query = uploadQuery) => JSON.stringify({ query, variables: { file: null } });

test('parts may be large, in any order, and have in them what looks like the end of a part', async () => {
  const ada = await createPerson(app);
  // Behind the end of a JPEG may be anything.
  const file = Buffer.concat([await photo([200, 200]), Buffer.from('\r\n--y\r\n\r\n --x-- '.repeat(10_000))]);
  // A boundary of one letter is in most names that could stand in place of a file.
  for (const boundary of ['x', 'a', '-']) {
    const { body } = await sendParts(
      ada,
      {
        [`${field('file')}; filename="a.jpg"\r\ncontent-type: image/jpeg`]: file,
        [field('map')]: '{"file":["variables.file"]}',
        [field('operations')]: operations() + ' '.repeat(70_000),
      },
      boundary,
    );
    expect(body).toEqual({ data: { uploadProfilePicture: { originalBytes: file.length, originalName: 'a.jpg' } } });
  }
});

test('a part may be written in another way, as REST takes it, however large it is', async () => {
  const ada = await createPerson(app);
  for (const sidePx of [100, 1000]) {
    const file = await photo([sidePx, sidePx]);
    const head = `${field('profilePicture')}; filename="a.jpg"\r\ncontent-transfer-encoding: base64`;
    const form = toInit(ada, { [head]: file.toString('base64') }, '--------x');
    expect((await send(app, '/api/profile/upload-picture', form)).status).toBe(201);
    expect((await ada.me()).picture).toMatchObject({ width: sidePx, height: sidePx });
  }
});

test.each([
  ['a head without a name', 'content-type: text/plain'],
  ['a name in quotes alone', 'content-disposition: form-data; a="name=b"'],
  ['a name behind a quote that does not end', 'content-disposition: form-data; a="; name=b'],
  ['a name of another parameter', 'content-disposition: form-data; x-name=a'],
  ['a name in a value', 'content-disposition: form-data; a=name=b'],
  ['no head', ''],
  ['another disposition', 'content-disposition: attachment; name="a"'],
  ['two dispositions', 'content-disposition: attachment; name="a"\r\ncontent-disposition: form-data; name="a"'],
  ['a line that has no name', `: a\r\n${field('a')}`],
  ['a line that is no header', `a\r\n${field('a')}`],
  ['a line that ends in half', `${field('a')}\na: b`],
  ['a blank line of blanks', ` \r\n${field('a')}`],
])('a part with %s is refused at once, and its place is free', async (_, head) => {
  const ada = await createPerson(app);
  // What Yoga's parser leaves out must fit in what it reads ahead, or it waits for ever.
  for (const bytes of [1, 30_000, 100_000]) {
    const parts = { [field('operations')]: operations(), [head]: 'x'.repeat(bytes) };
    expect(await sendParts(ada, parts)).toMatchObject({ status: 400, code: 'BAD_USER_INPUT' });
  }
  expect(await ada.upload(await photo([100, 100]))).toMatchObject({ version: 1 });
});

test('a long row of quotes in the heads of parts takes no longer than other heads', { timeout: 10_000 }, async () => {
  const ada = await createPerson(app);
  const head = `${field('a')}; b="${'\\"'.repeat(8_100)}`;
  const parts = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`${head}${at}`, 'x']));
  // Looked for from each quote on, the end of the last would take longer than a test may.
  for (let sent = 0; sent < 10; sent++) expect(await sendParts(ada, parts)).toMatchObject({ status: 400 });
});

test.each([
  [
    'a name that reads as if a file followed',
    'content-disposition: form-data; a="; filename=b"; name="operations"',
    'utf8',
  ],
  ['a quote that does not end', 'content-disposition: form-data; name="operations"; a="; filename=b', 'utf8'],
  ['a name that ends in a backslash', 'content-disposition: form-data; name="operations"; a="b\\', 'utf8'],
  [
    'such a name, and a charset',
    `content-disposition: form-data; a="; filename=b"; name="operations"\r\ncontent-type: text/plain; charset=utf-16le`,
    'utf16le',
  ],
  ['a header of nearly the same name', `content-disposition-x: a\r\n${field('operations')}`, 'utf8'],
] as const)('a part may have %s', async (_, head, encoding) => {
  const ada = await createPerson(app);
  const { body } = await sendParts(ada, {
    [head]: Buffer.from(operations() + ' '.repeat(70_000), encoding),
    [field('map')]: '{"file":["variables.file"]}',
    [`${field('file')}; filename="a.jpg"`]: await photo([100, 100]),
  });
  expect(body).toMatchObject({ data: { uploadProfilePicture: { originalName: 'a.jpg' } } });
});

test('what stands before the first part and behind the last is not looked at', async () => {
  const ada = await createPerson(app);
  const photoBytes = await photo([100, 100]);
  const form = [
    'x'.repeat(100_000),
    `\r\n--x\r\n${field('operations')}\r\n\r\n${operations()}`,
    `\r\n--x\r\n${field('map')}\r\n\r\n{"file":["variables.file"]}`,
    `\r\n--x\r\n${field('file')}; filename="a.jpg"\r\n\r\n`,
    photoBytes,
    '\r\n--x--\r\n',
    'x'.repeat(100_000),
  ];
  const body = Buffer.concat(form.map((part) => Buffer.from(part)));
  const headers = { authorization: `Bearer ${ada.token}`, 'content-type': 'multipart/form-data; boundary=x' };
  const reply = await sendGraphQL(app, { method: 'POST', headers, body });
  expect(reply.body.data).toEqual({
    uploadProfilePicture: { originalBytes: photoBytes.length, originalName: 'a.jpg' },
  });
});

test('a subscription does not come as a form, which it would hold for as long as it lives', async () => {
  const ada = await createPerson(app);
  const headers = {
    authorization: `Bearer ${ada.token}`,
    accept: 'text/event-stream',
    'apollo-require-preflight': '1',
  };
  const body = new FormData();
  body.set('operations', JSON.stringify({ query: 'subscription { preferencesUpdated { theme } }' }));
  const { text } = await send(app, '/graphql', { method: 'POST', headers, body });
  expect(text).toContain('subscriptions are sent as JSON');
  expect(await ada.upload(await photo([100, 100]))).toMatchObject({ version: 1 });
});
