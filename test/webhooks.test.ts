import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { type ClerkApi, createClerkApi } from './support/clerk-api.ts';
import { webhookPath } from './support/clerk-webhooks.ts';
import { createCuttable } from './support/cuttable.ts';
import { send } from './support/http.ts';
import { recordsOf, storedUser } from './support/identity.ts';
import { createTestLog } from './support/log.ts';

// How a webhook gets in, whatever it says. What it does to users: webhook-users.test.ts.

const { log, lines } = createTestLog('debug');
let clerk: ClerkApi;
let app: TestApp;
beforeAll(async () => {
  clerk = await createClerkApi();
  // Limits count for people; Clerk has a lot to say at times.
  app = await createTestApp({ env: { ...clerk.env, RATE_LIMITS: 'on' }, parts: { log } });
});
afterEach(() => vi.useRealTimers());
afterAll(async () => {
  await app.close();
  await clerk.close();
});

const newSecret = () => `whsec_${Buffer.from(randomId()).toString('base64')}`;
const createdEvent = () => clerk.webhook('user.created', clerk.addUser({ email: 'ada@example.com' }));
const userIdOf = ({ body }: { body: string }): string => JSON.parse(body).data.id;
const isThere = async (delivery: { body: string }) => (await storedUser(app, userIdOf(delivery))) !== null;

/** A signed delivery that says nothing but this. */
const saying = (body: unknown) => ({
  ...createdEvent(),
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

/** A user's event with a body of so many bytes. */
function ofBytes(bytes: number) {
  const user = clerk.addUser();
  const pad = (length: number) =>
    clerk.webhook('user.created', { ...user, public_metadata: { pad: 'x'.repeat(length) } });
  return pad(bytes - pad(0).body.length);
}

describe('a signature', () => {
  test('of the signing secret lets a webhook in', async () => {
    const delivery = createdEvent();
    const { status, text, headers } = await clerk.deliver(app, delivery);
    expect([status, JSON.parse(text)]).toEqual([200, { outcome: 'APPLIED' }]);
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await isThere(delivery)).toBe(true);
  });

  test('may stand among others', async () => {
    const delivery = createdEvent();
    expect((await clerk.deliver(app, delivery, { secrets: [newSecret(), clerk.webhookSecret] })).status).toBe(200);
    expect(await isThere(delivery)).toBe(true);
  });

  test.each<[string, Parameters<ClerkApi['deliver']>[2]]>([
    ['of another secret', { secrets: [newSecret()] }],
    ['of two other secrets', { secrets: [newSecret(), newSecret()] }],
    ['that is missing', { headers: { 'svix-signature': null } }],
    ['that is empty', { headers: { 'svix-signature': '' } }],
    ['that is none', { headers: { 'svix-signature': 'v1' } }],
    ['that is garbage', { headers: { 'svix-signature': 'v1,v1, ,,v1,\u00ff' } }],
    ['of six minutes ago', { at: new Date(Date.now() - 360_000) }],
    ['of six minutes ahead', { at: new Date(Date.now() + 360_000) }],
    ['with another time', { headers: { 'svix-timestamp': String(Math.floor(Date.now() / 1000) + 9) } }],
    ['with a time that is none', { headers: { 'svix-timestamp': 'now' } }],
    ['without a time', { headers: { 'svix-timestamp': null } }],
    ['with another id', { headers: { 'svix-id': 'msg_another' } }],
    ['without an id', { headers: { 'svix-id': null } }],
    ['with another body', { body: '{"type":"user.deleted","data":{"id":"user_x"}}' }],
    ['without a body', { body: '' }],
  ])('%s is refused, and nothing happens', async (_, options) => {
    const delivery = createdEvent();
    const { status, text } = await clerk.deliver(app, delivery, options);
    expect([status, JSON.parse(text).code]).toEqual([400, 'BAD_USER_INPUT']);
    expect(await isThere(delivery)).toBe(false);
    expect(await recordsOf(app, [delivery.id, 'msg_another'])).toEqual([]);
  });

  test('of another version is refused', async () => {
    const delivery = createdEvent();
    const captured = { value: '' };
    const capture = {
      fetch: async (request: Request) => {
        captured.value = request.headers.get('svix-signature') ?? '';
        return new Response();
      },
    };
    await clerk.deliver(capture, delivery);
    const headers = { 'svix-signature': captured.value.replace('v1,', 'v2,') };
    expect((await clerk.deliver(app, delivery, { headers })).status).toBe(400);
    expect((await clerk.deliver(app, delivery, { headers: { 'svix-signature': captured.value } })).status).toBe(200);
  });

  test('of either of two secrets counts while one is rotated, and of no third', async () => {
    const [old, fresh] = [newSecret(), newSecret()];
    const rotating = await createTestApp({
      beside: app,
      env: { ...clerk.env, CLERK_WEBHOOK_SIGNING_SECRET: `${fresh},${old}` },
    });
    const statusOf = async (...secrets: string[]) =>
      (await clerk.deliver(rotating, createdEvent(), { secrets })).status;
    expect([await statusOf(old), await statusOf(fresh), await statusOf(old, fresh)]).toEqual([200, 200, 200]);
    expect([await statusOf(newSecret()), await statusOf(clerk.webhookSecret)]).toEqual([400, 400]);
    await rotating.close();
  });

  test("is Svix's and the standard's: the published vector passes, and no neighbour of it", async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_614_265_330_000 });
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const standard = await createTestApp({
      beside: app,
      env: { ...clerk.env, CLERK_WEBHOOK_SIGNING_SECRET: secret },
    });
    const vector = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', type: '', body: '{"test": 2432232314}' };
    const signature = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
    const messageOf = async (headers: Record<string, string>, body = vector.body) => {
      const right = { 'svix-timestamp': '1614265330', 'svix-signature': signature };
      const { text } = await clerk.deliver(standard, vector, { headers: { ...right, ...headers }, body });
      return JSON.parse(text).message;
    };
    // It holds, and says nothing that Clerk would.
    expect(await messageOf({})).toBe('Expected an event with a type.');
    for (const wrong of [
      messageOf({ 'svix-id': 'msg_p5jXN8AQM9LWM0D4loKWxJel' }),
      messageOf({ 'svix-timestamp': '1614265331' }),
      messageOf({ 'svix-signature': signature.replace('g0hM', 'g0hN') }),
      messageOf({}, '{"test": 2432232315}'),
      messageOf({}, '{"test":2432232314}'),
    ]) {
      expect(await wrong).toContain('Expected a webhook that Clerk signed.');
    }
    await standard.close();
  });
});

