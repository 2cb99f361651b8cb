import { verifyWebhook } from '@clerk/backend/webhooks';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Clerk, ClerkAwayError, ClerkRefusedError, readClerkUser } from '../src/platform/clerk.ts';
import { type ClerkOptions, createClerk } from '../src/platform/clerk-client.ts';
import { createPacedClerk } from '../src/platform/clerk-paced.ts';
import { type ClerkApi, createClerkApi } from './support/clerk-api.ts';
import { createTestLog } from './support/log.ts';

// Clerk's Backend API by Clerk's own client; over real HTTP, with a stand-in at the other end.

let api: ClerkApi;
let clerk: Clerk;
const connect = (options: Partial<ClerkOptions> = {}) =>
  createClerk({ secretKey: api.secretKey, apiUrl: api.url, ...options });
beforeEach(async () => {
  api = await createClerkApi();
  clerk = connect();
});
afterEach(() => api.close());

/** What a call throws. */
async function failure(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    (answer) => expect.fail(`Expected an error, and got ${JSON.stringify(answer)}.`),
    (error: unknown) => error,
  );
}

describe('users', () => {
  test('a user is read with their primary address and their own picture', async () => {
    const createdAt = new Date('2026-01-02T03:04:05.678Z');
    const { id } = api.addUser({
      username: 'Ada.L',
      email: 'ada@example.com',
      otherEmails: ['other@example.com'],
      firstName: 'Ada',
      lastName: 'Lovelace',
      imageUrl: 'https://img.clerk.com/ada',
      createdAt,
    });
    expect(await clerk.getUser(id)).toEqual({
      id,
      username: 'Ada.L',
      email: 'ada@example.com',
      firstName: 'Ada',
      lastName: 'Lovelace',
      imageUrl: 'https://img.clerk.com/ada',
      createdAt,
      updatedAt: createdAt,
    });
  });

  test('a user without names, primary address and picture of their own has none', async () => {
    const { id } = api.addUser({ otherEmails: ['unverified@example.com'] });
    const nothing = { username: null, email: null, firstName: null, lastName: null, imageUrl: null };
    expect(await clerk.getUser(id)).toMatchObject(nothing);
  });

  test('whom Clerk does not know is null, whatever is asked of them', async () => {
    const unknown = 'user_nobody';
    expect(await clerk.getUser(unknown)).toBeNull();
    expect(await clerk.updateUsername(unknown, 'nobody')).toBeNull();
    expect(await clerk.updatePublicMetadata(unknown, { done: true })).toBeNull();
    expect(await clerk.updatePicture(unknown, null)).toBeNull();
    await clerk.deleteUser(unknown);
    expect(api.requests.map(({ method }) => method)).toEqual(['GET', 'PATCH', 'PATCH', 'DELETE', 'DELETE']);
  });

  test('a deleted user is gone', async () => {
    const { id } = api.addUser();
    await clerk.deleteUser(id);
    expect(api.user(id)).toBeUndefined();
    expect(await clerk.getUser(id)).toBeNull();
  });

  test('an id that can not be one of its own is that of nobody, and is not sent', async () => {
    for (const id of ['..', '../organizations/org_1', 'user_1/ban', 'user_1?x=1', 'user 1', '']) {
      await clerk.deleteUser(id);
      expect(await clerk.getUser(id), id).toBeNull();
      expect(await clerk.updateUsername(id, 'ada'), id).toBeNull();
    }
    expect(api.requests).toEqual([]);
  });

  test('pages come oldest first, with a count of all', async () => {
    const ids = Array.from(
      { length: 7 },
      (_, n) => api.addUser({ createdAt: new Date(1_000_000 - n) }).id,
    ).toReversed();
    const pages = await Promise.all([0, 3, 6, 9].map((offset) => clerk.listUsers({ limit: 3, offset })));
    expect(pages.map(({ users }) => users.map(({ id }) => id))).toEqual([
      ids.slice(0, 3),
      ids.slice(3, 6),
      ids.slice(6),
      [],
    ]);
    expect(pages.map(({ totalCount }) => totalCount)).toEqual([7, 7, 7, 7]);
  });

  test('a list can start after a moment, or name its users', async () => {
    const [, second, third] = [1_000, 2_000, 3_000].map((ms) => api.addUser({ createdAt: new Date(ms) }).id);
    const later = await clerk.listUsers({ limit: 500, createdAfter: new Date(1_999) });
    expect(later.users.map(({ id }) => id)).toEqual([second, third]);
    const named = await clerk.listUsers({ limit: 100, userIds: [String(third), 'user_nobody'] });
    expect(named).toMatchObject({ users: [{ id: third }], totalCount: 1 });
  });
});

