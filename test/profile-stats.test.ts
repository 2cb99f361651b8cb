import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type CompletionFacts, completionFields, completionOf } from '../src/modules/profile/completion.ts';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { anonymous, asPerson, createPerson, type Person } from './support/person.ts';
import { insertProfile, randomFacts } from './support/profiles.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp({ env: { ADMIN_CLAIM: 'metadata.role=admin' } });
});
afterAll(() => app.close());

interface Stats {
  users: number;
  completeProfiles: number;
  completionHistogram: number[];
  missingFields: { field: string; users: number }[];
  signUps: { day: string; count: number }[];
  completions: { day: string; count: number }[];
}

const query = `query ($days: Int) { profileStats(days: $days) {
  users completeProfiles completionHistogram
  missingFields { field users } signUps { day count } completions { day count }
} }`;

const withClaims = async (subject: TestApp, claims: object): Promise<Person> => {
  const id = `user_${randomId()}`;
  return asPerson(subject, id, await subject.sign({ sub: id, ...claims }));
};
const administrator = (subject: TestApp = app) => withClaims(subject, { metadata: { role: 'admin' } });
const askFor = (viewer: Person, days?: number | null) => viewer.ask<{ profileStats: Stats }, object>(query, { days });
const read = async (viewer: Person, days?: number | null) =>
  (await viewer.query<{ profileStats: Stats }, object>(query, { days })).profileStats;
const codeOf = async (viewer: Person, days?: number) => (await askFor(viewer, days)).errors?.[0]?.extensions.code;

/** A server that nobody else asks. */
const createSubject = async () => {
  const subject = await createTestApp({ env: { ADMIN_CLAIM: 'metadata.role=admin' } });
  onTestFinished(() => subject.close());
  return subject;
};

describe('statistics are for administrators alone:', () => {
  test('somebody without a token is not signed in', async () => {
    expect(await codeOf(anonymous(app))).toBe('UNAUTHENTICATED');
  });

  test.each([
    {},
    { role: 'admin' },
    { metadata: null },
    { metadata: 'admin' },
    { metadata: { role: 'user' } },
    { metadata: { role: 'Admin' } },
    { metadata: { role: ['admin'] } },
    { metadata: { role: { admin: true } } },
    { metadata: { role: null } },
    { 'metadata.role': 'admin' },
  ])('somebody whose claims are %j may not see them', async (claims) => {
    expect(await codeOf(await withClaims(app, claims))).toBe('FORBIDDEN');
  });

  test('an administrator sees them', async () => {
    expect(await codeOf(await administrator())).toBeUndefined();
  });

  test.each([
    ['nobody, where none is named', '', { metadata: { role: 'admin' } }, 'FORBIDDEN'],
    ['nobody, by what every object has', 'metadata.constructor.name=Object', { metadata: {} }, 'FORBIDDEN'],
    ['whoever has a number there', 'level=7', { level: 7 }, undefined],
    ['whoever has a truth value there', 'is_admin=true', { is_admin: true }, undefined],
  ])('administrators are %s', async (_, claim, claims, code) => {
    const other = await createTestApp({ beside: app, env: claim ? { ADMIN_CLAIM: claim } : {} });
    onTestFinished(() => other.close());
    expect(await codeOf(await withClaims(other, claims))).toBe(code);
  });
});

test.each([0, -1, 366, 2_147_483_647])('%s days are refused', async (days) => {
  expect(await codeOf(await administrator(), days)).toBe('BAD_USER_INPUT');
});

test('days of somebody who may not see them are not even looked at', async () => {
  expect(await codeOf(await createPerson(app), 0)).toBe('FORBIDDEN');
});

test('whoever starts with an empty server sees themselves', async () => {
  const subject = await createSubject();
  const { signUps, completions, ...stats } = await read(await administrator(subject));
  expect(stats).toEqual({
    users: 1,
    completeProfiles: 0,
    completionHistogram: [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
    missingFields: completionFields.map(({ name }) => ({
      field: name,
      users: ['experienceLevel', 'educationLevel', 'yearsOfExperience'].includes(name) ? 0 : 1,
    })),
  });
  expect([signUps.length, signUps.at(-1)?.count]).toEqual([30, 1]);
  expect([completions.length, completions.at(-1)?.count]).toEqual([30, 0]);
});

test('completion comes out as each user sees their own, whatever they filled', async () => {
  const subject = await createSubject();
  const viewer = await administrator(subject);
  const newcomer = await viewer.me();
  const facts: CompletionFacts[] = fc.sample(randomFacts, 200);
  for (const some of facts) await insertProfile(subject, some);
  const results = facts.map(completionOf);
  const { percentage = 0, missingFields = [] } = newcomer.profile?.completion ?? {};
  const all = [...results, { percentage, missingFields }];
  const stats = await read(viewer);
  expect(stats.users).toBe(all.length);
  expect(stats.completionHistogram).toEqual(
    Array.from({ length: 11 }, (_, step) => all.filter((one) => Math.floor(one.percentage / 10) === step).length),
  );
  expect(stats.missingFields).toEqual(
    completionFields.map(({ name }) => ({
      field: name,
      users: all.filter((one) => one.missingFields.includes(name)).length,
    })),
  );
});

test('every day has its row in UTC, and stands between its midnights', async () => {
  const subject = await createSubject();
  const viewer = await administrator(subject);
  await viewer.me();
  const { prisma } = subject.platform.db;
  const { signUps: days } = await read(viewer, 5);
  expect(days.map(({ day }) => new Date(day).getTime())).toEqual(
    days.map((_, index) => new Date(days[0]?.day as string).getTime() + index * 86_400_000),
  );
  const midnight = (index: number) => new Date(`${days[index]?.day}T00:00:00.000Z`).getTime();
  const instants = [midnight(0) - 1, midnight(0), midnight(1) - 1, midnight(3)].map((time) => new Date(time));
  for (const at of instants) {
    const id = `user_${randomId()}`;
    await prisma.user.create({ data: { id, createdAt: at } });
    await prisma.profile.update({ where: { userId: id }, data: { completedAt: at } });
  }
  const { signUps, completions, completeProfiles } = await read(viewer, 5);
  expect(signUps.map(({ count }) => count)).toEqual([2, 0, 0, 1, 1]);
  expect(completions.map(({ count }) => count)).toEqual([2, 0, 0, 1, 0]);
  expect(completions.map(({ day }) => day)).toEqual(days.map(({ day }) => day));
  expect(completeProfiles).toBe(4);
});

test('a profile counts as complete once its owner marked it', async () => {
  const subject = await createSubject();
  const ada = await createPerson(subject);
  await ada.upsertProfile({ username: `n${randomId().slice(0, 12)}`, displayName: 'Ada' });
  await ada.query('mutation { markProfileComplete { __typename } }');
  const stats = await read(await administrator(subject), 1);
  expect(stats).toMatchObject({ users: 2, completeProfiles: 1, completions: [{ count: 1 }], signUps: [{ count: 2 }] });
});

test.each([null, undefined])('%s days are 30', async (days) => {
  expect((await read(await administrator(), days)).signUps).toHaveLength(30);
});

test.each([1, 365])('statistics of %s days are two statements', async (days) => {
  const viewer = await administrator();
  await viewer.me();
  app.takeStatements();
  const { signUps, completions } = await read(viewer, days);
  expect(app.takeStatements()).toHaveLength(2);
  expect([signUps.length, completions.length]).toEqual([days, days]);
});