describe('a webhook that is signed and not understood is refused', () => {
  const user = () => clerk.addUser();
  test.each<[string, () => unknown]>([
    ['no JSON', () => 'ada@example.com'],
    ['half of it', () => '{"type":"user.created"'],
    ['null', () => null],
    ['a number', () => 1],
    ['a list', () => []],
    ['an object without a type', () => ({ data: user() })],
    ['a type that is none', () => ({ type: { name: 'user.created' }, data: user() })],
    ['an empty type', () => ({ type: '', data: user() })],
    ['a type with U+0000', () => ({ type: 'user.\u0000', data: user() })],
    ['no user', () => ({ type: 'user.created' })],
    ['null for a user', () => ({ type: 'user.updated', data: null })],
    ['a user without an id', () => ({ type: 'user.updated', data: { ...user(), id: undefined } })],
    ['a user with an id that is none', () => ({ type: 'user.updated', data: { ...user(), id: 'user_\u0000' } })],
    ['a user without a time', () => ({ type: 'user.updated', data: { ...user(), updated_at: undefined } })],
    ['a user with a time that is none', () => ({ type: 'user.updated', data: { ...user(), updated_at: 1e300 } })],
    ['a user with a name that is none', () => ({ type: 'user.updated', data: { ...user(), first_name: ['Ada'] } })],
    ['the deletion of nobody', () => ({ type: 'user.deleted', data: { deleted: true } })],
    ['the deletion of a number', () => ({ type: 'user.deleted', data: { id: 42 } })],
  ])('%s', async (_, toBody) => {
    const delivery = saying(toBody());
    const { status, text } = await clerk.deliver(app, delivery);
    expect([status, JSON.parse(text).code]).toEqual([400, 'BAD_USER_INPUT']);
    expect(text).not.toContain('ada@example.com');
    expect(await recordsOf(app, [delivery.id])).toEqual([]);
  });

  test('an id that is too long to be one', async () => {
    const delivery = { ...createdEvent(), id: `msg_${'x'.repeat(4_000)}` };
    expect((await clerk.deliver(app, delivery)).status).toBe(400);
  });
});

