import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { follow } from './support/live.ts';
import { anonymous, asPerson, createPerson, type Person } from './support/person.ts';
import { createPictureOwner, type PictureOwner } from './support/picture-owner.ts';
import { photo, svg } from './support/pictures.ts';
import { type Ask, createRestClient, toForm } from './support/rest.ts';
import { closeSockets, signIn } from './support/socket.ts';

let app: TestApp;
let address: string;
let ask: Ask;
let small: Buffer;
beforeAll(async () => {
  app = await createTestApp({ env: { ADMIN_CLAIM: 'metadata.role=admin' } });
  address = await app.listen();
  ask = await createRestClient(app);
  small = await photo([120, 90]);
});
afterEach(() => closeSockets());
afterAll(() => app.close());

const instant = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const uploadPath = '/api/profile/upload-picture';
const pictureOf = ({ id }: Pick<Person, 'id'>) => `/api/profile/picture/${id}`;

const upload = (person: Person, bytes: Uint8Array | string = small, fields?: Record<string, string>) =>
  ask(person, 'POST', uploadPath, { body: toForm(bytes, fields) });
const restore = (person: Person, json: object) => ask(person, 'PUT', '/api/profile/update-picture', { json });
const remove = (person: Person) => ask(person, 'DELETE', '/api/profile/delete-picture');
const sync = (person: Person, json: object, headers?: Record<string, string>) =>
  ask(person, 'POST', '/api/profile/sync-picture', { json, ...(headers && { headers }) });

const block = (blocker: Person, blocked: Person) =>
  blocker.query('mutation ($id: ID!) { blockUser(userId: $id) { __typename } }', { id: blocked.id });

/** What GraphQL says of a user's own picture, in REST's words. */
async function stateOf(person: Person) {
  const { picture, pictureRevision, imageUrl } = await person.me();
  return { version: picture?.version ?? null, revision: pictureRevision, url: imageUrl };
}

const themeOf = async (person: Person) => (await person.me()).preferences?.theme;

describe('the current user', () => {
  test('is read as GraphQL has it', async () => {
    const ada = await createPerson(app);
    const names = { email: 'ada@visage.test', firstName: 'Ada', lastName: 'Lovelace' };
    await app.platform.db.prisma.user.update({ where: { id: ada.id }, data: names });
    await ada.upsertPreferences({ theme: 'LIGHT' });
    const { status, headers, body } = await ask(ada, 'GET', '/api/users');
    const { imageUrl } = await ada.me();
    expect(status).toBe(200);
    expect(body).toEqual({ id: ada.id, ...names, imageUrl, theme: 'light', createdAt: instant, updatedAt: instant });
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
  });

  test.each(['GET', 'POST'])('is there after their first %s, however many of them come at once', async (method) => {
    const id = `user_${randomId()}`;
    const newcomer = asPerson(app, id, await app.sign({ sub: id }));
    expect((await ask(null, 'GET', pictureOf(newcomer))).status).toBe(404);
    const replies = await Promise.all(Array.from({ length: 10 }, () => ask(newcomer, method, '/api/users')));
    expect(replies.map(({ status }) => status)).toEqual(Array(10).fill(200));
    expect(new Set(replies.map(({ text }) => text)).size).toBe(1);
    expect(replies[0]?.body).toMatchObject({ id, email: null, firstName: null, lastName: null, theme: 'system' });
    expect((await ask(null, 'GET', pictureOf(newcomer))).status).toBe(200);
  });

  test('stays as they are when their existence is made sure of', async () => {
    const ada = await createPerson(app);
    await ada.upsertPreferences({ theme: 'DARK' });
    const before = await ask(ada, 'GET', '/api/users');
    expect((await ask(ada, 'POST', '/api/users', { json: { theme: 'light' } })).text).toBe(before.text);
  });

  test.each(['dark', 'light', 'system'])('changes their theme to %s, and nothing else', async (theme) => {
    const ada = await createPerson(app);
    await ada.upsertPreferences({ language: 'fr', theme: theme === 'dark' ? 'LIGHT' : 'DARK' });
    const { status, body } = await ask(ada, 'PUT', '/api/users', { json: { theme } });
    expect([status, body.id, body.theme]).toEqual([200, ada.id, theme]);
    expect((await ada.me()).preferences).toMatchObject({ theme: theme.toUpperCase(), language: 'fr' });
    expect((await ask(ada, 'GET', '/api/users')).body).toEqual(body);
  });

  test.each([
    [{}, 'theme', 'Expected one of system, light, dark, and got nothing.'],
    [{ theme: 'DARK' }, 'theme', 'Expected one of system, light, dark, and got "DARK".'],
    [{ theme: null }, 'theme', 'Expected one of system, light, dark, and got null.'],
    [null, '', 'Expected object, and got null.'],
    [['dark'], '', 'Expected object, and got 1.'],
  ])('is not changed by %j, and learns why', async (json, path, message) => {
    const ada = await createPerson(app);
    await ada.upsertPreferences({ theme: 'LIGHT' });
    const { status, body } = await ask(ada, 'PUT', '/api/users', { json });
    const summary = path ? `${path}: ${message}` : message;
    expect([status, body]).toEqual([400, { code: 'BAD_USER_INPUT', message: summary, fields: [{ path, message }] }]);
    expect(await themeOf(ada)).toBe('LIGHT');
  });
});

