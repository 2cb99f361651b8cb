import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { onDatabase } from './support/events.ts';
import { postJson } from './support/http.ts';
import { createTestLog } from './support/log.ts';
import { createPerson, type Person } from './support/person.ts';

const { log, lines } = createTestLog();
let app: TestApp;
let address: URL;
let ada: Person;
beforeAll(async () => {
  app = await createTestApp({ parts: { log } });
  address = new URL(await app.listen());
  ada = await createPerson(app);
});
afterAll(() => app.close());

const json = { 'content-type': 'application/json' };
const multipart = () => ({ 'content-type': 'multipart/form-data; boundary=x', authorization: `Bearer ${ada.token}` });
const megabyte = Buffer.alloc(1024 * 1024, 0x20);

/** Starts a request whose body the test sends itself. */
function open(headers: Record<string, string>, to = address): ClientRequest {
  const asking = request({ host: to.hostname, port: to.port, path: '/graphql', method: 'POST', headers });
  // The server may close the connection while the rest is being sent; the answer is what counts.
  asking.on('error', () => {});
  asking.flushHeaders();
  return asking;
}

async function answerOf(asking: ClientRequest): Promise<{ status: number; code: string; connection: string }> {
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  const code = JSON.parse(text).errors?.[0].extensions.code;
  return { status: response.statusCode ?? 0, code, connection: response.headers.connection ?? '' };
}

/** Sends megabytes one after the other, as fast as they are taken. */
async function sendMegabytes(asking: ClientRequest, count: number): Promise<void> {
  for (let sent = 0; sent < count && !asking.destroyed; sent++) {
    if (!asking.write(megabyte)) await Promise.race([once(asking, 'drain'), once(asking, 'close')]).catch(() => {});
  }
  asking.end();
}

const tooLarge = { status: 413, code: 'PAYLOAD_TOO_LARGE', connection: 'close' };

describe('a body that is too large is refused', () => {
  test('by its announced length, before any of it is sent', async () => {
    const asking = open({ ...json, 'content-length': '100001' });
    expect(await answerOf(asking)).toEqual(tooLarge);
    asking.destroy();
  });

  test.each([
    ['JSON', () => ({ ...json })],
    ['an upload', multipart],
  ])('while 30 MB of it are being sent: %s', async (_, headers) => {
    for (const length of [{ 'content-length': String(30 * megabyte.length) }, { 'transfer-encoding': 'chunked' }]) {
      const asking = open({ ...headers(), ...length });
      const sending = sendMegabytes(asking, 30);
      expect(await answerOf(asking)).toEqual(tooLarge);
      asking.destroy();
      await sending;
    }
  });

  test.each([
    ['application/json', 100_000],
    ['application/x-www-form-urlencoded', 100_000],
    ['multipart/form-data; boundary=x', 10 * 1024 * 1024 + 64 * 1024],
  ])('one byte past its limit, and not at it: %s', async (type, limitBytes) => {
    const headers = { 'content-type': type, authorization: `Bearer ${ada.token}` };
    const statusOf = async (bytes: number) => {
      const asking = open({ ...headers, 'transfer-encoding': 'chunked' });
      asking.end(Buffer.alloc(bytes, 0x20));
      return (await answerOf(asking)).status;
    };
    expect(await statusOf(limitBytes)).not.toBe(413);
    expect(await statusOf(limitBytes + 1)).toBe(413);
  });
});

