import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createTestApp, type TestApp } from './support/app.ts';
import { type ClerkApi, createClerkApi } from './support/clerk-api.ts';
import type { ClerkFault } from './support/clerk-faults.ts';
import { arrive, auditOf, storedUser, withToken } from './support/identity.ts';
import { expectTold, requestsFor, wishesOf } from './support/outbox.ts';
import { asPerson } from './support/person.ts';
import { closeSockets, signIn } from './support/socket.ts';

// A user whom no webhook has announced asks for something.

let clerk: ClerkApi;
let app: TestApp;
/** Another process on the same database. */
let other: TestApp;
/** A server that has no key to ask Clerk with. */
let keyless: TestApp;
beforeAll(async () => {
  clerk = await createClerkApi();
  app = await createTestApp({ env: clerk.env });
  other = await createTestApp({ beside: app, env: clerk.env });
  keyless = await createTestApp({ env: { CLERK_WEBHOOK_SIGNING_SECRET: clerk.webhookSecret } });
});
afterEach(() => {
  clerk.recover();
  closeSockets();
});
afterAll(async () => {
  await other.close();
  await app.close();
  await keyless.close();
  await clerk.close();
});

const me = '{ me { id username email firstName lastName } }';
const lookUpsOf = (id: string) => requestsFor(clerk, 'GET', `/v1/users/${id}`);
const waiting = async (server: TestApp, userId: string) => (await wishesOf(server, userId)).map(({ kind }) => kind);

describe('a first request', () => {
  test('makes the user, as Clerk has them', async () => {
    const { id } = clerk.addUser({ username: 'Ada1815', email: 'ada@example.com', firstName: 'Ada', lastName: 'King' });
    const ada = await withToken(app, id);
    expect(await ada.query(me)).toEqual({
      me: { id, username: 'ada1815', email: 'ada@example.com', firstName: 'Ada', lastName: 'King' },
    });
    expect(await ada.me()).toMatchObject({ preferences: { theme: 'SYSTEM' }, privacy: { profile: 'PUBLIC' } });
    expect(await auditOf(app, id)).toEqual(['user.created by OWNER', 'username.changed by OWNER: username']);
    expect([lookUpsOf(id), await waiting(app, id)]).toEqual([1, []]);
  });

  test('may be that of a socket', async () => {
    const { id } = clerk.addUser({ firstName: 'Ada' });
    const socket = await signIn(await app.listen(), { token: (await withToken(app, id)).token });
    const [answer] = await socket.ask(me);
    expect(answer).toMatchObject({ data: { me: { id, firstName: 'Ada' } } });
  });

  test('that comes 40 times at once, at two servers, and with the webhook, makes one user, and all succeed', async () => {
    for (let round = 0; round < 5; round++) {
      const user = clerk.addUser({ username: `round${round}`, firstName: 'Ada' });
      const { token } = await withToken(app, user.id);
      const people = Array.from({ length: 40 }, (_, index) => asPerson(index % 2 ? app : other, user.id, token));
      const announced = arrive(app, clerk, ['user.created', user]);
      const answers = await Promise.all(people.map((person) => person.ask(me)));
      expect(await announced).toBe('APPLIED');
      for (const answer of answers) {
        expect(answer).toMatchObject({ status: 200, data: { me: { username: `round${round}`, firstName: 'Ada' } } });
      }
      // One look-up a process, whoever else waits.
      expect(lookUpsOf(user.id)).toBeLessThanOrEqual(2);
      const audit = await auditOf(app, user.id);
      expect(audit.filter((entry) => entry.startsWith('user.created'))).toHaveLength(1);
      expect(audit).toHaveLength(2);
    }
  });

  test('costs one look at Clerk, whoever asks in one process at that moment', async () => {
    const { id } = clerk.addUser({ firstName: 'Ada' });
    let answer = () => {};
    clerk.failWith({ until: new Promise<void>((resolve) => (answer = resolve)) });
    const ada = await withToken(app, id);
    const asked = Array.from({ length: 20 }, () => ada.ask(me));
    await expect.poll(() => lookUpsOf(id)).toBe(1);
    answer();
    for (const { status, data } of await Promise.all(asked)) {
      expect([status, data]).toMatchObject([200, { me: { firstName: 'Ada' } }]);
    }
    expect(lookUpsOf(id)).toBe(1);
  });

  test('of a user who is known costs nothing more than it asks for', async () => {
    const { id } = clerk.addUser();
    const ada = await withToken(app, id);
    await ada.query(me);
    app.takeStatements();
    await ada.query(me);
    expect(app.takeStatements()).toHaveLength(1);
    expect(lookUpsOf(id)).toBe(1);
    // Another process finds the user here, and by the statement that the request needs anyway.
    other.takeStatements();
    await asPerson(other, id, ada.token).query(me);
    expect(other.takeStatements()).toHaveLength(1);
    expect(lookUpsOf(id)).toBe(1);
  });

  test('gives way to a newer state that a webhook brought meanwhile', async () => {
    const user = clerk.addUser({ firstName: 'Ada' });
    let answer = () => {};
    clerk.failWith({ until: new Promise<void>((resolve) => (answer = resolve)) }, { times: 1 });
    const asked = (await withToken(app, user.id)).ask(me);
    await expect.poll(() => lookUpsOf(user.id)).toBe(1);
    const newer = { ...user, first_name: 'Augusta', updated_at: user.updated_at + 1_000 };
    expect(await arrive(app, clerk, ['user.updated', newer])).toBe('APPLIED');
    answer();
    expect(await asked).toMatchObject({ status: 200, data: { me: { firstName: 'Augusta' } } });
  });
});