describe('an upload', () => {
  test('is the picture that everyone sees, by GraphQL too, and its address works', async () => {
    const ada = await createPerson(app);
    const { status, body } = await upload(ada);
    expect([status, body]).toEqual([201, { version: 1, revision: 1, url: expect.any(String) }]);
    expect(await stateOf(ada)).toEqual(body);
    const image = await app.fetch(new Request(body.url));
    expect(await sharp(Buffer.from(await image.arrayBuffer())).metadata()).toMatchObject({ format: 'webp' });
    expect((await ask(null, 'GET', pictureOf(ada))).body).toEqual({ ...body, updatedAt: instant });
  });

  test('reaches who follows pictures live', async () => {
    const [ada, grace] = [await createPerson(app), await createPerson(app)];
    const following = await follow(await signIn(address, { token: grace.token }), [ada.id]);
    const { body } = await upload(ada);
    const { version, revision, url } = body;
    expect(await following.next()).toEqual({ userId: ada.id, revision, imageUrl: url, picture: { version } });
  });

  test('names its own version and the revision that it made, however many come at once', async () => {
    const ada = await createPerson(app);
    const files = await Promise.all(Array.from({ length: 8 }, (_, at) => photo([100 + at, 100])));
    const replies = await Promise.all(files.map((file) => upload(ada, file)));
    const pairs = replies.map(({ body }) => [body.version, body.revision]);
    expect(pairs.toSorted(([a], [b]) => a - b)).toEqual(Array.from({ length: 8 }, (_, at) => [at + 1, at + 1]));
    const last = replies.find(({ body }) => body.revision === 8);
    expect(await stateOf(ada)).toEqual(last?.body);
  });

  test.each([
    ['no file', () => new FormData(), 'Expected one file, and got none.'],
    ['a text', () => toFormOf('photo.jpg'), 'Expected one file, and got a text.'],
    ['two files', () => toFormOf(new File(['a'], 'a'), new File(['b'], 'b')), 'Expected one file, and got 2.'],
  ])('of %s is refused', async (_, make, message) => {
    const ada = await createPerson(app);
    const { status, body } = await ask(ada, 'POST', uploadPath, { body: make() });
    expect([status, body.code, body.fields]).toEqual([400, 'BAD_USER_INPUT', [{ path: 'profilePicture', message }]]);
    expect((await ada.me()).pictureRevision).toBe(0);
  });

  test.each([
    ['a text', () => 'not a picture'],
    ['nothing', () => ''],
    ['an SVG', () => svg()],
  ])('whose file is %s is of a type that is not accepted', async (_, make) => {
    const ada = await createPerson(app);
    const { status, body } = await upload(ada, make());
    expect([status, body]).toEqual([415, { code: 'UNSUPPORTED_MEDIA_TYPE', message: expect.stringMatching(/\w/) }]);
    expect((await ada.me()).pictureRevision).toBe(0);
  });

  test('of 10 MiB and one byte is too large', async () => {
    const ada = await createPerson(app);
    const { status, body } = await upload(ada, Buffer.alloc(10 * 1024 * 1024 + 1));
    expect([status, body.code, body.message]).toEqual([413, 'PAYLOAD_TOO_LARGE', expect.stringContaining('10485760')]);
  });
});

const toFormOf = (...values: (File | string)[]) => {
  const form = new FormData();
  for (const value of values) form.append('profilePicture', value);
  return form;
};