test('what PostgreSQL can not hold is left out of a name', async () => {
  const user = clerk.addUser({ firstName: 'A\u0000da', lastName: '\ud800' });
  expect((await clerk.deliver(app, clerk.webhook('user.created', user))).status).toBe(200);
  expect(await storedUser(app, user.id)).toMatchObject({ firstName: 'Ada', lastName: '\ufffd' });
});

describe('a body', () => {
  test('of 256 kB is read, with a byte more it is not', async () => {
    const [largest, tooLarge] = [ofBytes(256 * 1024), ofBytes(256 * 1024 + 1)];
    expect((await clerk.deliver(app, largest)).status).toBe(200);
    const { status, text } = await clerk.deliver(app, tooLarge);
    expect([status, JSON.parse(text).code]).toEqual([413, 'PAYLOAD_TOO_LARGE']);
    expect([await isThere(largest), await isThere(tooLarge)]).toEqual([true, false]);
  });

  test('of 1 MB is refused over a connection too, signed or not, whatever length it claims', async () => {
    const address = await app.listen();
    const huge = ofBytes(1_000_000);
    expect((await clerk.deliver(address, huge)).status).toBe(413);
    expect((await clerk.deliver(address, huge, { secrets: [] })).status).toBe(413);
    const body = new Blob([huge.body]).stream();
    const chunked = await fetch(new URL(webhookPath, address), { method: 'POST', body, duplex: 'half' } as RequestInit);
    expect(chunked.status).toBe(413);
  });
});

describe('the address', () => {
  test.each(['GET', 'PUT', 'PATCH', 'DELETE', 'HEAD'])('answers %s with what it does take', async (method) => {
    const { status, headers } = await send(app, webhookPath, { method });
    expect([status, headers.get('allow')]).toEqual([405, 'POST']);
  });

  test('takes nothing while no signing secret is set', async () => {
    const unset = await createTestApp({ beside: app });
    const { status, text } = await clerk.deliver(unset, createdEvent());
    expect([status, JSON.parse(text).code]).toEqual([503, 'SERVICE_UNAVAILABLE']);
    await unset.close();
  });
});

describe('a delivery', () => {
  test('has its effect once, however often it comes', async () => {
    const delivery = createdEvent();
    await clerk.deliver(app, delivery);
    await app.platform.db.prisma.user.update({
      where: { id: userIdOf(delivery) },
      data: { firstName: 'changed since' },
    });
    const again = await clerk.deliver(app, delivery);
    expect([again.status, JSON.parse(again.text)]).toEqual([200, { outcome: 'KNOWN' }]);
    expect(await storedUser(app, userIdOf(delivery))).toMatchObject({ firstName: 'changed since' });
  });

  test('in 50 copies at the same moment, at two servers, has its effect once', async () => {
    const other = await createTestApp({ beside: app, env: clerk.env });
    const delivery = createdEvent();
    const copies = Array.from({ length: 50 }, (_, index) => clerk.deliver(index % 2 ? app : other, delivery));
    const replies = await Promise.all(copies);
    await other.close();
    expect(replies.map(({ status }) => status)).toEqual(Array(50).fill(200));
    const outcomes = replies.map(({ text }) => JSON.parse(text).outcome);
    expect(outcomes.toSorted()).toEqual(['APPLIED', ...Array(49).fill('KNOWN')]);
    const userId = userIdOf(delivery);
    expect(await recordsOf(app, [delivery.id])).toEqual([
      { id: delivery.id, type: 'user.created', userId, outcome: 'APPLIED' },
    ]);
    expect(await app.platform.db.prisma.auditEntry.count({ where: { userId } })).toBe(1);
  });

  test('of what does not concern us is recorded, and that is all', async () => {
    const types = ['session.created', 'organizationInvitation.accepted', 'email.created', 'user.invented'];
    for (const type of types) {
      const delivery = clerk.webhook(type, { id: 'sess_1', user_id: 'user_1', email_address: 'ada@example.com' });
      app.takeStatements();
      const { status, text } = await clerk.deliver(app, delivery);
      expect([status, JSON.parse(text)]).toEqual([200, { outcome: 'IGNORED' }]);
      // A transaction of one statement.
      expect(app.takeStatements()).toHaveLength(3);
      expect(await recordsOf(app, [delivery.id])).toEqual([
        { id: delivery.id, type, userId: null, outcome: 'IGNORED' },
      ]);
    }
    expect((await clerk.deliver(app, saying({ type: 'session.ended' }))).status).toBe(200);
  });
});

