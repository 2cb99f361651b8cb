import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestApp, type TestApp } from './support/app.ts';
import { createCuttable } from './support/cuttable.ts';
import { send } from './support/http.ts';
import { createTestLog } from './support/log.ts';
import { createPerson, type Person } from './support/person.ts';
import { photo } from './support/pictures.ts';
import { type Ask, addresses, createRestClient, type RestRequest, toForm } from './support/rest.ts';

const { log, lines } = createTestLog();
let app: TestApp;
let address: URL;
let ask: Ask;
let ada: Person;
let small: Buffer;
beforeAll(async () => {
  app = await createTestApp({ env: { CORS_ORIGINS: 'https://app.visage.test' }, parts: { log } });
  address = new URL(await app.listen());
  ask = await createRestClient(app);
  ada = await createPerson(app);
  small = await photo([100, 100]);
});
afterAll(() => app.close());
beforeEach(() => void lines.splice(0));

type Name = keyof typeof addresses;
const names = Object.keys(addresses) as Name[];

/** A request that would succeed, were it not for what the test does to it. */
const bodies: Partial<Record<Name, () => RestRequest>> = {
  changeUser: () => ({ json: { theme: 'dark' } }),
  uploadPicture: () => ({ body: toForm(small) }),
  restorePicture: () => ({ json: { version: 1 } }),
  syncPicture: () => ({ json: { revision: 0 } }),
};

const askFor = (name: Name, person: Pick<Person, 'token'> | null, extra: RestRequest = {}) => {
  const [method, path] = addresses[name];
  return ask(person, method, path, { ...bodies[name]?.(), ...extra });
};

/** Everything that one of the requests above could change. */
const stateOf = async (person: Person) => {
  const { preferences, pictureRevision, updatedAt } = await person.me();
  return { preferences, pictureRevision, updatedAt };
};

