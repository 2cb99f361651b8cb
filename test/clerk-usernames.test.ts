import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { type ClerkApi, createClerkApi } from './support/clerk-api.ts';
import type { ClerkFault } from './support/clerk-faults.ts';
import { send } from './support/http.ts';
import { arrive, auditOf } from './support/identity.ts';
import { createClerkPerson, eventually, expectTold, requestsFor, wishesOf } from './support/outbox.ts';
import { createPerson, type Person } from './support/person.ts';

let clerk: ClerkApi;
let app: TestApp;
beforeAll(async () => {
  clerk = await createClerkApi();
  app = await createTestApp({ env: clerk.env });
});
afterEach(() => clerk.recover());
afterAll(async () => {
  await app.close();
  await clerk.close();
});

const newUsername = () => `u${randomId()}`;
const pathOf = ({ id }: Person) => `/v1/users/${id}`;
const atClerk = ({ id }: Person) => clerk.user(id)?.username;
const changing = (person: Person, username: string) =>
  person.ask<{ upsertProfile: { __typename: string } }, object>(
    `mutation ($username: String!) { upsertProfile(input: { username: $username, bio: "new" }) {
      __typename ... on UserError { message } ... on InvalidInputError { fields { path message } }
      ... on UsernameTakenError { suggestions } } }`,
    { username },
  );
const change = async (person: Person, username: string) => {
  const { data, errors } = await changing(person, username);
  expect(errors).toBeUndefined();
  return data.upsertProfile;
};
const here = async (person: Person) => {
  const { username, updatedAt, profile } = await person.me();
  return { username, updatedAt, bio: profile?.bio };
};

describe('a username that is chosen here', () => {
  test('is the same in Clerk at once, and what Clerk tells of it afterwards changes nothing', async () => {
    const [ada, first, second] = [await createClerkPerson(app, clerk), newUsername(), newUsername()];
    const echoes = [];
    for (const username of [first, second]) {
      expect(await change(ada, username)).toMatchObject({ __typename: 'Profile' });
      expect([atClerk(ada), (await ada.me()).username]).toEqual([username, username]);
      echoes.push(clerk.user(ada.id) ?? {});
    }
    expect(await wishesOf(app, ada.id)).toEqual([]);
    for (const echo of echoes) await arrive(app, clerk, ['user.updated', echo]);
    expect((await ada.me()).username).toBe(second);
    expect(await auditOf(app, ada.id)).not.toContain('username.changed by CLERK: username');
    expect(requestsFor(clerk, 'PATCH', pathOf(ada))).toBe(2);
  });

  test('is told once, however often it is chosen again', async () => {
    const [ada, username] = [await createClerkPerson(app, clerk), newUsername()];
    for (const same of [username, username.toUpperCase(), username]) await change(ada, same);
    expect(requestsFor(clerk, 'PATCH', pathOf(ada))).toBe(1);
  });

  test('stays here alone where there is no Clerk', async () => {
    const alone = await createTestApp();
    const ada = await createPerson(alone);
    await ada.upsertProfile({ username: newUsername() });
    expect(await wishesOf(alone)).toEqual([]);
    await alone.close();
  });
});

describe('where Clerk is set up without usernames', () => {
  const withoutUsernames = { status: 422, code: 'form_param_unknown' };

  test('they stay here alone', async () => {
    const [ada, first, second] = [await createClerkPerson(app, clerk), newUsername(), newUsername()];
    clerk.failWith(withoutUsernames, { method: 'PATCH', path: pathOf(ada) });
    for (const username of [first, second]) {
      expect(await change(ada, username)).toMatchObject({ __typename: 'Profile' });
      expect(await here(ada)).toMatchObject({ username });
    }
    await arrive(app, clerk, ['user.updated', clerk.changeUser(ada.id, { firstName: 'Ada' })]);
    expect([atClerk(ada), (await ada.me()).username]).toEqual([null, second]);
    expect(await wishesOf(app, ada.id)).toEqual([]);
  });

  test('one that waited to be sent is no conflict', async () => {
    const [ada, username] = [await createClerkPerson(app, clerk), newUsername()];
    clerk.failWith(withoutUsernames, { method: 'PATCH', path: pathOf(ada) });
    clerk.failWith('reset', { method: 'PATCH', path: pathOf(ada), times: 1 });
    await change(ada, username);
    await expectTold(app, ada.id);
    expect(requestsFor(clerk, 'PATCH', pathOf(ada))).toBe(2);
    expect((await ada.me()).username).toBe(username);
    expect(await auditOf(app, ada.id)).not.toContain('username.conflict by CLERK: username');
  }, 60_000);
});

describe('a username that Clerk refuses', () => {
  const unchanged = async (work: (ada: Person) => Promise<void>) => {
    const ada = await createClerkPerson(app, clerk);
    await change(ada, newUsername());
    const [before, audited] = [await here(ada), await auditOf(app, ada.id)];
    await work(ada);
    expect(await here(ada)).toEqual(before);
    expect(await auditOf(app, ada.id)).toEqual(audited);
    expect(await wishesOf(app, ada.id)).toEqual([]);
    expect(atClerk(ada)).toBe(before.username);
  };

  test('since somebody has it there is taken, and nothing changes here', () =>
    unchanged(async (ada) => {
      const username = newUsername();
      clerk.addUser({ username });
      const refusal = await change(ada, username);
      expect(refusal).toMatchObject({ __typename: 'UsernameTakenError', suggestions: { length: 3 } });
      // It is nobody's here.
      expect(await change(await createClerkPerson(app, clerk), `${username.slice(0, 17)}_2`)).toMatchObject({
        __typename: 'Profile',
      });
    }));

  test('by rules of its own is invalid, in its own words, and nothing changes here', () =>
    unchanged(async (ada) => {
      clerk.failWith({ status: 422, code: 'form_username_invalid_character' }, { method: 'PATCH' });
      const message = 'form username invalid character, at length';
      expect(await change(ada, newUsername())).toMatchObject({
        __typename: 'InvalidInputError',
        fields: [{ path: 'username', message }],
      });
    }));

  test('with the user as such is no longer signed in', async () => {
    const ada = await createClerkPerson(app, clerk);
    const before = await here(ada);
    clerk.removeUser(ada.id);
    const { errors } = await changing(ada, newUsername());
    expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
    expect(await here(ada)).toEqual(before);
  });
});

