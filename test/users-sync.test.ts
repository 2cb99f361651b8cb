import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { lastReconciliation } from '../src/modules/identity/reconcile-store.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { type ClerkApi, createClerkApi } from './support/clerk-api.ts';
import type { ClerkFaultScope } from './support/clerk-faults.ts';
import { postJson } from './support/http.ts';
import { asPerson, type Person } from './support/person.ts';
import { dump, runSync, type SyncOptions, spawnSync } from './support/users-sync.ts';

let clerk: ClerkApi;
let app: TestApp;
beforeEach(async () => {
  // Of a production instance: ten times the pace.
  clerk = await createClerkApi({ secretKey: 'sk_live_stand_in' });
  app = await createTestApp({ env: clerk.env });
});
afterEach(async () => {
  await app.close();
  await clerk.close();
});

const sync = (args: string[] = [], options: SyncOptions = {}) => runSync(app, clerk, args, options);
/** Runs users:sync, and fails unless it ends well. */
async function synced(): Promise<string[]> {
  const { lines, failure } = await sync();
  expect(failure).toBeNull();
  return lines;
}
const ids = async () => (await users()).map(({ id }) => id).sort();
const users = () => app.platform.db.prisma.user.findMany({ where: { closedAt: null } });
const find = (id: string) => app.platform.db.prisma.user.findUniqueOrThrow({ where: { id } });
const auditOf = async (userId: string) =>
  (await app.platform.db.prisma.auditEntry.findMany({ where: { userId }, orderBy: { id: 'asc' } })).map(
    ({ action, actor, changedFields }) => `${action} ${changedFields.join(',')} by ${actor}`,
  );
const signIn = async (id: string): Promise<Person> => asPerson(app, id, await app.sign({ sub: id }));
/** Users in Clerk, one created a second after the other. */
const addUsers = (count: number, startAt = Date.now() - 3_600_000) =>
  Array.from({ length: count }, (_, n) =>
    clerk.addUser({ createdAt: new Date(startAt + n * 1_000), firstName: `N${n}` }),
  );
/** Requests for lists of certain users. */
const listsOfIds = () => clerk.requests.filter(({ path, query }) => path === '/v1/users' && query.has('user_id'));
const listRequests = () => clerk.requests.filter(({ path, query }) => path === '/v1/users' && !query.has('user_id'));

describe('users who are missing here', () => {
  test('are created as Clerk has them, and can sign in', async () => {
    const ada = clerk.addUser({
      username: 'Ada_L',
      email: 'ada@example.com',
      firstName: 'Ada',
      lastName: 'Lovelace',
      imageUrl: 'https://img.clerk.com/ada',
    });
    await synced();
    expect(await find(ada.id)).toMatchObject({
      username: 'ada_l',
      email: 'ada@example.com',
      firstName: 'Ada',
      lastName: 'Lovelace',
      clerkImageUrl: 'https://img.clerk.com/ada',
      clerkUsername: 'ada_l',
      clerkUpdatedAt: new Date(ada.updated_at),
    });
    expect(await auditOf(ada.id)).toEqual([
      'user.created  by RECONCILIATION',
      'username.changed username by RECONCILIATION',
    ]);
    const person = await signIn(ada.id);
    expect(await person.me()).toMatchObject({ id: ada.id, username: 'ada_l', email: 'ada@example.com' });
    expect(await person.query('{ me { profile { completion { percentage } } privacy { profile } } }')).toMatchObject({
      me: { privacy: { profile: 'PUBLIC' } },
    });
  });

  test('do without a username that is not allowed here, or somebody else has', async () => {
    const first = clerk.addUser({ username: 'ada', createdAt: new Date(1_000) });
    await synced();
    const [taken, reserved, free] = [
      clerk.addUser({ username: 'ADA', createdAt: new Date(2_000) }),
      clerk.addUser({ username: 'admin' }),
      clerk.addUser({ username: 'grace' }),
    ];
    expect(await synced()).toEqual(expect.arrayContaining(['created             3', 'username conflicts  2']));
    const names = await Promise.all([first, taken, reserved, free].map(async ({ id }) => (await find(id)).username));
    expect(names).toEqual(['ada', null, null, 'grace']);
    expect(await auditOf(taken.id)).toEqual([
      'user.created  by RECONCILIATION',
      'username.conflict username by RECONCILIATION',
    ]);
  });

  test('are told of once more by a webhook, and nothing changes', async () => {
    const ada = clerk.addUser({ username: 'ada', email: 'ada@example.com' });
    await synced();
    const before = await find(ada.id);
    expect(await clerk.deliver(app, clerk.webhook('user.created', ada))).toMatchObject({ status: 200 });
    expect(await find(ada.id)).toEqual(before);
  });

  test('are created one by one where together they cannot be, and one who cannot be is counted', async () => {
    const [good, bad, other] = addUsers(3);
    await app.platform.db.prisma.$executeRawUnsafe(
      `alter table users add constraint refused check (id <> '${bad?.id}')`,
    );
    const { lines, failure } = await sync();
    expect(lines).toEqual(expect.arrayContaining(['created             2', 'failed              1']));
    expect(failure).toBe('1 user is not repaired; the log says why.');
    expect(await ids()).toEqual([good?.id, other?.id].sort());
  });
});

