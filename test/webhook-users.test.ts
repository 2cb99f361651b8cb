import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { type ClerkApi, createClerkApi } from './support/clerk-api.ts';
import type { ClerkUserInput, ClerkUserJson } from './support/clerk-users.ts';
import { followChanges } from './support/follow-changes.ts';
import { arrive, auditOf, storedUser, withToken } from './support/identity.ts';
import { photo } from './support/pictures.ts';
import { closeSockets } from './support/socket.ts';

// What Clerk's users do here when a webhook tells of them.

let clerk: ClerkApi;
let app: TestApp;
let address: string;
beforeAll(async () => {
  clerk = await createClerkApi();
  app = await createTestApp({ env: clerk.env });
  address = await app.listen();
});
afterEach(closeSockets);
afterAll(async () => {
  await app.close();
  await clerk.close();
});

const newUsername = () => `u${randomId()}`;

/** A user of Clerk's whom a webhook has announced. */
async function arrived(input: ClerkUserInput = {}): Promise<ClerkUserJson> {
  const user = clerk.addUser(input);
  expect(await arrive(app, clerk, ['user.created', user])).toBe('APPLIED');
  return user;
}

/** Changes a user in Clerk, and delivers it. */
const change = (id: string, input: ClerkUserInput) => arrive(app, clerk, ['user.updated', clerk.changeUser(id, input)]);

const usernameOf = async (id: string) => (await storedUser(app, id))?.username;
const timesOf = ({ platform }: TestApp, id: string) =>
  platform.db.prisma.user.findUniqueOrThrow({
    where: { id },
    select: { updatedAt: true, profile: { select: { revision: true } } },
  });

describe('a user who is announced', () => {
  test('is here with what Clerk has, and with defaults for what it has not', async () => {
    const username = newUsername();
    const image = 'https://img.clerk.com/ada';
    const { id } = await arrived({
      username: username.toUpperCase(),
      email: 'Ada@example.com',
      otherEmails: ['countess@example.com'],
      firstName: 'Ada',
      lastName: 'Lovelace',
      imageUrl: image,
    });
    const ada = await withToken(app, id);
    expect(await ada.query('{ me { email firstName lastName } }')).toEqual({
      me: { email: 'Ada@example.com', firstName: 'Ada', lastName: 'Lovelace' },
    });
    expect(await ada.me()).toMatchObject({
      id,
      username,
      displayName: username,
      imageUrl: image,
      picture: null,
      profile: { displayName: null },
      preferences: { theme: 'SYSTEM' },
      privacy: { profile: 'PUBLIC' },
    });
    expect(await auditOf(app, id)).toEqual(['user.created by CLERK', 'username.changed by CLERK: username']);
  });

  test('changes with Clerk, and what changed is in the audit log by name alone', async () => {
    const { id } = await arrived({ email: 'ada@example.com', firstName: 'Ada' });
    await change(id, { email: 'augusta@example.com', firstName: null, lastName: 'King' });
    await change(id, { imageUrl: 'https://img.clerk.com/new' });
    expect(await storedUser(app, id)).toEqual({
      username: null,
      email: 'augusta@example.com',
      firstName: null,
      lastName: 'King',
      clerkImageUrl: 'https://img.clerk.com/new',
    });
    expect(await auditOf(app, id)).toEqual([
      'user.created by CLERK',
      'user.changed by CLERK: email, firstName, lastName',
      'user.changed by CLERK: imageUrl',
    ]);
  });

  test('is created by an update that arrives first, and not changed by the creation that comes late', async () => {
    const created = clerk.addUser({ firstName: 'Ada' });
    expect(await change(created.id, { firstName: 'Augusta' })).toBe('APPLIED');
    expect(await arrive(app, clerk, ['user.created', created])).toBe('STALE');
    expect(await storedUser(app, created.id)).toMatchObject({ firstName: 'Augusta' });
    expect(await auditOf(app, created.id)).toEqual(['user.created by CLERK']);
  });

  test('may have the e-mail address of another, and that of an account that was deleted', async () => {
    const email = `${randomId()}@example.com`;
    const [former, other] = [await arrived({ email }), await arrived({ email })];
    clerk.removeUser(former.id);
    expect(await arrive(app, clerk, ['user.deleted', former])).toBe('APPLIED');
    const again = await arrived({ email });
    for (const { id } of [other, again]) expect(await storedUser(app, id)).toMatchObject({ email });
    await expect.poll(() => storedUser(app, former.id)).toBeNull();
    expect((await (await withToken(app, again.id)).me()).email).toBe(email);
  });

  test('costs few statements', async () => {
    // Where nobody was deleted, so that nothing is being erased beside it.
    const fresh = await createTestApp({ env: clerk.env });
    const statementsOf = async (type: string, user: ClerkUserJson) => {
      fresh.takeStatements();
      await arrive(fresh, clerk, [type, user]);
      return fresh.takeStatements().length;
    };
    const user = clerk.addUser({ username: newUsername(), firstName: 'Ada' });
    const nameless = clerk.addUser({ firstName: 'Ada' });
    // The begin and the end of a transaction, the record of the delivery and two locks are among them.
    expect(await statementsOf('user.created', nameless)).toBe(7);
    expect(await statementsOf('user.created', user)).toBe(15);
    expect(await statementsOf('user.updated', clerk.changeUser(user.id, { firstName: 'Augusta' }))).toBe(8);
    expect(await statementsOf('user.updated', clerk.changeUser(user.id, {}))).toBe(7);
    expect(await statementsOf('user.updated', user)).toBe(6);
    await fresh.close();
  });
});