describe('a user whom Clerk does not have', () => {
  const refused = { status: 401, errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] };

  test('is refused, and not made', async () => {
    const nobody = await withToken(app, 'user_nobody');
    for (const query of [me, '{ __typename }']) expect(await nobody.ask(query)).toMatchObject(refused);
    expect(await storedUser(app, nobody.id)).toBeNull();
  });

  test('is refused where the id can not be one of Clerk’s, and nothing waits', async () => {
    for (const id of ['ada@example.com', 'auth0|ada', '../ada']) {
      expect(await (await withToken(app, id)).ask(me), id).toMatchObject(refused);
      expect([await storedUser(app, id), await waiting(app, id)]).toEqual([null, []]);
    }
  });

  test('is let in once Clerk has them', async () => {
    const ada = await withToken(app, 'user_late');
    expect(await ada.ask(me)).toMatchObject(refused);
    clerk.addUser({ id: ada.id, firstName: 'Ada' });
    expect(await ada.query(me)).toMatchObject({ me: { firstName: 'Ada' } });
  });

  test('is refused without asking Clerk where they were deleted, also while Clerk is away', async () => {
    const user = clerk.addUser();
    clerk.removeUser(user.id);
    await arrive(app, clerk, ['user.deleted', user]);
    clerk.failWith('reset');
    for (const server of [app, other]) {
      expect(await asPerson(server, user.id, (await withToken(app, user.id)).token).ask(me)).toMatchObject(refused);
    }
    expect(lookUpsOf(user.id)).toBe(0);
    expect(await storedUser(app, user.id)).toBeNull();
  });

  test('is refused where the news that they were deleted comes while Clerk is asked', async () => {
    const user = clerk.addUser();
    let answer = () => {};
    clerk.failWith({ until: new Promise<void>((resolve) => (answer = resolve)) });
    const asked = (await withToken(app, user.id)).ask(me);
    await expect.poll(() => lookUpsOf(user.id)).toBe(1);
    await arrive(app, clerk, ['user.deleted', user]);
    answer();
    expect(await asked).toMatchObject(refused);
    expect(await storedUser(app, user.id)).toBeNull();
  });

  test('is never here beside their tombstone, if both come at the same moment', async () => {
    for (let round = 0; round < 30; round++) {
      const id = `user_race${round}`;
      const { token } = await withToken(keyless, id);
      const work: Promise<unknown>[] = [arrive(keyless, clerk, ['user.deleted', { id }])];
      work.push(...Array.from({ length: 3 }, () => asPerson(keyless, id, token).ask(me)));
      await Promise.all(round % 2 ? work : work.toReversed());
      expect(await asPerson(keyless, id, token).ask(me)).toMatchObject(refused);
      await expect.poll(() => storedUser(keyless, id)).toBeNull();
    }
  });
});

describe('while Clerk can not tell', () => {
  const faults: [string, ClerkFault][] = [
    ['is away', 'reset'],
    ['says nothing', 'hanging'],
    ['is not well', { status: 500 }],
    ['has had too many requests', { status: 429, retryAfter: 1 }],
    ['does not take our key', { status: 401, code: 'clerk_key_invalid' }],
    ['is hidden by somebody else’s 404', 'proxy-404'],
  ];

  test.each(faults)('since it %s, a user is let in, and filled in later', { timeout: 60_000 }, async (_, fault) => {
    const { id } = clerk.addUser({ email: 'ada@example.com', firstName: 'Ada' });
    clerk.failWith(fault);
    const ada = await withToken(app, id);
    expect(await ada.query(me)).toEqual({ me: { id, username: null, email: null, firstName: null, lastName: null } });
    expect(await waiting(app, id)).toEqual(['REFRESH']);
    await ada.query(me);
    clerk.recover();
    await expectTold(app, id);
    expect(await ada.query(me)).toMatchObject({ me: { email: 'ada@example.com', firstName: 'Ada' } });
    expect(await auditOf(app, id)).toEqual([
      'user.created by OWNER',
      expect.stringContaining('user.changed by CLERK: email, firstName'),
    ]);
  });

  test('since there is no key to ask it with, a user is what the token says, and nothing waits', async () => {
    const { id } = clerk.addUser({ firstName: 'Ada' });
    const ada = await withToken(keyless, id);
    expect(await ada.query(me)).toMatchObject({ me: { id, firstName: null } });
    expect([lookUpsOf(id), await waiting(keyless, id)]).toEqual([0, []]);
    expect(await arrive(keyless, clerk, ['user.created', clerk.user(id) ?? {}])).toBe('APPLIED');
    expect(await ada.query(me)).toMatchObject({ me: { firstName: 'Ada' } });
  });
});