describe("a user's picture", () => {
  test('is the same for themselves, for others and for nobody', async () => {
    const [ada, grace] = [await createPerson(app), await createPerson(app)];
    await ada.upsertPrivacy({ profile: 'PRIVATE', ratings: 'PRIVATE', watchHistory: 'PRIVATE' });
    await upload(ada);
    const replies = await Promise.all([ada, grace, null].map((person) => ask(person, 'GET', pictureOf(ada))));
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(new Set(replies.map(({ text }) => text)).size).toBe(1);
  });

  test('is their initials where none was uploaded', async () => {
    const ada = await createPerson(app);
    await ada.upsertProfile({ displayName: 'Ada Lovelace' });
    const { body } = await ask(null, 'GET', pictureOf(ada));
    expect(body).toEqual({ url: (await ada.me()).imageUrl, version: null, revision: 0, updatedAt: instant });
    expect((await app.fetch(new Request(body.url))).headers.get('content-type')).toBe('image/svg+xml');
  });

  test('is not there for those whom a block keeps apart, just as for an id that nobody has', async () => {
    const [ada, grace, alan] = [await createPerson(app), await createPerson(app), await createPerson(app)];
    await upload(ada);
    await block(ada, grace);
    await block(alan, ada);
    const missing = await ask(grace, 'GET', pictureOf({ id: `user_${randomId()}` }));
    expect([missing.status, missing.body.code]).toEqual([404, 'NOT_FOUND']);
    const hidden = [await ask(grace, 'GET', pictureOf(ada)), await ask(alan, 'GET', pictureOf(ada))];
    const ofOtherType = await ask(grace, 'GET', `/api/profile/picture/profile_${ada.id}`);
    for (const reply of [...hidden, ofOtherType, await ask(ada, 'GET', pictureOf(alan))]) {
      expect([reply.status, reply.text]).toEqual([missing.status, missing.text]);
      expect([...reply.headers.keys()]).toEqual([...missing.headers.keys()]);
    }
    expect((await ask(null, 'GET', pictureOf(ada))).status).toBe(200);
  });

  test('is there for an administrator whom they block, and their audit log says who looked', async () => {
    const ada = await createPictureOwner(app);
    const { id } = await createPerson(app);
    const administrator = asPerson(app, id, await app.sign({ sub: id, metadata: { role: 'admin' } }));
    expect((await ask(administrator, 'GET', pictureOf(ada))).status).toBe(200);
    expect(await ada.audited()).not.toContain('administrator.read');
    await block(ada, administrator);
    expect((await ask(administrator, 'GET', pictureOf(ada))).status).toBe(200);
    expect((await ada.audited()).filter((action) => action === 'administrator.read')).toHaveLength(1);
  });

  test("is not looked for by what can't be an id", async () => {
    for (const id of ['%20', 'a%20b', '%E2%82%AC', '%00', 'x'.repeat(256)]) {
      const { status, body } = await ask(null, 'GET', `/api/profile/picture/${id}`);
      expect([status, body.code], id).toEqual([400, 'BAD_USER_INPUT']);
    }
  });
});

describe('an earlier version', () => {
  let ada: PictureOwner;
  beforeAll(async () => {
    ada = await createPictureOwner(app);
    await ada.uploadPhotos(2);
  });

  test('is shown again, and once it is, asking for it again changes nothing', async () => {
    const { status, body } = await restore(ada, { version: 1 });
    expect([status, body]).toEqual([200, { version: 1, revision: 3, url: expect.any(String) }]);
    expect(await stateOf(ada)).toEqual(body);
    expect((await restore(ada, { version: 1 })).body).toEqual(body);
    expect((await ada.audited()).filter((action) => action === 'picture.restored')).toHaveLength(1);
  });

  test('can not be one that there never was', async () => {
    const { status, body } = await restore(ada, { version: 9 });
    expect([status, body.code]).toEqual([404, 'NOT_FOUND']);
  });

  test.each([{}, { version: 0 }, { version: '1' }, { version: 1.5 }, { version: null }, { version: 2 ** 31 }])(
    'is not named by %j',
    async (json) => {
      const before = await stateOf(ada);
      const { status, body } = await restore(ada, json);
      expect([status, body.code, body.fields]).toEqual([
        400,
        'BAD_USER_INPUT',
        [{ path: 'version', message: expect.stringMatching(/^Expected .*, and got .*\.$/) }],
      ]);
      expect(await stateOf(ada)).toEqual(before);
    },
  );
});

test('a picture that is taken away leaves initials, stays in the history, and can not be taken away twice', async () => {
  const ada = await createPictureOwner(app);
  await ada.uploadPhotos(2);
  const { status, body } = await remove(ada);
  expect([status, body]).toEqual([200, { version: null, revision: 3, url: expect.stringContaining('/initials/') }]);
  expect(await stateOf(ada)).toEqual(body);
  const { edges } = await ada.versions();
  expect(edges.map(({ node }) => [node.version, node.deletedAt !== null])).toEqual([
    [2, true],
    [1, false],
  ]);
  const again = await remove(ada);
  expect([again.status, again.body.code]).toEqual([404, 'NOT_FOUND']);
  expect((await restore(ada, { version: 2 })).body).toMatchObject({ version: 2, revision: 4 });
});