describe('a body is not waited for', () => {
  const announced = { 'content-length': '1000000' };
  test('where an upload has no user', async () => {
    const asking = open({ ...multipart(), authorization: 'Bearer x', ...announced });
    expect(await answerOf(asking)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    asking.destroy();
    const anonymous = open({
      'content-type': 'multipart/form-data; boundary=x',
      'graphql-preflight': '1',
      ...announced,
    });
    expect(await answerOf(anonymous)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    anonymous.destroy();
  });

  test('nor asked for, where its client waits until it is', async () => {
    const body = JSON.stringify({ query: '{ me { id } }' });
    const expecting = { ...json, expect: '100-continue', 'content-length': String(body.length) };
    for (const [authorization, status] of [
      ['Bearer x', 401],
      [`Bearer ${ada.token}`, 200],
    ] as const) {
      const asking = open({ ...expecting, authorization });
      let isAskedFor = false;
      asking.on('continue', () => {
        isAskedFor = true;
        asking.end(body);
      });
      expect([(await answerOf(asking)).status, isAskedFor]).toEqual([status, status === 200]);
      asking.destroy();
    }
  });

  test('where its type is not accepted, or another site could have sent it', async () => {
    for (const [type, status] of [
      ['text/plain', 415],
      ['application/graphql', 415],
      ['multipart/form-data; boundary=x', 403],
    ] as const) {
      const asking = open({ 'content-type': type, ...announced });
      expect((await answerOf(asking)).status).toBe(status);
      asking.destroy();
    }
  });
});

/** How many requests to /graphql were answered so far. */
async function answered(): Promise<number> {
  const text = await (await fetch(new URL('/metrics', address))).text();
  const counts = text.matchAll(/_count\{route="\/graphql",status="..."\} (\d+)/g);
  return Array.from(counts, ([, count]) => Number(count)).reduce((sum, count) => sum + count, 0);
}

test('a client that leaves in the middle of its body is nothing to report', async () => {
  const before = await answered();
  const asking = open({ ...json, 'content-length': '1000' });
  await new Promise((resolve) => asking.write('{"query":', resolve));
  asking.destroy();
  await expect.poll(answered).toBe(before + 1);
  expect(lines).toEqual([]);
});

test('a client that left before its body was wanted is not waited for', async () => {
  const authorization = `Bearer ${await app.sign({ sub: `user_${randomId()}` })}`;
  const before = await answered();
  app.takeStatements();
  await onDatabase(app, async (client) => {
    // Whoever is new has to be looked up before their body is read.
    await client.query('begin; lock table users');
    const asking = open({ ...json, authorization, 'content-length': '1000' });
    await expect.poll(() => app.takeStatements().join(), { timeout: 60_000 }).toContain('from users');
    asking.destroy();
    // Answered on a connection of its own, this one says that the server has seen the other go.
    await fetch(new URL('/health/live', address));
    await client.query('rollback');
  });
  await expect.poll(answered, { timeout: 60_000 }).toBe(before + 1);
});

test('a token of 100 kB is refused over a real connection too', async () => {
  const asking = open({ ...json, authorization: `Bearer ${'x'.repeat(100_000)}` });
  asking.end('{"query":"{ me { id } }"}');
  expect(await answerOf(asking)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
});

test('what is no HTTP ends the connection, and nothing else', async () => {
  for (const bytes of [
    '\r\n\r\n',
    'GET\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    '\x16\x03\x01\x02\x00',
    `GET / HTTP/1.1\r\nx: ${'x'.repeat(200_000)}\r\n\r\n`,
    'POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n',
    'POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\nx',
  ]) {
    const socket = connect(Number(address.port), address.hostname).on('error', () => {});
    socket.end(bytes);
    socket.resume();
    await once(socket, 'close');
  }
  expect((await postJson(app, { query: '{ me { id } }' })).status).toBe(200);
});

test('a server that stops finishes what it was sent before, and closes its connection', async () => {
  const beside = await createTestApp({ beside: app });
  const asked = new URL(await beside.listen());
  const asking = open({ ...json, 'transfer-encoding': 'chunked' }, asked);
  const answer = answerOf(asking);
  await new Promise((resolve) => asking.write('{"query":', resolve));
  // Answered on a connection of its own, this one says that the server has come to the other.
  await fetch(new URL('/health/live', asked));
  const closed = beside.close();
  asking.end('"{ __typename }"}');
  expect(await answer).toMatchObject({ status: 200, connection: 'close' });
  await closed;
});

test('a multipart body of thousands of parts is refused before it is taken apart', async () => {
  const body = `--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n\r\n`.repeat(100_000);
  const response = await app.fetch(
    new Request('http://localhost/graphql', { method: 'POST', headers: multipart(), body }),
  );
  const { errors } = (await response.json()) as { errors: { message: string; extensions: object }[] };
  expect({ status: response.status, error: errors[0]?.extensions, message: errors[0]?.message }).toEqual({
    status: 400,
    error: { code: 'BAD_USER_INPUT' },
    message: 'Expected at most 20 parts in the body.',
  });
});

test('a multipart body is taken apart by the boundary by which its parts were counted', async () => {
  const operations = JSON.stringify({ query: '{ me { id } }' });
  const body = `--y\r\ncontent-disposition: form-data; name="operations"\r\n\r\n${operations}\r\n--y--\r\n`;
  const statusOf = async (parameters: string) => {
    const headers = { ...multipart(), 'content-type': `multipart/form-data; ${parameters}` };
    const request = new Request('http://localhost/graphql', { method: 'POST', headers, body });
    return (await app.fetch(request)).status;
  };
  expect(await statusOf('charset=utf-8; Boundary="y"; x=y')).toBe(200);
  expect(await statusOf('a="; boundary=x; "; boundary=y')).toBe(400);
});