describe('the record of deliveries', () => {
  const daysAgo = (days: number) => new Date(Date.now() - days * 24 * 3_600_000);
  const record = (days: number[]) =>
    app.platform.db.prisma.webhookDelivery.createManyAndReturn({
      data: days.map((count) => ({
        id: `msg_${randomId()}`,
        type: 'user.updated',
        outcome: 'APPLIED',
        receivedAt: daysAgo(count),
      })),
    });

  test('is kept for 30 days', async () => {
    const [, , recent] = await record([400, 31, 29]);
    const old = () => app.platform.db.prisma.webhookDelivery.count({ where: { receivedAt: { lt: daysAgo(30) } } });
    await expect.poll(old, { timeout: 20_000 }).toBe(0);
    expect(await recordsOf(app, [recent?.id ?? ''])).toHaveLength(1);
  });

  test('keeps the last one, however old it is, so that the age of a dead route is known', async () => {
    const { prisma } = app.platform.db;
    await prisma.webhookDelivery.deleteMany();
    const [, last] = await record([60, 50]);
    await expect.poll(() => prisma.webhookDelivery.count(), { timeout: 20_000 }).toBe(1);
    expect(await recordsOf(app, [last?.id ?? ''])).toHaveLength(1);
    const { text } = await send(app, '/metrics');
    expect(text).toMatch(/^visage_clerk_webhook_age_seconds 43200\d\d$/m);
  });
});

test('what no address can be is none', async () => {
  const long = `${Array.from({ length: 400 }, randomId).join('')}@example.com`;
  const user = clerk.addUser({ email: long, firstName: 'Ada' });
  expect((await clerk.deliver(app, clerk.webhook('user.created', user))).status).toBe(200);
  expect(await storedUser(app, user.id)).toMatchObject({ email: null, firstName: 'Ada' });
});

test('while the database is away a webhook is put off, and has its effect when it is sent again', async () => {
  const link = await createCuttable(app.database.connectionString);
  const cut = await createTestApp({ beside: app, env: clerk.env, parts: { connectionString: link.connectionString } });
  const delivery = createdEvent();
  await link.cut();
  const { status, text } = await clerk.deliver(cut, delivery);
  expect([status, JSON.parse(text).code]).toEqual([503, 'SERVICE_UNAVAILABLE']);
  await link.restore();
  // The pool may hold a connection yet of which it hasn't heard that it was cut.
  await expect.poll(async () => JSON.parse((await clerk.deliver(cut, delivery)).text)).toEqual({ outcome: 'APPLIED' });
  expect(await isThere(delivery)).toBe(true);
  await cut.close();
  await link.cut();
});

test('no signature, secret or address gets into the log', async () => {
  const delivery = createdEvent();
  await clerk.deliver(app, delivery, { secrets: [newSecret()] });
  await clerk.deliver(app, saying('ada@example.com'));
  await clerk.deliver(app, saying({ type: 'user.created', data: { email_addresses: 'ada@example.com' } }));
  await clerk.deliver(app, delivery);
  const written = JSON.stringify(lines);
  expect(lines.filter(({ msg }) => msg === 'a webhook was refused').length).toBeGreaterThanOrEqual(3);
  expect(written).toContain(delivery.id);
  for (const secret of ['ada@example.com', 'whsec_', 'v1,']) expect(written).not.toContain(secret);
  expect(lines.filter(({ level }) => level >= 50)).toEqual([]);
});
