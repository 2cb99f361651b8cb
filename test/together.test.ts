import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { Transaction } from '../src/platform/database.ts';
import { administratorEnv, createAdministrator, readsIn } from './support/administrator.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { eventOf, tryToRecord } from './support/events.ts';
import { expectCountersToHold } from './support/follow.ts';
import { anonymous, createPerson, type Person } from './support/person.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp({ env: administratorEnv });
});
afterEach(() => void vi.useRealTimers());
afterAll(() => app.close());

const createPeople = (count: number) => Promise.all(Array.from({ length: count }, () => createPerson(app)));

/** What people ask for in the same moment, with the statements that it took; asked once before, so that all are known. */
async function atOnce<Answer>(people: Person[], ask: (person: Person, at: number) => Promise<Answer>) {
  await Promise.all(people.map(ask));
  app.takeStatements();
  const answers = await Promise.all(people.map(ask));
  return { answers, statements: app.takeStatements() };
}

test('who ask for themselves in the same moment are read by one statement, each as themselves', async () => {
  const people = await createPeople(8);
  const { answers, statements } = await atOnce(people, (person) => person.query<Me, object>('{ me { id email } }'));
  expect(answers.map(({ me }) => me.id)).toEqual(people.map(({ id }) => id));
  expect(statements).toHaveLength(1);
});

/** What of a follow or its end says how it stands now. */
const answer = '{ __typename ... on Follow { state since follower { id } target { ... on User { id } } } }';
const follow = `mutation ($id: ID!) { follow(target: { userId: $id }) ${answer} }`;
const unfollow = `mutation ($id: ID!) { unfollow(target: { userId: $id }) ${answer} }`;

interface Me {
  me: { id: string };
}

interface Told {
  follow?: { since: string };
}

test('who look at the same page in the same moment see it each with their own eyes, by two statements', async () => {
  const [ada, grace, follower, blocked, stranger] = (await createPeople(5)) as [Person, Person, Person, Person, Person];
  await ada.upsertProfile({ username: 'seen_by_many', bio: 'Poetical science.' });
  await ada.upsertPrivacy({ profile: 'FOLLOWERS' });
  await follower.query(follow, { id: ada.id });
  await ada.query(`mutation ($id: ID!) { acceptFollowRequest(userId: $id) { __typename } }`, { id: follower.id });
  await grace.query(follow, { id: ada.id });
  await ada.query(`mutation ($id: ID!) { blockUser(userId: $id) { __typename } }`, { id: blocked.id });
  const page = `{ user(by: { username: "seen_by_many" }) {
    viewerFollow profile { bio } followers(first: 5) { totalCount edges { node { id } } } } }`;
  const { answers, statements } = await atOnce([ada, follower, grace, stranger, blocked], (person) =>
    person.query<{ user: object | null }, object>(page),
  );
  const profile = { bio: 'Poetical science.' };
  const followers = { totalCount: 1, edges: [{ node: { id: follower.id } }] };
  const hidden = { profile: null, followers: { totalCount: null, edges: [] } };
  expect(answers.map(({ user }) => user)).toEqual([
    { viewerFollow: 'NONE', profile, followers },
    { viewerFollow: 'FOLLOWING', profile, followers },
    { viewerFollow: 'REQUESTED', ...hidden },
    { viewerFollow: 'NONE', ...hidden },
    null,
  ]);
  expect(statements).toHaveLength(2);
});

test('an administrator, the owner, the owner as others see them, and nobody in particular share no view', async () => {
  const [ada, administrator] = [await createPerson(app), await createAdministrator(app)];
  await ada.upsertProfile({ username: 'seen_by_all_kinds', bio: 'Poetical science.' });
  await ada.upsertPrivacy({ profile: 'PRIVATE' });
  const query = '{ user(by: { username: "seen_by_all_kinds" }) { email profile { bio } followers { totalCount } } }';
  const ask = (person: Person, headers = {}) => person.ask<{ user: object }, object>(query, {}, headers);
  const askAll = () =>
    Promise.all([
      ask(ada),
      ask(administrator),
      ask(ada, { 'visage-view-as': 'PUBLIC' }),
      ask(anonymous(app)),
      ask(administrator),
      ask(ada),
    ]);
  await askAll();
  const before = (await readsIn(ada)).length;
  const answers = await askAll();
  const whole = { email: null, profile: { bio: 'Poetical science.' }, followers: { totalCount: 0 } };
  const hidden = { email: null, profile: null, followers: { totalCount: null } };
  expect(answers.map(({ data }) => data.user)).toEqual([whole, whole, hidden, hidden, whole, whole]);
  // Of the administrator alone, and of each time.
  expect((await readsIn(ada)).slice(0, -before)).toEqual([
    ['own', 'profile'],
    ['own', 'profile'],
  ]);
});