describe('while Clerk is away', () => {
  test.each<[string, ClerkFault]>([
    ['breaks connections', 'reset'],
    ['says nothing', 'hanging'],
    ['has an error', { status: 500 }],
    ['wants to be left alone', { status: 429, retryAfter: 1 }],
    ['is somebody else', 'portal'],
    ['does not take the key', { status: 401, code: 'clerk_key_invalid' }],
  ])(
    'or %s, a username changes here, and there as soon as it is back',
    async (_, fault) => {
      const [ada, username] = [await createClerkPerson(app, clerk), newUsername()];
      clerk.failWith(fault, { path: pathOf(ada) });
      expect(await change(ada, username)).toMatchObject({ __typename: 'Profile' });
      expect([atClerk(ada), (await ada.me()).username]).toEqual([null, username]);
      expect(await wishesOf(app, ada.id)).toMatchObject([{ kind: 'USERNAME' }]);
      clerk.recover();
      await expectTold(app, ada.id);
      expect(atClerk(ada)).toBe(username);
      await arrive(app, clerk, ['user.updated', clerk.user(ada.id) ?? {}]);
      expect((await ada.me()).username).toBe(username);
      expect(await auditOf(app, ada.id)).not.toContain('username.changed by CLERK: username');
    },
    60_000,
  );

  test('the newest of several choices is the one that Clerk is told', async () => {
    const [ada, newest] = [await createClerkPerson(app, clerk), newUsername()];
    clerk.failWith('reset', { path: pathOf(ada) });
    for (const username of [newUsername(), newUsername(), newest]) await change(ada, username);
    expect(await wishesOf(app, ada.id)).toHaveLength(1);
    clerk.recover();
    await expectTold(app, ada.id);
    expect([atClerk(ada), (await ada.me()).username]).toEqual([newest, newest]);
  }, 60_000);

  test('a choice that is made while another is on its way is not lost', async () => {
    const [ada, slow, newest] = [await createClerkPerson(app, clerk), newUsername(), newUsername()];
    const scope = { path: pathOf(ada), method: 'PATCH' };
    let letThrough = () => {};
    const until = new Promise<void>((resolve) => {
      letThrough = resolve;
    });
    // The newest fault comes first.
    clerk.failWith({ until }, { ...scope, times: 1 });
    clerk.failWith('reset', { ...scope, times: 1 });
    await change(ada, slow);
    await vi.waitFor(() => expect(requestsFor(clerk, 'PATCH', pathOf(ada))).toBe(2), eventually);
    await change(ada, newest);
    letThrough();
    await expectTold(app, ada.id);
    await vi.waitFor(() => expect(atClerk(ada)).toBe(newest), eventually);
    expect((await ada.me()).username).toBe(newest);
  }, 60_000);

  test('what it tells late does not undo a choice that it has not been told of', async () => {
    const [ada, mine] = [await createClerkPerson(app, clerk), newUsername()];
    clerk.failWith('reset', { path: pathOf(ada) });
    await change(ada, mine);
    await arrive(app, clerk, ['user.updated', clerk.changeUser(ada.id, { username: newUsername() })]);
    expect((await ada.me()).username).toBe(mine);
    clerk.recover();
    await expectTold(app, ada.id);
    expect([atClerk(ada), (await ada.me()).username]).toEqual([mine, mine]);
  }, 60_000);

  test('a username that Clerk turns out to refuse stays here, and the conflict is on record', async () => {
    const [ada, username] = [await createClerkPerson(app, clerk), newUsername()];
    clerk.failWith('reset', { path: pathOf(ada) });
    await change(ada, username);
    clerk.addUser({ username });
    clerk.recover();
    await expectTold(app, ada.id);
    expect([atClerk(ada), (await ada.me()).username]).toEqual([null, username]);
    expect(await auditOf(app, ada.id)).toContain('username.conflict by CLERK: username');
    const { text } = await send(app, '/metrics');
    expect(text).toMatch(/visage_clerk_sends_total\{kind="USERNAME",outcome="REFUSED"\} [1-9]/);
  }, 60_000);

  test('only so many changes wait for it at once: the next is made here and told later', async () => {
    const [ada, username] = [await createClerkPerson(app, clerk), newUsername()];
    const { clerkGate } = app.platform;
    let open = () => {};
    const isOpen = new Promise<void>((resolve) => {
      open = resolve;
    });
    const busy = Array.from({ length: 3 }, () => clerkGate.run(() => isOpen));
    // Asked at once, Clerk would refuse it.
    clerk.addUser({ username });
    expect(await change(ada, username)).toMatchObject({ __typename: 'Profile' });
    open();
    await Promise.all(busy);
    await expectTold(app, ada.id);
    expect(await auditOf(app, ada.id)).toContain('username.conflict by CLERK: username');
  }, 60_000);
});