describe('users who differ', () => {
  test('get what Clerk has, and each field is counted', async () => {
    const [ada, grace] = [clerk.addUser({ username: 'ada', email: 'ada@example.com' }), clerk.addUser()];
    await synced();
    clerk.changeUser(ada.id, { email: 'augusta@example.com', username: 'augusta', firstName: 'Augusta' });
    clerk.changeUser(grace.id, { email: 'grace@example.com', imageUrl: 'https://img.clerk.com/grace' });
    const lines = await synced();
    expect(lines).toContain('created             0');
    expect(lines.find((line) => line.startsWith('changed'))).toMatch(
      /^changed {13}2 \((?=.*email 2)(?=.*username 1)(?=.*firstName 1)(?=.*imageUrl 1).*\)$/,
    );
    expect(await find(ada.id)).toMatchObject({
      username: 'augusta',
      email: 'augusta@example.com',
      firstName: 'Augusta',
    });
    expect(await auditOf(ada.id)).toContain('username.changed username by RECONCILIATION');
    expect(await synced()).toContain('changed             0');
  });

  test('are left alone where what is here is newer', async () => {
    const ada = clerk.addUser({ firstName: 'Ada' });
    await synced();
    const newer = { ...ada, first_name: 'Augusta', updated_at: ada.updated_at + 5_000 };
    await clerk.deliver(app, clerk.webhook('user.updated', newer));
    expect(await synced()).toContain('changed             0');
    expect((await find(ada.id)).firstName).toBe('Augusta');
  });

  test('and agree but for the time of it are as new as Clerk says: a late webhook from between changes nothing', async () => {
    const ada = clerk.addUser({ firstName: 'Ada' });
    await synced();
    const between = clerk.changeUser(ada.id, { firstName: 'Between' });
    const last = clerk.changeUser(ada.id, { firstName: 'Ada' });
    expect(await synced()).toContain('changed             0');
    expect((await find(ada.id)).clerkUpdatedAt).toEqual(new Date(last.updated_at));
    await clerk.deliver(app, clerk.webhook('user.updated', between));
    expect((await find(ada.id)).firstName).toBe('Ada');
  });

  test('keep the username that they chose here, and the one that Clerk cannot give them', async () => {
    const [ada, grace] = [clerk.addUser({ username: 'ada' }), clerk.addUser({ username: 'grace' })];
    await synced();
    clerk.failWith({ status: 503 }, { method: 'PATCH' });
    await (await signIn(ada.id)).upsertProfile({ username: 'chosen_here' });
    clerk.changeUser(grace.id, { username: 'chosen_here' });
    const { lines } = await sync();
    expect(lines).toContain('username conflicts  1');
    expect((await find(ada.id)).username).toBe('chosen_here');
    expect((await find(grace.id)).username).toBe('grace');
  });
});

