import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { createTestApp, type TestApp, type TestAppOptions } from './support/app.ts';
import { postJson } from './support/http.ts';
import { createPerson, type Person, toMultipart } from './support/person.ts';
import { createHalt } from './support/picture-files.ts';
import { photo } from './support/pictures.ts';
import { toForm } from './support/rest.ts';

const largest = 10 * 1024 * 1024 + 64 * 1024;
const recrop = 'mutation { recropProfilePicture(version: 1, crop: { left: 0, top: 0, size: 1 }) { __typename } }';

let app: TestApp;
let address: URL;
let asked: ClientRequest[] = [];
/** One picture in work at once: room for two of the largest bodies, for one upload of a user, and one in line. */
async function start(options: TestAppOptions = {}): Promise<void> {
  const env = { PICTURES_AT_ONCE: '1', PICTURES_WAITING: '1', ...options.env };
  app = await createTestApp({ ...options, env });
  address = new URL(await app.listen());
}
afterEach(async () => {
  for (const asking of asked) asking.destroy();
  asked = [];
  await app.close();
});

interface Begun {
  asking: ClientRequest;
  /** Resolves when the client is asked for the body. */
  turn: Promise<unknown>;
  answer: ReturnType<typeof answerOf>;
}

/** Begins an upload of that many bytes, none of which are sent; its client waits to be asked for them. */
function begin({ token }: Person, bytes = largest, path = '/graphql'): Begun {
  const headers = {
    'content-type': 'multipart/form-data; boundary=x',
    authorization: `Bearer ${token}`,
    'content-length': bytes,
    expect: '100-continue',
  };
  const asking = request({ host: address.hostname, port: address.port, path, method: 'POST', headers });
  const begun = { asking, turn: once(asking, 'continue'), answer: answerOf(asking) };
  // Most are never answered: the test takes them away.
  for (const promise of [begun.turn, begun.answer]) promise.catch(() => {});
  asking.on('error', () => {});
  asking.flushHeaders();
  asked.push(asking);
  return begun;
}

/** Begins an upload, and answers when its turn has come. */
async function hold(person: Person, bytes?: number, path?: string): Promise<Begun> {
  const begun = begin(person, bytes, path);
  await begun.turn;
  return begun;
}

async function answerOf(asking: ClientRequest) {
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  const { code, message, retryAfter } = readError(JSON.parse(text));
  return { status: response.statusCode, code, message, retryAfter };
}

/** By GraphQL, or by REST. */
const readError = ({ errors, ...body }: { errors?: [{ message: string; extensions: object }] }) =>
  (errors ? { message: errors[0].message, ...errors[0].extensions } : body) as {
    code: string;
    message: string;
    retryAfter?: number;
  };

/** How many requests to /graphql were answered so far. */
async function answered(): Promise<number> {
  const text = await (await fetch(new URL('/metrics', address))).text();
  const counts = text.matchAll(/_count\{route="\/graphql",status="..."\} (\d+)/g);
  return Array.from(counts, ([, count]) => Number(count)).reduce((sum, count) => sum + count, 0);
}

const createPeople = (count: number) => Promise.all(Array.from({ length: count }, () => createPerson(app)));

describe('where the line is full,', () => {
  test('an upload is refused before its body is asked for, whichever way it comes', async () => {
    await start({ env: { PICTURES_WAITING: '0' } });
    const [ada, grace, alan] = (await createPeople(3)) as [Person, Person, Person];
    await hold(ada);
    await hold(grace, largest, '/api/profile/upload-picture');
    const message = 'Too many pictures are in work. Try again soon.';
    const refused = { status: 429, code: 'RATE_LIMITED', message };
    expect(await begin(alan).answer).toEqual({ ...refused, retryAfter: expect.any(Number) });
    expect(await begin(alan, largest, '/api/profile/upload-picture').answer).toMatchObject(refused);
  });

  test('so is a re-crop, and nothing else is', async () => {
    await start({ env: { PICTURES_WAITING: '0' } });
    const [ada, grace, alan] = (await createPeople(3)) as [Person, Person, Person];
    await Promise.all([hold(ada), hold(grace)]);
    const headers = { authorization: `Bearer ${alan.token}` };
    expect(await postJson(app, { query: recrop }, headers)).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
    expect((await alan.me()).id).toBe(alan.id);
  });

  test('whoever leaves it makes room for another', async () => {
    await start();
    const [ada, grace, alan, joan, mary] = (await createPeople(5)) as [Person, Person, Person, Person, Person];
    const [first] = await Promise.all([hold(ada), hold(grace)]);
    const before = await answered();
    // One of the two waits, and the other one is refused.
    const [one, other] = [begin(alan), begin(joan)];
    const refused = await Promise.race([one, other].map((begun) => begun.answer.then(() => begun)));
    await expect.poll(answered).toBe(before + 1);
    const waiting = refused === one ? other : one;
    waiting.asking.destroy();
    await expect.poll(answered).toBe(before + 2);
    const next = begin(mary);
    first.asking.destroy();
    await next.turn;
  });
});

test("a user's second upload waits for the first, and lets those of others pass", async () => {
  await start();
  const [ada, grace] = (await createPeople(2)) as [Person, Person];
  const first = await hold(ada, 1_000);
  const second = begin(ada, 1_000);
  let isSecondsTurn = false;
  second.asking.once('continue', () => {
    isSecondsTurn = true;
  });
  await hold(grace, 1_000);
  expect(isSecondsTurn).toBe(false);
  first.asking.destroy();
  await second.turn;
});