describe('a state', () => {
  test('that is here already changes nothing', async () => {
    const user = await arrived({ username: newUsername(), firstName: 'Ada' });
    const before = [await timesOf(app, user.id), await auditOf(app, user.id)];
    expect(await arrive(app, clerk, ['user.updated', user])).toBe('APPLIED');
    expect(await change(user.id, {})).toBe('APPLIED');
    expect([await timesOf(app, user.id), await auditOf(app, user.id)]).toEqual(before);
  });

  test('that is seen by anyone moves the time of the user, any other does not', async () => {
    const { id } = await arrived({ imageUrl: 'https://img.clerk.com/1' });
    const ada = await withToken(app, id);
    const moves = async (input: ClerkUserInput) => {
      const before = await timesOf(app, id);
      await change(id, input);
      const { updatedAt, profile } = await timesOf(app, id);
      expect(profile?.revision).toBeGreaterThanOrEqual(before.profile?.revision ?? 0);
      return {
        time: updatedAt > before.updatedAt,
        told: (profile?.revision ?? 0) > (before.profile?.revision ?? 0),
      };
    };
    expect(await moves({ email: 'ada@example.com', lastName: 'King' })).toEqual({ time: false, told: true });
    expect(await moves({ imageUrl: 'https://img.clerk.com/2' })).toEqual({ time: true, told: true });
    expect(await moves({ username: newUsername() })).toEqual({ time: true, told: true });
    await ada.upload(await photo([64, 64]));
    // The uploaded picture hides Clerk's; in the owner's audit log it stands all the same.
    expect((await moves({ imageUrl: null })).time).toBe(false);
    expect((await auditOf(app, id)).at(-1)).toBe('user.changed by CLERK: imageUrl');
  });

  test('reaches whoever is subscribed', async () => {
    const { id } = await arrived();
    const ada = await withToken(app, id);
    const query = 'subscription ($ids: [ID!]) { profileUpdated(userIds: $ids) { username imageUrl lastName } }';
    const changes = await followChanges<object>({ app, address }, ada.token, { query, variables: { ids: [id] } });
    const username = newUsername();
    const imageUrl = 'https://img.clerk.com/ada';
    await change(id, { username, lastName: 'King', imageUrl });
    expect(await changes.next()).toEqual({ username, lastName: 'King', imageUrl });
    await change(id, { lastName: 'Lovelace' });
    expect(await changes.next()).toEqual({ username, lastName: 'Lovelace', imageUrl });
  });
});

describe('a user who is deleted in Clerk', () => {
  test('is gone, and neither a late webhook nor an old token brings them back', async () => {
    const user = await arrived({ username: newUsername(), email: 'ada@example.com' });
    const ada = await withToken(app, user.id);
    await ada.me();
    clerk.removeUser(user.id);
    expect(await arrive(app, clerk, ['user.deleted', user])).toBe('APPLIED');
    for (const token of [ada, await withToken(app, user.id)]) {
      expect(await token.ask('{ me { id } }')).toMatchObject({
        status: 401,
        errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
      });
    }
    for (const type of ['user.created', 'user.updated', 'user.deleted']) {
      expect(await arrive(app, clerk, [type, { ...user, updated_at: Date.now() + 60_000 }])).toBe('STALE');
    }
    await expect.poll(() => storedUser(app, user.id)).toBeNull();
    expect(await app.platform.db.prisma.webhookDelivery.count({ where: { userId: user.id } })).toBe(0);
  });

  test('before anything was heard of them never comes to be here', async () => {
    const user = clerk.addUser();
    expect(await arrive(app, clerk, ['user.deleted', user])).toBe('APPLIED');
    expect(await arrive(app, clerk, ['user.created', user])).toBe('STALE');
    // Clerk itself still answers for them here.
    const { status } = await (await withToken(app, user.id)).ask('{ me { id } }');
    expect(status).toBe(401);
    expect(await storedUser(app, user.id)).toBeNull();
  });

  test('has an open socket closed', async () => {
    const { id } = await arrived();
    const { socket } = await followChanges({ app, address }, (await withToken(app, id)).token, {
      query: 'subscription { profileUpdated { id } }',
    });
    await arrive(app, clerk, ['user.deleted', { id }]);
    expect(await socket.closed).toMatchObject({ code: 4403 });
  });
});