describe('changes', () => {
  test('a username is written, and the state after it answered', async () => {
    const { id, updated_at } = api.addUser({ username: 'ada' });
    const changed = await clerk.updateUsername(id, 'augusta');
    expect(changed).toMatchObject({ username: 'augusta', updatedAt: new Date(api.user(id)?.updated_at ?? 0) });
    expect(api.user(id)?.updated_at).toBeGreaterThan(updated_at);
    expect(api.user(id)?.username).toBe('augusta');
  });

  test('a username that another has in any case, or that Clerk does not allow, is refused', async () => {
    api.addUser({ username: 'Grace' });
    const { id } = api.addUser({ username: 'ada' });
    const taken = await failure(clerk.updateUsername(id, 'gRaCe'));
    expect(taken).toBeInstanceOf(ClerkRefusedError);
    expect(taken).toMatchObject({ status: 422, code: 'form_identifier_exists' });
    expect(await failure(clerk.updateUsername(id, 'a b'))).toMatchObject({ code: 'form_param_format_invalid' });
    expect(await clerk.updateUsername(id, 'ADA')).toMatchObject({ username: 'ADA' });
  });

  test('a username where Clerk is set up without them is no refusal', async () => {
    const { id } = api.addUser();
    api.failWith({ status: 422, code: 'form_param_unknown' });
    expect(await clerk.updateUsername(id, 'ada')).toBe('NO_USERNAMES');
  });

  test('metadata is merged at any depth, and the rest of it stays', async () => {
    const { id } = api.addUser();
    await clerk.updatePublicMetadata(id, { role: 'admin', visage: { complete: false, skippedAt: 'now' } });
    await clerk.updatePublicMetadata(id, { visage: { complete: true, skippedAt: null } });
    expect(api.user(id)?.public_metadata).toEqual({ role: 'admin', visage: { complete: true } });
  });

  test('a picture arrives byte for byte, and can be taken away', async () => {
    const { id } = api.addUser();
    const bytes = new Uint8Array(100_000).map((_, n) => n * 31);
    const changed = await clerk.updatePicture(id, { bytes, mimeType: 'image/webp' });
    expect(api.picture(id)).toEqual({ name: 'picture.webp', type: 'image/webp', bytes: Buffer.from(bytes) });
    expect(changed?.imageUrl).toMatch(/^https:/);
    expect((await clerk.updatePicture(id, null))?.imageUrl).toBeNull();
    expect(api.picture(id)).toBeUndefined();
  });
});

describe('outages', () => {
  const calls: [what: string, call: (id: string) => Promise<unknown>][] = [
    ['getUser', (id) => clerk.getUser(id)],
    ['listUsers', () => clerk.listUsers({ limit: 1 })],
    ['updateUsername', (id) => clerk.updateUsername(id, 'other')],
    ['updatePublicMetadata', (id) => clerk.updatePublicMetadata(id, { a: 1 })],
    ['updatePicture', (id) => clerk.updatePicture(id, { bytes: new Uint8Array(1), mimeType: 'image/png' })],
    ['deleteUser', (id) => clerk.deleteUser(id)],
  ];

  test.each(calls)('%s says that Clerk is away, and never that nobody is there', async (_, call) => {
    const { id } = api.addUser();
    for (const fault of ['reset', 'proxy-404', 'portal', { status: 500 }, { status: 503 }] as const) {
      api.failWith(fault);
      expect(await failure(call(id)), JSON.stringify(fault)).toBeInstanceOf(ClerkAwayError);
      api.recover();
    }
    await api.goAway();
    expect(await failure(call(id))).toBeInstanceOf(ClerkAwayError);
    await api.comeBack();
    await call(id);
  });

  test.each(calls)('%s waits for a limited time', async (_, call) => {
    const { id } = api.addUser();
    clerk = connect({ timeoutMs: 50, longTimeoutMs: 50 });
    api.failWith('hanging');
    const error = await failure(call(id));
    expect(error).toBeInstanceOf(ClerkAwayError);
    expect(error).toMatchObject({ retryAfterMs: null });
  });

  test('one call can have a limit of its own, and a slow answer within it is right', async () => {
    const { id } = api.addUser();
    api.failWith('hanging', { times: 1 });
    expect(await failure(clerk.getUser(id, { timeoutMs: 20 }))).toBeInstanceOf(ClerkAwayError);
    api.failWith({ delayMs: 50 });
    expect(await clerk.getUser(id)).toMatchObject({ id });
  });

  test('too many requests say when to come again', async () => {
    const { id } = api.addUser();
    api.failWith({ status: 429, retryAfter: 7 }, { times: 1 });
    const error = await failure(clerk.getUser(id));
    expect(error).toBeInstanceOf(ClerkAwayError);
    expect(error).toMatchObject({ retryAfterMs: 7_000 });
    expect(await clerk.getUser(id)).toMatchObject({ id });
  });

  test('a 404 that is not about the user is no proof that they are gone', async () => {
    const { id } = api.addUser();
    api.failWith({ status: 404, code: 'not_found' });
    expect(await failure(clerk.getUser(id))).toBeInstanceOf(ClerkAwayError);
  });

  test('a secret key that Clerk does not take is an outage, and an operator reads it once', async () => {
    const { log, lines } = createTestLog();
    clerk = connect({ secretKey: 'sk_test_other', log });
    const { id } = api.addUser();
    for (let count = 0; count < 3; count++) expect(await failure(clerk.getUser(id))).toBeInstanceOf(ClerkAwayError);
    api.failWith({ status: 403, code: 'authorization_invalid' });
    expect(await failure(clerk.deleteUser(id))).toBeInstanceOf(ClerkAwayError);
    expect(lines).toHaveLength(1);
    expect(lines[0]?.msg).toMatch('CLERK_SECRET_KEY');
    expect(JSON.stringify(lines)).not.toMatch('sk_test_other');
  });
});