describe('a session that acknowledges a revision', () => {
  const sessionsOf = async (person: Person) => {
    const query = '{ me { syncSessions { id userAgent pictureRevision } } }';
    return (await person.query<{ me: { syncSessions: object[] } }, object>(query)).me.syncSessions;
  };

  test('is known by it, and gets the current picture, which may be ahead', async () => {
    const ada = await createPictureOwner(app);
    await ada.uploadPhotos(2);
    const phone = asPerson(app, ada.id, await app.sign({ sub: ada.id, sid: 'sess_phone' }));
    const { status, body } = await sync(phone, { revision: 1 }, { 'user-agent': 'Phone/1.0' });
    expect([status, body]).toEqual([200, await stateOf(ada)]);
    expect(await sessionsOf(ada)).toEqual([{ id: 'sess_phone', userAgent: 'Phone/1.0', pictureRevision: 1 }]);
    await sync(phone, { revision: 2 });
    expect((await sync(phone, { revision: 0 })).body).toMatchObject({ revision: 2 });
    expect(await sessionsOf(ada)).toMatchObject([{ pictureRevision: 2 }]);
  });

  test('is refused above the current one, and without a session in the token', async () => {
    const ada = await createPerson(app);
    const nowhere = asPerson(app, ada.id, await app.sign({ sub: ada.id, sid: null }));
    for (const reply of [await sync(ada, { revision: 1 }), await sync(nowhere, { revision: 0 })]) {
      expect([reply.status, reply.body]).toEqual([400, { code: 'BAD_USER_INPUT', message: expect.any(String) }]);
    }
    expect(await sessionsOf(ada)).toEqual([]);
  });

  test.each([{}, { revision: -1 }, { revision: '0' }, { revision: 0.5 }])('is refused for %j', async (json) => {
    const { status, body } = await sync(await createPerson(app), json);
    expect([status, body.fields]).toEqual([400, [{ path: 'revision', message: expect.any(String) }]]);
  });
});

test('nobody acts on another, whatever body, address or header names them', async () => {
  const [ada, grace] = [await createPictureOwner(app), await createPictureOwner(app)];
  await grace.uploadPhotos(2);
  await ada.uploadPhotos(1);
  const before = await stateOf(grace);
  const names = { id: grace.id, userId: grace.id, user_id: grace.id, sub: grace.id };
  const search = `?${new URLSearchParams(names)}`;
  const headers = { 'x-user-id': grace.id, 'x-clerk-user-id': grace.id };
  for (const method of ['GET', 'POST', 'PUT']) {
    const json = method === 'GET' ? {} : { json: { theme: 'dark', ...names } };
    const { body } = await ask(ada, method, `/api/users${search}`, { ...json, headers });
    expect(body.id).toBe(ada.id);
  }
  const form = toForm(small, names);
  expect((await ask(ada, 'POST', `${uploadPath}${search}`, { body: form, headers })).body.version).toBe(2);
  expect((await restore(ada, { version: 1, ...names })).body).toMatchObject({ version: 1, revision: 3 });
  expect((await sync(ada, { revision: 3, ...names }, headers)).body).toMatchObject({ version: 1, revision: 3 });
  const removal = await ask(ada, 'DELETE', `/api/profile/delete-picture${search}`, { json: names, headers });
  expect(removal.body).toMatchObject({ version: null, revision: 4 });
  expect(await themeOf(ada)).toBe('DARK');

  expect(await stateOf(grace)).toEqual(before);
  expect(await themeOf(grace)).toBe('SYSTEM');
  expect(await grace.audited()).not.toContain('preferences.changed');
  const sessions = await app.platform.db.prisma.syncSession.count({ where: { userId: grace.id } });
  expect(sessions).toBe(0);
});

test('a user who was deleted is nobody: their token is refused, and their picture is not there', async () => {
  const ada = await createPerson(app);
  await upload(ada);
  await ada.query('mutation ($id: String!) { deleteAccount(confirmation: $id) { __typename } }', { id: ada.id });
  for (const method of ['GET', 'POST']) {
    const { status, body } = await ask(ada, method, '/api/users');
    expect([status, body.code]).toEqual([401, 'UNAUTHENTICATED']);
  }
  expect((await ask(null, 'GET', pictureOf(ada))).status).toBe(404);
  expect(await anonymous(app).query('query ($id: ID!) { user(by: { id: $id }) { id } }', { id: ada.id })).toEqual({
    user: null,
  });
});