test('small uploads that are slow leave room for a large one', async () => {
  await start();
  const people = await createPeople(6);
  for (const person of people.slice(0, 5)) await hold(person, 100_000);
  await hold(people[5] as Person);
});

test('a re-crop that comes as a form, after an upload in it too, needs no second place', async () => {
  await start();
  const ada = await createPerson(app);
  const query = `mutation ($file: File!) {
    uploadProfilePicture(file: $file) { __typename }
    recropProfilePicture(version: 1, crop: { left: 0, top: 0, size: 50 }) { ... on ProfilePicture { version } }
  }`;
  const file = new File([new Uint8Array(await photo([100, 100]))], 'ada.jpg');
  const init = {
    method: 'POST',
    headers: { authorization: `Bearer ${ada.token}` },
    body: toMultipart(query, {}, file),
  };
  const answer = await app.fetch(new Request('http://visage.test/graphql', init));
  expect(await answer.json()).toEqual({
    data: { uploadProfilePicture: { __typename: 'ProfilePicture' }, recropProfilePicture: { version: 2 } },
  });
});

test('a server that stops stores the picture that is in work', async () => {
  await start();
  const stopping = await createTestApp({ beside: app });
  const halt = createHalt('put', 'before');
  halt.on(stopping.platform.pictures);
  const ada = await createPerson(stopping);
  const uploaded = ada.upload(await photo([100, 100]));
  uploaded.catch(() => {});
  await halt.reached;
  const { pictureLine } = stopping.platform;
  const { drain } = pictureLine;
  pictureLine.drain = () => {
    halt.letGo();
    return drain();
  };
  await stopping.close();
  halt.letGo();
  expect(await uploaded).toMatchObject({ version: 1 });
});

describe('an upload whose client left is in work until it is done, by', () => {
  const ways = {
    GraphQL: {
      path: '/graphql',
      toBody: (file: Buffer) => toMultipart(upload, {}, new File([new Uint8Array(file)], 'a.jpg')),
    },
    REST: { path: '/api/profile/upload-picture', toBody: (file: Buffer) => toForm(file) },
  };
  const upload = 'mutation ($file: File!) { uploadProfilePicture(file: $file) { __typename } }';

  test.each(Object.entries(ways))('%s', async (_, { path, toBody }) => {
    await start();
    const halt = createHalt('put', 'before');
    halt.on(app.platform.pictures);
    const ada = await createPerson(app);
    const leaving = new AbortController();
    const body = toBody(await photo([100, 100]));
    const headers = { authorization: `Bearer ${ada.token}`, 'apollo-require-preflight': '1' };
    const left = fetch(new URL(path, address), { method: 'POST', headers, body, signal: leaving.signal });
    left.catch(() => {});
    await halt.reached;
    leaving.abort();
    // By the time that others were answered, the server knows.
    for (let count = 0; count < 3; count++) await ada.me();
    const next = begin(ada, 1_000);
    let isItsTurn = false;
    next.asking.once('continue', () => {
      isItsTurn = true;
    });
    await hold(await createPerson(app), 1_000);
    expect(isItsTurn).toBe(false);
    halt.letGo();
    await next.turn;
    expect((await ada.me()).picture).toMatchObject({ version: 1 });
  });
});

describe('a body that comes too slowly', () => {
  test('costs its upload the place', async () => {
    await start({ parts: { bodyTimes: { idleMs: 200, totalMs: 3_600_000 } } });
    const [ada, grace, alan] = (await createPeople(3)) as [Person, Person, Person];
    const slow = [begin(ada), begin(grace, largest, '/api/profile/upload-picture')];
    await Promise.all(slow.map(({ turn }) => turn));
    for (const { asking } of slow) asking.write('--x');
    const file = await photo([100, 100]);
    const [first, second, picture] = await Promise.all([...slow.map(({ answer }) => answer), alan.upload(file)]);
    const tooSlow = { status: 408, code: 'REQUEST_TIMEOUT', message: 'Expected some of the body every 0.2 seconds.' };
    expect([first, second]).toEqual([tooSlow, tooSlow]);
    expect(picture).toMatchObject({ version: 1 });
  });

  test('is not read for ever, though it goes on', async () => {
    await start({ parts: { bodyTimes: { idleMs: 3_600_000, totalMs: 300 } } });
    const ada = await createPerson(app);
    const { asking, turn, answer } = begin(ada);
    await turn;
    const dribbling = setInterval(() => asking.write('x'), 10);
    expect(await answer).toMatchObject({
      status: 408,
      message: 'Expected the whole body within 0.3 seconds.',
    });
    clearInterval(dribbling);
  });
});

test('re-crops count as uploads do: 30 in a minute', async () => {
  await start({ env: { RATE_LIMITS: 'on' } });
  const ada = await createPerson(app);
  for (let count = 0; count < 30; count++) {
    expect(await ada.query(recrop)).toEqual({ recropProfilePicture: { __typename: 'NotFoundError' } });
  }
  const { status, errors } = await ada.ask(recrop);
  expect([status, errors?.[0]?.extensions]).toEqual([429, { code: 'RATE_LIMITED', retryAfter: expect.any(Number) }]);
  expect(errors?.[0]?.message).toBe('Expected at most 30 uploads in 60 seconds.');
});