describe('users whom Clerk no longer has', () => {
  test('are erased after its own 404, and do not come back', async () => {
    const [ada, grace] = [clerk.addUser({ username: 'ada', email: 'ada@example.com' }), clerk.addUser()];
    await synced();
    const late = clerk.webhook('user.updated', clerk.changeUser(ada.id, { firstName: 'Late' }));
    clerk.removeUser(ada.id);
    expect(await synced()).toContain('erased              1');
    expect(await ids()).toEqual([grace.id]);
    await clerk.deliver(app, late);
    expect(await ids()).toEqual([grace.id]);
    const authorization = `Bearer ${await app.sign({ sub: ada.id })}`;
    expect(await postJson(app, { query: '{ me { id } }' }, { authorization })).toMatchObject({ status: 401 });
    expect(await synced()).toContain('erased              0');
  });

  test('stay as long as something else than Clerk answers', async () => {
    const { id } = clerk.addUser();
    await synced();
    clerk.failWith({ status: 404, code: 'not_found' }, { method: 'GET', path: `/v1/users/${id}` });
    clerk.removeUser(id);
    const stopped = await sync([], { stopAt: /Trying again/ });
    expect(stopped.failure).toMatch(/was stopped/);
    clerk.failWith('proxy-404');
    expect((await sync([], { stopAt: /Trying again/ })).failure).toMatch(/was stopped/);
    expect(await ids()).toEqual([id]);
    clerk.recover();
    expect(await synced()).toContain('erased              1');
  });

  test('are not guessed from a list that left somebody out', async () => {
    const [first, second] = addUsers(2);
    await synced();
    for (const user of [first, second]) clerk.unlisted.add(String(user?.id));
    expect(await synced()).toContain('erased              0');
    expect(await ids()).toHaveLength(2);
  });

  test('are nobody whom Clerk never had: the demo people, and made-up users', async () => {
    await app.platform.db.prisma.user.createMany({
      data: [{ id: 'user_demo_ada' }, { id: 'user_seed_1' }, { id: 'ada' }],
    });
    expect(await synced()).toContain('erased              0');
    expect(await ids()).toEqual(['ada', 'user_demo_ada', 'user_seed_1']);
    expect(clerk.requests.some(({ path }) => path.includes('demo'))).toBe(false);
  });

  test('are left to the next run where they came while this one was at work', async () => {
    addUsers(1);
    let open = () => {};
    clerk.failWith(
      {
        until: new Promise<void>((resolve) => {
          open = resolve;
        }),
      },
      { path: '/v1/users', times: 1 },
    );
    const { id } = await app.platform.db.prisma.user.create({ data: { id: 'user_early' } });
    const running = sync();
    await vi.waitFor(() => expect(listsOfIds()).toHaveLength(1), { timeout: 20_000 });
    await app.platform.db.prisma.user.create({ data: { id: 'user_zlate' } });
    await app.platform.db.prisma.user.update({
      where: { id },
      data: { clerkUpdatedAt: new Date(Date.now() + 60_000) },
    });
    open();
    expect((await running).lines).toContain('erased              0');
    expect(await ids()).toEqual(expect.arrayContaining([id, 'user_zlate']));
  });

  test('are refused where they are too many: it is another Clerk, and nothing is written', async () => {
    addUsers(3);
    await app.platform.db.prisma.user.createMany({
      data: Array.from({ length: 11 }, (_, n) => ({ id: `user_other${n}` })),
    });
    const refused = await sync();
    expect(refused.failure).toMatch(/Clerk doesn't know 11 of the first 11 users here, and at most 10 would be erased/);
    expect(await ids()).toHaveLength(11);
    const allowed = await sync(['--max-erased', '11']);
    expect(allowed).toMatchObject({
      failure: null,
      lines: expect.arrayContaining(['erased              11', 'created             3']),
    });
    expect(await ids()).toHaveLength(3);
  });

  test('are refused where they are all there are, however few: it is another Clerk', async () => {
    const clerks = addUsers(2);
    const ours = ['user_ada', 'user_grace'];
    await app.platform.db.prisma.user.createMany({ data: ours.map((id) => ({ id })) });
    for (const args of [['--dry-run'], []]) {
      const { failure } = await sync(args);
      expect(failure).toMatch(/Clerk doesn't know 2 of the first 2 users here, and at most 1 would be erased/);
      expect(await ids()).toEqual(ours);
    }
    expect(await sync(['--max-erased', '2'])).toMatchObject({ failure: null });
    expect(await ids()).toEqual(clerks.map(({ id }) => id).sort());
  });

  test('here are told of, where Clerk still has them, and not created again', async () => {
    const ada = clerk.addUser({ username: 'ada' });
    await synced();
    clerk.failWith({ status: 503 }, { method: 'DELETE' });
    await (await signIn(ada.id)).query('mutation { deleteAccount(confirmation: "ada") { __typename } }');
    expect(await synced()).toEqual(expect.arrayContaining(['created             0', 'deleted here only   1']));
    expect(await ids()).toEqual([]);
  });
});

describe('the walk', { timeout: 240_000 }, () => {
  test('of several thousand users finds each once, in batches, many of them of the same moment', async () => {
    const moment = new Date(Date.now() - 1_800_000);
    addUsers(900);
    for (let n = 0; n < 1_300; n++) clerk.addUser({ createdAt: moment, username: `same_moment_${n}` });
    addUsers(800, Date.now() - 900_000);
    expect(await synced()).toEqual(expect.arrayContaining(['created             3000', 'failed              0']));
    expect(await ids()).toHaveLength(3_000);
    expect(await app.platform.db.prisma.usernameHistory.count({ where: { releasedAt: null } })).toBe(1_300);
    clerk.requests.length = 0;
    const again = await synced();
    expect(again).toEqual(
      expect.arrayContaining(['created             0', 'changed             0', 'erased              0']),
    );
    expect(clerk.requests.filter(({ path }) => path !== '/v1/users' && path !== '/v1/users/count')).toEqual([]);
  });

  test('misses nobody while users come and go', async () => {
    const crowd = addUsers(700);
    const release = hold({ path: '/v1/users', times: 1, skip: 1 });
    const running = sync();
    await release.whenHeld();
    for (const { id } of crowd.slice(0, 60)) clerk.removeUser(id);
    const newcomer = clerk.addUser({ createdAt: new Date(Date.now() + 1_000) });
    release.open();
    expect((await running).failure).toBeNull();
    expect(await ids()).toEqual(expect.arrayContaining([...crowd.slice(60).map(({ id }) => id), newcomer.id]));
    expect(await sync(['--max-erased', '60'])).toMatchObject({
      lines: expect.arrayContaining(['erased              60']),
    });
    expect(await ids()).toHaveLength(641);
  });

  test('goes on where it was killed', async () => {
    const crowd = addUsers(700);
    const release = hold({ path: '/v1/users', skip: 1 });
    const child = spawnSync(app, clerk);
    await release.whenHeld();
    expect((await ids()).length).toBe(500);
    await child.kill9();
    await vi.waitFor(async () => expect(await locks()).toBe(0), { timeout: 20_000 });
    clerk.recover();
    release.open();
    expect(await lastReconciliation(app.platform)).toBeNull();
    clerk.requests.length = 0;
    const lines = await synced();
    expect(lines).toEqual(
      expect.arrayContaining(['going on with a run that was broken off after 500 users', 'created             700']),
    );
    const starts = listRequests().map(({ query }) => query.has('created_at_after'));
    expect(starts).toEqual([true]);
    expect(await ids()).toEqual(crowd.map(({ id }) => id).sort());
  });

  test('goes on where it was stopped', async () => {
    addUsers(600);
    clerk.failWith({ status: 503 }, { path: '/v1/users', skip: 1 });
    const stopped = await sync([], { stopAt: /Trying again/ });
    expect(stopped.failure).toBe('users:sync was stopped. The next users:sync goes on where this one was.');
    clerk.recover();
    expect(await synced()).toContain('going on with a run that was broken off after 500 users');
    expect(await synced()).not.toContain('going on with a run that was broken off after 600 users');
    expect(await ids()).toHaveLength(600);
  });
});

describe('Clerk', () => {
  test('is asked again when it says, after too many requests', async () => {
    addUsers(2);
    clerk.failWith({ status: 429, retryAfter: 1 }, { times: 3 });
    const lines = await synced();
    expect(lines).toContain("Clerk can't be asked: 429. Trying again in 1 s.");
    expect(lines).toContain('created             2');
  });

  test('that does not take the secret key is one clear line', async () => {
    const { failure } = await sync([], { secretKey: 'sk_live_other' });
    expect(failure).toMatch(/^Clerk doesn't take CLERK_SECRET_KEY\./);
    expect((await sync([], { secretKey: null })).failure).toBe(
      'CLERK_SECRET_KEY: expected, to ask Clerk for its users.',
    );
  });
});

describe('a dry run', () => {
  test('says what differs, and writes nothing', async () => {
    const [ada, grace, gone] = [
      clerk.addUser({ username: 'ada', createdAt: new Date(1_000) }),
      clerk.addUser({ username: 'grace', createdAt: new Date(2_000) }),
      clerk.addUser({ createdAt: new Date(3_000) }),
    ];
    await synced();
    expect(await sync(['--dry-run'])).toMatchObject({ failure: null });
    clerk.removeUser(gone.id);
    clerk.changeUser(ada.id, { username: 'augusta', email: 'ada@example.com' });
    clerk.changeUser(grace.id, { username: 'admin' });
    clerk.addUser({ username: 'linus' });
    clerk.addUser({ username: 'GRACE' });
    const before = await dump(app);
    const { lines, failure } = await sync(['--dry-run']);
    expect(await dump(app)).toEqual(before);
    expect(failure).toBe('4 users are not as Clerk has them.');
    const found = [
      'seen in Clerk       4',
      'created             2',
      'changed             1 (email 1, username 1)',
      'erased              1',
      'username conflicts  2',
      'deleted here only   0',
      'failed              0',
    ];
    expect(lines).toEqual(
      expect.arrayContaining(['dry run: nothing was written; this is what would be done', ...found]),
    );
    // And so it comes.
    expect(await synced()).toEqual(expect.arrayContaining(found));
    expect(await sync(['--dry-run'])).toMatchObject({ failure: null });
  });
});

test('two at once: the second is refused with one line', async () => {
  addUsers(1);
  const release = hold({ path: '/v1/users' });
  const first = sync();
  await release.whenHeld();
  expect((await sync()).failure).toBe(
    'Another users:sync is at work on this database. Wait until it ends, or stop it.',
  );
  release.open();
  expect((await first).failure).toBeNull();
  expect((await sync()).failure).toBeNull();
});

test('in a log it says, line by line, what it does and did', async () => {
  addUsers(3);
  expect(await synced()).toEqual([
    'users here, looked for in Clerk: 100 %',
    "Clerk's users, compared with those here: 100 %",
    'done',
    'seen in Clerk       3',
    'created             3',
    'changed             0',
    'erased              0',
    'username conflicts  0',
    'deleted here only   0',
    'failed              0',
  ]);
});

test('in a terminal it draws a bar for each step', async () => {
  addUsers(3);
  const terminal = Object.assign(new PassThrough(), { isTTY: true });
  const { lines } = await sync([], { terminal });
  expect(lines[0]).toBe('done');
  const drawn = String(terminal.read());
  expect(drawn).toContain('100 %');
  expect(drawn).toContain("Clerk's users, compared with those here");
});

test('the last run that came to its end is remembered with its drift', async () => {
  expect(await lastReconciliation(app.platform)).toBeNull();
  const [user] = addUsers(3);
  await sync(['--dry-run']);
  expect(await lastReconciliation(app.platform)).toBeNull();
  await synced();
  expect(await lastReconciliation(app.platform)).toMatchObject({ drift: 3, failed: 0, finishedAt: expect.any(Date) });
  clerk.changeUser(String(user?.id), { firstName: 'Other' });
  await synced();
  expect(await lastReconciliation(app.platform)).toMatchObject({ drift: 1 });
});

test.each([['--max-erased=many'], ['--dry'], ['now']])('%s is refused with how it is meant', async (arg) => {
  expect((await sync([arg])).failure).toMatch(/npm run users:sync -- \[--dry-run\]/);
});

/** Advisory locks that anybody has on the database. */
async function locks(): Promise<number> {
  return app.platform.db.prisma.$queryRaw<object[]>`
    select from pg_locks join pg_database on oid = database
    where locktype = 'advisory' and datname = current_database()`.then((rows) => rows.length);
}

/** Keeps Clerk's answers back until they are let go. */
function hold(scope: ClerkFaultScope) {
  let open = () => {};
  const until = new Promise<void>((resolve) => {
    open = resolve;
  });
  clerk.failWith({ until }, scope);
  const fits = () => clerk.requests.filter(({ path }) => path === scope.path).length;
  const whenHeld = () => vi.waitFor(() => expect(fits()).toBeGreaterThan(scope.skip ?? 0), { timeout: 60_000 });
  return { open: () => open(), whenHeld };
}