describe('without a token that holds', () => {
  test.each(names.filter((name) => name !== 'readPicture'))('%s is refused', async (name) => {
    const { status, body, headers } = await askFor(name, null);
    expect([status, body]).toEqual([401, { code: 'UNAUTHENTICATED', message: expect.stringMatching(/token/) }]);
    expect(headers.get('www-authenticate')).toBe('Bearer');
  });

  test.each(names)('%s is refused though somebody sends one', async (name) => {
    const expired = await app.sign({ sub: ada.id, exp: Math.floor(Date.now() / 1000) - 60 });
    for (const authorization of [`Bearer ${expired}`, 'Bearer x', `Basic ${ada.token}`]) {
      const { status, body } = await askFor(name, null, { headers: { authorization } });
      expect([status, body.code]).toEqual([401, 'UNAUTHENTICATED']);
    }
  });

  test('an upload is refused before its body is there', async () => {
    const { hostname, port } = address;
    const headers = { 'content-type': 'multipart/form-data; boundary=x', 'content-length': '1000000' };
    const asking = request({ hostname, port, path: '/api/profile/upload-picture', method: 'POST', headers });
    asking.on('error', () => {});
    asking.flushHeaders();
    const [response] = (await once(asking, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(401);
    asking.destroy();
  });
});

describe('a page of another site', () => {
  const from = (origin: string, method: string) =>
    send(app, '/api/users', {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': method,
        'access-control-request-headers': 'authorization,content-type',
      },
    });

  test('may ask if it is listed, by every method there is', async () => {
    const { status, headers } = await from('https://app.visage.test', 'PUT');
    expect([status, headers.get('access-control-allow-origin')]).toEqual([204, 'https://app.visage.test']);
    for (const [method] of Object.values(addresses))
      expect(headers.get('access-control-allow-methods')?.split(', ')).toContain(method);
  });

  test('may not otherwise, and without a token of its own it changes nothing', async () => {
    const { headers } = await from('https://evil.test', 'PUT');
    expect(headers.get('access-control-allow-origin')).toBeNull();
    const cookies = { cookie: `__session=${ada.token}`, origin: 'https://evil.test' };
    for (const name of names.filter((name) => name !== 'readPicture'))
      expect((await askFor(name, null, { headers: cookies })).status).toBe(401);
  });
});

test('whoever looks as others do neither looks nor changes anything here', async () => {
  const before = await stateOf(ada);
  for (const name of names) {
    const { status, body } = await askFor(name, ada, { headers: { 'visage-view-as': 'PUBLIC' } });
    expect([status, body.code, body.message]).toEqual([
      400,
      'BAD_USER_INPUT',
      expect.stringContaining('Visage-View-As'),
    ]);
  }
  expect(await stateOf(ada)).toEqual(before);
});

describe('a body', () => {
  test.each([
    ['changeUser', 'text/plain'],
    ['changeUser', 'application/x-www-form-urlencoded'],
    ['changeUser', 'application/merge-patch+json'],
    ['syncPicture', 'multipart/form-data; boundary=x'],
    ['uploadPicture', 'application/json'],
    ['uploadPicture', 'image/jpeg'],
  ] as const)('of %s is not %s: 415', async (name, type) => {
    const [method, path] = addresses[name];
    const { status, body } = await ask(ada, method, path, { body: 'x', headers: { 'content-type': type } });
    const message = expect.stringMatching(` and got ${type.split(';')[0]?.replace('+', '.')}\\.$`);
    expect([status, body]).toEqual([415, { code: 'UNSUPPORTED_MEDIA_TYPE', message }]);
  });

  test('of a type that is very long is not told all of it again', async () => {
    const { status, body } = await askFor('changeUser', ada, { headers: { 'content-type': 'a'.repeat(10_000) } });
    expect([status, body.message.length]).toEqual([415, expect.any(Number)]);
    expect(body.message.length).toBeLessThan(200);
  });

  test('is never without a type: 415', async () => {
    const [method, path] = addresses.changeUser;
    for (const body of [new TextEncoder().encode('{"theme":"dark"}'), undefined]) {
      const reply = await ask(ada, method, path, body && { body });
      expect([reply.status, reply.body.code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
    }
  });

  test('is JSON in whatever letters its type is written', async () => {
    const headers = { 'content-type': 'Application/JSON; charset=UTF-8' };
    expect((await askFor('changeUser', ada, { json: { theme: 'light' }, headers })).body.theme).toBe('light');
  });

  test.each(['', '{', '{"theme":"dark"', 'theme=dark', '\u0000'])('of %j is no JSON: 400', async (json) => {
    const { status, body } = await askFor('changeUser', ada, { json });
    expect([status, body]).toEqual([400, { code: 'BAD_USER_INPUT', message: expect.stringMatching(/^Expected /) }]);
  });

  test('is a form whose boundary is quoted, or has what follows it', async () => {
    const form = (boundary: string) => [
      `--${boundary}\r\ncontent-disposition: form-data; name="profilePicture"; filename="a.jpg"\r\n\r\n`,
      small,
      `\r\n--${boundary}--\r\n`,
    ];
    for (const [type, boundary] of [
      ['multipart/form-data; boundary="a,b/c"', 'a,b/c'],
      ['Multipart/Form-Data; charset=utf-8; boundary=----x; x=y', '----x'],
    ] as const) {
      const body = Buffer.concat(form(boundary).map((part) => Buffer.from(part)));
      const reply = await askFor('uploadPicture', ada, {
        body: new Uint8Array(body),
        headers: { 'content-type': type },
      });
      expect([reply.status, reply.text]).toEqual([201, expect.any(String)]);
    }
  });

  test.each([
    ['has no boundary', 'multipart/form-data', 'x'],
    ['is cut short', 'multipart/form-data; boundary=x', '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\nb'],
    ['is no form', 'multipart/form-data; boundary=x', 'profilePicture=1'],
    ['is empty', 'multipart/form-data; boundary=x', ''],
    ['has a part without a name', 'multipart/form-data; boundary=x', '--x\r\na: b\r\n\r\nc\r\n--x--\r\n'],
    [
      'has a part that is no field',
      'multipart/form-data; boundary=x',
      '--x\r\ncontent-disposition: attachment; name="a"\r\n\r\nc\r\n--x--\r\n',
    ],
    [
      'has more parts than a form has',
      'multipart/form-data; boundary=x',
      `${'--x\r\ncontent-disposition: form-data; name="a"; filename="b"\r\n\r\n\r\n'.repeat(100_000)}--x--\r\n`,
    ],
    [
      'has more before a part than a part needs',
      'multipart/form-data; boundary=x',
      `--x\r\n${'a: b\r\n'.repeat(1_000_000)}\r\n\r\n--x--\r\n`,
    ],
    [
      'has no end of what comes before a part',
      'multipart/form-data; boundary=x',
      `--x\r\n${'a: b\r\n'.repeat(1_000_000)}`,
    ],
  ])('that %s is no upload: 400', async (_, type, body) => {
    const before = await stateOf(ada);
    const reply = await askFor('uploadPicture', ada, { body, headers: { 'content-type': type } });
    expect([reply.status, reply.body.code, reply.body.message]).toEqual([
      400,
      'BAD_USER_INPUT',
      expect.stringMatching(/Expected /),
    ]);
    expect(await stateOf(ada)).toEqual(before);
  });

  test.each(names.filter((name) => !name.startsWith('read')))('of %s that is too large is refused', async (name) => {
    const isForm = name === 'uploadPicture';
    const limitBytes = isForm ? 10 * 1024 * 1024 + 64 * 1024 : 100_000;
    const headers = { 'content-type': isForm ? 'multipart/form-data; boundary=x' : 'application/json' };
    const [method, path] = addresses[name];
    const reply = await ask(ada, method, path, { body: new Uint8Array(limitBytes + 1).fill(0x20), headers });
    expect([reply.status, reply.body]).toEqual([
      413,
      { code: 'PAYLOAD_TOO_LARGE', message: `Expected a body of at most ${limitBytes} bytes.` },
    ]);
    const allowed = await ask(ada, method, path, { body: new Uint8Array(limitBytes).fill(0x20), headers });
    expect(allowed.status).not.toBe(413);
  });
});

describe('an address', () => {
  test.each(['/api', '/api/', '/api/nothing', '/api/users/', '/api/users/x', '/API/users', '/api/profile/picture/'])(
    '%s is not there',
    async (path) => {
      for (const method of ['GET', 'POST', 'DELETE']) expect((await send(app, path, { method })).status).toBe(404);
    },
  );

  test('that is not there says so as every error is said', async () => {
    const { body, headers } = await ask(ada, 'GET', '/api/nothing');
    expect(body).toEqual({ code: 'NOT_FOUND', message: 'There is nothing at this address.' });
    expect([headers.get('content-type'), headers.get('cache-control')]).toEqual([
      'application/json; charset=utf-8',
      'no-store',
    ]);
    expect(headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
  });

  test.each([
    ['/api/users', 'DELETE', 'GET, POST, PUT, HEAD'],
    ['/api/users', 'PATCH', 'GET, POST, PUT, HEAD'],
    ['/api/profile/upload-picture', 'GET', 'POST'],
    ['/api/profile/picture/x', 'POST', 'GET, HEAD'],
    ['/api/profile/update-picture', 'POST', 'PUT'],
    ['/api/profile/delete-picture', 'OPTIONS', 'DELETE'],
    ['/api/profile/sync-picture', 'PUT', 'POST'],
    ['/api/openapi.json', 'POST', 'GET, HEAD'],
  ])('%s has no %s, and says which methods it has', async (path, method, allow) => {
    const { status, headers, text } = await send(app, path, { method });
    expect([status, headers.get('allow')]).toEqual([405, allow]);
    expect(JSON.parse(text)).toEqual({ code: 'METHOD_NOT_ALLOWED', message: expect.stringContaining(allow) });
  });

  test('has no method that web requests can not have', async () => {
    const { hostname, port } = address;
    for (const [path, status] of [
      ['/api/users', 405],
      ['/api/nothing', 404],
    ] as const) {
      const asking = request({ hostname, port, path, method: 'TRACE' }).end();
      const [response] = (await once(asking, 'response')) as [IncomingMessage];
      response.resume();
      expect(response.statusCode).toBe(status);
    }
  });

  test.each(['/api/x/../users', '/api/./users', '/api\\users', '/api/x\\..\\users', '/api/%75sers', '/api/users;x'])(
    'has one way to be written: %s is not there',
    async (path) => {
      const { hostname, port } = address;
      const headers = { authorization: `Bearer ${ada.token}` };
      const [response] = await once(request({ hostname, port, path, headers }).end(), 'response');
      response.resume();
      expect(response.statusCode).toBe(404);
    },
  );

  test('may be written with the server before it, as clients of proxies do', async () => {
    const { hostname, port } = address;
    const path = 'http://visage.test/api/openapi.json?x';
    const [response] = await once(request({ hostname, port, path }).end(), 'response');
    response.resume();
    expect(response.statusCode).toBe(200);
  });

  test('that is read can be asked for without its content', async () => {
    const { status, text, headers } = await ask(ada, 'HEAD', '/api/users');
    expect([status, text, headers.get('content-type')]).toEqual([200, '', 'application/json']);
  });
});

describe('too many', () => {
  let limited: TestApp;
  let askLimited: Ask;
  beforeAll(async () => {
    limited = await createTestApp({ env: { RATE_LIMITS: 'on' } });
    askLimited = await createRestClient(limited);
  });
  afterAll(() => limited.close());

  /** Asks for what is refused quickly, until it is too often; answers that refusal. */
  async function untilRefused(name: Name, person: Person, most: number) {
    const [method, path] = addresses[name];
    for (let asked = 0; asked <= most; asked++) {
      const reply = await askLimited(person, method, path, { body: name === 'uploadPicture' ? new FormData() : 'x' });
      if (reply.status === 429) return { asked, ...reply };
    }
    throw new Error(`Nothing was refused of ${most + 1}.`);
  }

  test.each([
    ['uploadPicture', 30],
    ['changeUser', 600],
  ] as const)('of %s in a minute are told when to come back, and nobody else is', async (name, allowance) => {
    const [grace, alan] = [await createPerson(limited), await createPerson(limited)];
    const { asked, body, headers } = await untilRefused(name, grace, allowance);
    // A person's own first request counts with the others.
    expect(asked).toBe(name === 'uploadPicture' ? allowance : allowance - 1);
    expect(body).toEqual({ code: 'RATE_LIMITED', message: expect.stringContaining(`${allowance}`) });
    expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect((await askLimited(alan, 'GET', '/api/users')).status).toBe(200);
  });
});

test('while the database is away, every address says so, and no more; then all is as before', async () => {
  const link = await createCuttable(app.database.connectionString);
  const cut = await createTestApp({ beside: app, parts: { log, connectionString: link.connectionString } });
  const askCut = await createRestClient(cut);
  await link.cut();
  for (const name of names) {
    const [method, path] = addresses[name];
    const { status, body } = await askCut(ada, method, path, bodies[name]?.());
    const message = "The database can't be reached at the moment. Try again soon.";
    expect([status, body]).toEqual([503, { code: 'SERVICE_UNAVAILABLE', message }]);
  }
  await link.restore();
  await expect.poll(async () => (await askCut(ada, 'GET', '/api/users')).status).toBe(200);
  expect(lines.filter(({ level }) => level >= 50)).toEqual([]);
  await cut.close();
  await link.cut();
});

test('an error of ours tells its request id and nothing else, and the log has the cause under it', async () => {
  const broken = await createPerson(app);
  // A user without preferences is one that the code counts on never to meet.
  await app.platform.db.prisma.preferences.delete({ where: { userId: broken.id } });
  const { status, body, headers, text } = await ask(broken, 'GET', '/api/users');
  const requestId = headers.get('x-request-id');
  expect([status, body]).toEqual([500, { code: 'INTERNAL_SERVER_ERROR', message: 'Unexpected error.', requestId }]);
  const line = lines.find((entry) => entry.requestId === requestId);
  expect(line).toMatchObject({ level: 50, error: { message: expect.any(String), stack: expect.any(String) } });
  expect(text).not.toContain((line?.error as Error | undefined)?.message);
});

test('what a client does wrong is nothing that the log has to tell', async () => {
  await askFor('changeUser', ada, { json: '{' });
  await askFor('changeUser', ada, { json: {} });
  await askFor('restorePicture', ada, { json: { version: 999 } });
  await askFor('uploadPicture', ada, { body: toForm('no picture') });
  await askFor('readUser', null);
  await ask(null, 'GET', '/api/nothing');
  await ask(null, 'PATCH', '/api/users');
  expect(lines).toEqual([]);
});