describe('a pace', () => {
  test('is kept, however much is asked', async () => {
    const { id } = api.addUser();
    const sentAt: number[] = [];
    const noting = {
      ...clerk,
      getUser(userId: string) {
        sentAt.push(performance.now());
        return clerk.getUser(userId);
      },
    };
    const paced = createPacedClerk(noting, { requests: 3, windowMs: 100 });
    for (let count = 0; count < 10; count++) expect(await paced.getUser(id)).toMatchObject({ id });
    const windows = sentAt.slice(3).map((at, index) => at - Number(sentAt[index]));
    // Node's timers may be a millisecond early.
    expect(Math.min(...windows)).toBeGreaterThan(98);
  });

  test('goes with patience: an outage is waited out, a longer one ends in its error', async () => {
    const { id } = api.addUser();
    const waits: number[] = [];
    const retryDelaysMs = [1, 2, 3];
    const paced = createPacedClerk(clerk, {
      requests: 100,
      retryDelaysMs,
      onWait: (_, waitMs) => void waits.push(waitMs),
    });
    api.failWith({ status: 503 }, { times: 3 });
    expect(await paced.getUser(id)).toMatchObject({ id });
    expect(waits).toEqual(retryDelaysMs);
    api.failWith({ status: 503 });
    expect(await failure(paced.listUsers({ limit: 1 }))).toBeInstanceOf(ClerkAwayError);
    api.recover();
    api.failWith({ status: 429, retryAfter: 3_600 });
    waits.length = 0;
    expect(await failure(paced.getUser(id))).toMatchObject({ retryAfterMs: 3_600_000 });
    expect(waits).toEqual([]);
  });
});

describe("a webhook's user", () => {
  test('is read as the one of the Backend API', async () => {
    const user = api.addUser({ username: 'ada', email: 'ada@example.com', imageUrl: 'https://img.clerk.com/ada' });
    expect(readClerkUser(user)).toEqual(await clerk.getUser(user.id));
  });

  test('that is not one says what is wrong, and nothing of what came', () => {
    const user = { ...api.addUser({ firstName: 'Canary' }), created_at: 'Canary' };
    expect(() => readClerkUser(user)).toThrow(/created_at/);
    expect(() => readClerkUser(user)).not.toThrow(/Canary/);
    for (const wrong of [null, 'user_1', [], {}, { ...user, id: '../x' }, { ...user, email_addresses: 'none' }]) {
      expect(() => readClerkUser(wrong)).toThrow(/Expected a user of Clerk/);
    }
  });

  test('keeps to what the database can hold', () => {
    const user = api.addUser({ firstName: 'A\0da', lastName: '\ud800', username: '' });
    expect(readClerkUser(user)).toMatchObject({ firstName: 'Ada', lastName: '\ufffd', username: null });
  });

  test('is sent as Clerk signs it', async () => {
    const user = api.addUser({ email: 'ada@example.com' });
    const received: Request[] = [];
    const target = {
      async fetch(request: Request) {
        received.push(request);
        return new Response('taken', { status: 200 });
      },
    };
    const [created, deleted] = [api.webhook('user.created', user), api.webhook('user.deleted', user)];
    expect(await api.deliver(target, created)).toMatchObject({ status: 200, text: 'taken' });
    await api.deliver(target, created);
    await api.deliver(target, deleted);
    await api.deliver(target, created, { secrets: ['whsec_b3RoZXI='] });
    await api.deliver(target, created, { secrets: ['whsec_b3RoZXI=', api.webhookSecret] });
    await api.deliver(target, created, { at: new Date(Date.now() - 3_600_000) });
    await api.deliver(target, created, { headers: { 'svix-id': 'msg_other' } });

    expect(received.every(({ url }) => url.endsWith('/api/webhooks/clerk'))).toBe(true);
    const ids = received.map(({ headers }) => headers.get('svix-id'));
    expect(ids).toEqual([created.id, created.id, deleted.id, created.id, created.id, created.id, 'msg_other']);
    const verified = await Promise.allSettled(
      received.map((request) => verifyWebhook(request, { signingSecret: api.webhookSecret })),
    );
    const outcomes = verified.map((one) => (one.status === 'fulfilled' ? one.value.type : 'refused'));
    expect(outcomes).toEqual([
      'user.created',
      'user.created',
      'user.deleted',
      'refused',
      'user.created',
      'refused',
      'refused',
    ]);
    expect(verified[0]).toMatchObject({ value: { data: user, object: 'event' } });
    expect(verified[2]).toMatchObject({ value: { data: { id: user.id, object: 'user', deleted: true } } });
  });
});