test('events that many record in the same moment are one statement, and each has theirs', async () => {
  const people = await createPeople(6);
  const { answers, statements } = await atOnce(people, (person, at) =>
    tryToRecord(person, eventOf('VIEW', { movieId: at + 1 })),
  );
  expect(answers).toMatchObject(people.map((_, at) => ({ __typename: 'Event', movieId: at + 1 })));
  expect(statements).toHaveLength(1);
  const query = '{ me { events { edges { node { movieId } } } } }';
  const recorded = await Promise.all(people.map((person) => person.query(query)));
  expect(recorded).toEqual(
    people.map((_, at) => ({ me: { events: { edges: Array(2).fill({ node: { movieId: at + 1 } }) } } })),
  );
});

test('what the database refuses of one is recorded of all others, once', async () => {
  const people = await createPeople(5);
  const { prisma } = app.platform.db;
  // Such as nobody's input is that was looked at: what the server thinks of by itself must not be all that helps.
  await prisma.$executeRaw`alter table events add constraint no_thirteen check (movie_id <> 13)`;
  const inputs = people.map((_, at) => eventOf('VIEW', { movieId: at === 2 ? 13 : 100 + at }));
  const outcomes = await Promise.all(
    people.map((person, at) =>
      person.ask<{ recordEvent: object } | null, object>(
        `mutation ($input: RecordEventInput!) { recordEvent(input: $input) { ... on Event { movieId } } }`,
        { input: inputs[at] },
      ),
    ),
  ).finally(() => prisma.$executeRaw`alter table events drop constraint no_thirteen`);
  expect(outcomes.map(({ data }) => data?.recordEvent ?? null)).toEqual(
    people.map((_, at) => (at === 2 ? null : { movieId: 100 + at })),
  );
  expect(outcomes[2]?.errors).toMatchObject([{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
  const counts = await Promise.all(people.map(({ id }) => prisma.event.count({ where: { userId: id } })));
  expect(counts).toEqual([1, 1, 0, 1, 1]);
});

test('who ask while a statement is under way go together, once it has taken too long or there are enough', async () => {
  const [ada, ...others] = (await createPeople(102)) as [Person, ...Person[]];
  const { prisma } = app.platform.db;
  let record = Promise.resolve<unknown>(null);
  const work = async (tx: Transaction) => {
    await tx.$executeRaw`select from users where id = ${ada.id} for update`;
    // Nothing takes long before the test says so.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    record = tryToRecord(ada, eventOf('VIEW'));
    await turns(20);
    app.takeStatements();
    const answers: Promise<unknown>[] = [];
    for (const [at, person] of others.entries()) {
      // A hundred is as many as go into a statement.
      if (at === 99) expect(app.takeStatements()).toEqual([]);
      answers.push(tryToRecord(person, eventOf('VIEW')));
      // Each by itself, or they would go together since they came together.
      await turns(20);
    }
    expect(await Promise.all(answers)).toMatchObject(others.map(() => ({ __typename: 'Event' })));
    // Of the hundred, of who is left, and of one or two who were slower.
    expect(app.takeStatements().length).toBeLessThan(5);
    // What has taken too long once is not waited for again.
    vi.advanceTimersByTime(5);
    expect(await tryToRecord(others[0] as Person, eventOf('VIEW'))).toMatchObject({ __typename: 'Event' });
  };
  // A hundred people are slow where others work, too.
  await prisma.$transaction(work, { timeout: 30_000 });
  expect(await record).toMatchObject({ __typename: 'Event' });
});

/** So many times around Node's loop. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
}

test('nobody waits for another whose account is being changed', async () => {
  const [ada, ...others] = (await createPeople(4)) as [Person, ...Person[]];
  const { prisma } = app.platform.db;
  let record = Promise.resolve<unknown>(null);
  await prisma.$transaction(async (tx) => {
    await tx.$executeRaw`select from users where id = ${ada.id} for update`;
    const [first, ...rest] = [ada, ...others].map((person) => tryToRecord(person, eventOf('VIEW')));
    record = first as Promise<unknown>;
    expect(await Promise.all(rest)).toMatchObject(others.map(() => ({ __typename: 'Event' })));
    expect(await prisma.event.count({ where: { userId: ada.id } })).toBe(0);
  });
  expect(await record).toMatchObject({ __typename: 'Event' });
  expect(await prisma.event.count({ where: { userId: ada.id } })).toBe(1);
});

test('what the database refuses of one is not what others wait for, but who has to wait', async () => {
  const [locked, refused, good] = (await createPeople(3)) as [Person, Person, Person];
  const stars = await createPeople(3);
  const { prisma } = app.platform.db;
  const waiting: Promise<unknown>[] = [];
  const work = async (tx: Transaction) => {
    await tx.$executeRaw`select from users where id = ${locked.id} for update`;
    const people = [locked, refused, good];
    const [firstEvent, ...events] = people.map((person) =>
      tryToRecord(person, eventOf('VIEW', { movieId: person === refused ? 13 : 1 })).catch(() => 'refused'),
    );
    const [firstFollow, ...follows] = people.map((person, at) =>
      person.query(follow, { id: stars[at]?.id }).catch(() => 'refused'),
    );
    waiting.push(firstEvent as Promise<unknown>, firstFollow as Promise<unknown>);
    expect(await Promise.all(events)).toMatchObject(['refused', { __typename: 'Event' }]);
    expect(await Promise.all(follows)).toMatchObject(['refused', { follow: { state: 'FOLLOWING' } }]);
  };
  try {
    await prisma.$executeRaw`alter table events add constraint no_thirteen check (movie_id <> 13)`;
    await prisma.$executeRawUnsafe(
      `alter table follows add constraint not_this_one check (follower_id <> '${refused.id}')`,
    );
    app.takeStatements();
    await prisma.$transaction(work);
  } finally {
    await prisma.$executeRaw`alter table events drop constraint if exists no_thirteen`;
    await prisma.$executeRaw`alter table follows drop constraint if exists not_this_one`;
  }
  expect(await Promise.all(waiting)).toMatchObject([{ __typename: 'Event' }, { follow: { state: 'FOLLOWING' } }]);
  const ofMany = app.takeStatements().filter((sql) => /skip locked.*insert into (events|follows)/s.test(sql));
  expect(ofMany).toHaveLength(2);
});

test('who follow in the same moment are written down by one statement, as each profile has it', async () => {
  const followers = await createPeople(4);
  const [open, shut, blocking, known] = (await createPeople(4)) as [Person, Person, Person, Person];
  const targets = [open, shut, blocking, known];
  await shut.upsertPrivacy({ profile: 'PRIVATE' });
  await blocking.query('mutation ($id: ID!) { blockUser(userId: $id) { __typename } }', { id: followers[2]?.id });
  const first = await followers[3]?.query<{ follow: { since: string } }, object>(follow, { id: known.id });
  app.takeStatements();
  const answers = await Promise.all(
    followers.map((person, at) => person.query<{ follow: object }, object>(follow, { id: targets[at]?.id })),
  );
  const ends = (at: number) => ({ follower: { id: followers[at]?.id }, target: { id: targets[at]?.id } });
  expect(answers.map((outcome) => outcome.follow)).toMatchObject([
    { state: 'FOLLOWING', ...ends(0) },
    { state: 'REQUESTED', ...ends(1) },
    { __typename: 'NotFoundError' },
    { state: 'FOLLOWING', since: first?.follow.since, ...ends(3) },
  ]);
  // Of all, of the one that it passed over, and of the users who were asked for.
  expect(app.takeStatements()).toHaveLength(3);
  const ended = await Promise.all(followers.map((person, at) => person.query(unfollow, { id: targets[at]?.id })));
  expect(ended).toMatchObject([0, 1, 2, 3].map((at) => ({ unfollow: at === 2 ? {} : { state: 'NONE', since: null } })));
  await expectCountersToHold(app);
});

test('who follow and who no longer do in the same moment go into one statement, and each gets their own', async () => {
  const people = (await createPeople(6)) as [Person, Person, Person, Person, Person, Person];
  const targets = (await createPeople(6)) as [Person, Person, Person, Person, Person, Person];
  const { prisma } = app.platform.db;
  for (const at of [1, 3] as const) await targets[at].upsertPrivacy({ profile: 'PRIVATE' });
  const ask = (at: number, mutation: string) => people[at]?.query<Told, object>(mutation, { id: targets[at]?.id });
  for (const at of [0, 1]) await ask(at, follow);
  // Of a profile that is PUBLIC by now: a follow takes it away, and that is nobody's removal.
  await prisma.followRequest.create({ data: { requesterId: people[5].id, requesteeId: targets[5].id } });
  app.takeStatements();
  const answers = await Promise.all(
    [unfollow, unfollow, follow, follow, unfollow, follow].map((mutation, at) => ask(at, mutation)),
  );
  expect(answers).toMatchObject([
    { unfollow: { state: 'NONE', since: null } },
    { unfollow: { state: 'NONE', since: null } },
    { follow: { state: 'FOLLOWING', since: expect.any(String) } },
    { follow: { state: 'REQUESTED', since: expect.any(String) } },
    { unfollow: { state: 'NONE', since: null } },
    { follow: { state: 'FOLLOWING', since: expect.any(String) } },
  ]);
  // Of all, and of the users who were asked for.
  expect(app.takeStatements()).toHaveLength(2);
  // Whoever took something away, which no import brings back.
  const ids = people.map(({ id }) => id);
  const noted = await prisma.removal.findMany({ where: { userId: { in: ids } } });
  expect(new Set(noted.map(({ userId }) => userId))).toEqual(new Set(ids.slice(0, 2)));
  expect(await prisma.followRequest.count({ where: { requesterId: { in: ids } } })).toBe(1);
  const again = await Promise.all([2, 3].map((at) => ask(at, follow)));
  expect(again).toMatchObject([2, 3].map((at) => ({ follow: { since: answers[at]?.follow?.since } })));
  await expectCountersToHold(app);
});

test('of many who follow the same person, nobody waits for another or has another fail them', async () => {
  // Users are locked in the order of their ids: who waits for the first of two holds nobody.
  const people = (await createPeople(6)).toSorted((one, other) => (one.id < other.id ? -1 : 1));
  const [locked, star, ...others] = people as [Person, Person, ...Person[]];
  const { prisma } = app.platform.db;
  let waiting = Promise.resolve<unknown>(null);
  await prisma.$transaction(async (tx) => {
    await tx.$executeRaw`select from users where id = ${locked.id} for update`;
    const [first, ...rest] = [locked, ...others].map((person) => person.query(follow, { id: star.id }));
    waiting = first as Promise<unknown>;
    expect(await Promise.all(rest)).toMatchObject(others.map(() => ({ follow: { state: 'FOLLOWING' } })));
  });
  expect(await waiting).toMatchObject({ follow: { state: 'FOLLOWING' } });
  await expectCountersToHold(app);
});

test('nobody waits for another who follows somebody whose account is being changed', async () => {
  const [ada, grace, ...others] = (await createPeople(6)) as [Person, Person, ...Person[]];
  const { prisma } = app.platform.db;
  let waiting = Promise.resolve<unknown>(null);
  await prisma.$transaction(async (tx) => {
    await tx.$executeRaw`select from users where id = ${grace.id} for update`;
    waiting = ada.query(follow, { id: grace.id });
    const pairs = [others.slice(0, 2), others.slice(2)] as [Person, Person][];
    const answers = await Promise.all(pairs.map(([by, to]) => by.query(follow, { id: to.id })));
    expect(answers).toMatchObject(pairs.map(() => ({ follow: { state: 'FOLLOWING' } })));
    expect(await prisma.follow.count({ where: { followeeId: grace.id } })).toBe(0);
  });
  expect(await waiting).toMatchObject({ follow: { state: 'FOLLOWING' } });
  await expectCountersToHold(app);
});