describe('a username from Clerk', () => {
  const conflicts = async () => {
    const text = await (await app.fetch(new Request('http://visage.test/metrics'))).text();
    return Number.parseInt(/^visage_clerk_username_conflicts (\d+)$/m.exec(text)?.[1] ?? '', 10);
  };

  test('is taken over when it changes there, and the former one is held', async () => {
    const [first, second] = [newUsername(), newUsername()];
    const { id } = await arrived({ username: first });
    await change(id, { username: second });
    expect(await usernameOf(id)).toBe(second);
    const { id: other } = await arrived({ username: first });
    expect(await usernameOf(other)).toBeNull();
    expect((await auditOf(app, other)).at(-1)).toBe('username.conflict by CLERK: username');
  });

  test('has Clerk’s limits, not ours', async () => {
    const { id } = await arrived();
    const names = Array.from({ length: 8 }, newUsername);
    for (const username of names) await change(id, { username });
    expect(await usernameOf(id)).toBe(names.at(-1));
  });

  test('that is gone there stays here', async () => {
    const username = newUsername();
    const { id } = await arrived({ username });
    await change(id, { username: null, firstName: 'Ada' });
    expect(await storedUser(app, id)).toMatchObject({ username, firstName: 'Ada' });
  });

  test('is no change when it is the one that Clerk told before, in any case', async () => {
    const [told, chosen] = [newUsername(), newUsername()];
    const { id } = await arrived({ username: told });
    const { prisma } = app.platform.db;
    // Chosen here, where Clerk isn't told.
    await prisma.user.update({ where: { id }, data: { username: chosen } });
    for (const input of [
      { firstName: 'Ada' },
      { username: told.toUpperCase() },
      { username: null },
      { username: told },
    ]) {
      await change(id, input);
      expect(await usernameOf(id)).toBe(chosen);
    }
    const next = newUsername();
    await change(id, { username: next });
    expect(await usernameOf(id)).toBe(next);
  });

  test('that is an echo of our own change changes nothing', async () => {
    const { id } = await arrived();
    const username = newUsername();
    const ada = await withToken(app, id);
    await ada.upsertProfile({ username });
    const before = [await timesOf(app, id), await auditOf(app, id)];
    expect(await change(id, { username: username.toUpperCase() })).toBe('APPLIED');
    expect([await timesOf(app, id), await auditOf(app, id)]).toEqual(before);
  });

  test('gives way to one that was chosen here and that Clerk is yet to be told of', async () => {
    const { id } = await arrived();
    clerk.failWith({ status: 503 }, { method: 'PATCH', path: `/v1/users/${id}` });
    const chosen = newUsername();
    await (await withToken(app, id)).upsertProfile({ username: chosen });
    expect(await change(id, { username: newUsername() })).toBe('APPLIED');
    expect(await usernameOf(id)).toBe(chosen);
    clerk.recover();
  });

  test.each<[string, () => Promise<string>]>([
    [
      'somebody else has',
      async () => {
        const username = newUsername();
        await arrived({ username });
        return username;
      },
    ],
    [
      'is held for somebody who left',
      async () => {
        const username = newUsername();
        await arrive(app, clerk, ['user.deleted', await arrived({ username })]);
        return username;
      },
    ],
    ['is reserved', async () => 'ad_min'],
    ['is not allowed here', async () => 'ada-lovelace'],
  ])('that %s is a conflict, told once, and the user keeps the one they have', async (_, toUsername) => {
    const [username, kept] = [await toUsername(), newUsername()];
    const { id } = await arrived({ username: kept });
    const before = await conflicts();
    expect(before).toBeGreaterThanOrEqual(0);
    expect(await change(id, { username, firstName: 'Ada' })).toBe('APPLIED');
    expect(await change(id, { lastName: 'King' })).toBe('APPLIED');
    expect(await storedUser(app, id)).toMatchObject({ username: kept, firstName: 'Ada', lastName: 'King' });
    expect((await auditOf(app, id)).filter((entry) => entry.startsWith('username.conflict'))).toHaveLength(1);
    expect(await conflicts()).toBe(before + 1);
    const free = newUsername();
    await change(id, { username: free });
    expect(await usernameOf(id)).toBe(free);
  });

  test('goes to one of many to whom Clerk gives it at the same moment, here', async () => {
    const username = newUsername();
    const people = Array.from({ length: 10 }, () => clerk.addUser({ username }));
    await Promise.all(people.map((user) => arrive(app, clerk, ['user.created', user])));
    const names = await Promise.all(people.map(({ id }) => usernameOf(id)));
    expect(names.filter((name) => name === username)).toHaveLength(1);
    expect(names.filter((name) => name === null)).toHaveLength(9);
  });
});
