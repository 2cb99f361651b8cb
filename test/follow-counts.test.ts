import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestApp, type TestApp } from './support/app.ts';
import {
  expectCountersToHold,
  expectNoImpossiblePairs,
  follow,
  listNames,
  readIds,
  readPage,
  unfollow,
} from './support/follow.ts';
import {
  applyChange,
  type Change,
  copyWorld,
  createWorld,
  describeWorld,
  doChange,
  ordersOf,
  pairChanges,
  readWorld,
} from './support/follow-model.ts';
import { type StormChange, storm, stormChanges, stormOf } from './support/follow-storm.ts';
import { createPerson, type Person } from './support/person.ts';

let app: TestApp;
let other: TestApp;
beforeAll(async () => {
  app = await createTestApp();
  other = await createTestApp({ beside: app });
});
afterAll(async () => {
  await other.close();
  await app.close();
});

const createPeople = (count: number): Promise<Person[]> =>
  Promise.all(Array.from({ length: count }, () => createPerson(app)));

/** A change among so many people; following is what people do most. */
const changeAmong = (count: number): fc.Arbitrary<Change> => {
  const place = fc.integer({ min: 0, max: count - 1 });
  const pair = fc.record({
    name: fc.constantFrom('follow' as const, 'follow' as const, ...pairChanges),
    by: place,
    to: place,
  });
  const privacy = fc.record({
    name: fc.constant('upsertPrivacy' as const),
    by: place,
    profile: fc.constantFrom('PUBLIC' as const, 'FOLLOWERS' as const, 'PRIVATE' as const),
  });
  return fc.oneof({ weight: 6, arbitrary: pair }, { weight: 1, arbitrary: privacy });
};

const changeBetweenTwo = changeAmong(2).filter((change) => change.name === 'upsertPrivacy' || change.by !== change.to);

test('whatever people do one after the other, they get the answers and the lists that the rules give', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(changeAmong(4), { minLength: 20, maxLength: 60 }), async (changes) => {
      const people = await createPeople(4);
      const world = createWorld(people.length);
      for (const change of changes) {
        const answer = await doChange(people, change);
        expect([change, answer]).toEqual([change, applyChange(world, change)]);
      }
      expect(describeWorld(await readWorld(app, people))).toBe(describeWorld(world));
    }),
    { numRuns: 15 },
  );
  await expectCountersToHold(app);
}, 120_000);

test('whatever two people do in the same moment, the answers and what is left are those of some order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(changeBetweenTwo, { maxLength: 5 }),
      fc.array(changeBetweenTwo, { minLength: 2, maxLength: 4 }),
      async (before, atOnce) => {
        const people = await createPeople(2);
        const start = createWorld(people.length);
        for (const change of before) {
          await doChange(people, change);
          applyChange(start, change);
        }
        const answers = await Promise.all(atOnce.map((change) => doChange(people, change)));
        const left = describeWorld(await readWorld(app, people));
        const outcomes = ordersOf(atOnce.map((_, place) => place)).map((order) => {
          const world = copyWorld(start);
          const said: string[] = [];
          for (const place of order) said[place] = applyChange(world, atOnce[place] as Change);
          return JSON.stringify([said, describeWorld(world)]);
        });
        expect(outcomes).toContain(JSON.stringify([answers, left]));
      },
    ),
    { numRuns: 150, endOnFailure: true },
  );
  await expectCountersToHold(app);
}, 120_000);

test('a storm among eight people, through two servers, ends in a state that rules and counters agree with', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(changeAmong(8), { minLength: 60, maxLength: 120 }), async (changes) => {
      const people = await createPeople(8);
      const throughOther = await Promise.all(people.map(async ({ id }) => createPerson(other, id)));
      await Promise.all(changes.map((change, index) => doChange(index % 2 ? people : throughOther, change)));
      await expectNoImpossiblePairs(app);
      await expectCountersToHold(app);
    }),
    { numRuns: 8, endOnFailure: true },
  );
}, 120_000);

test('after ten thousand changes at once, through two servers, every count is that of its rows', async () => {
  const crowd = { size: 40, mortals: 8 };
  const check = async (changes: StormChange[]) => {
    const people = await createPeople(crowd.size);
    const throughOther = await Promise.all(people.map(({ id }) => createPerson(other, id)));
    const { answers, impossible, done } = await storm([people, throughOther], changes, crowd);
    expect([answers, impossible, [...done].toSorted()]).toEqual([10_000, [], stormChanges.toSorted()]);
    await expectNoImpossiblePairs(app);
    await expectCountersToHold(app);
    for (const person of people.slice(0, crowd.size - crowd.mortals)) {
      for (const list of listNames) {
        const listed = await readIds(person, person.id, list);
        expect(await readPage(person, person.id, list)).toMatchObject({ totalCount: listed.length });
      }
    }
  };
  await fc.assert(fc.asyncProperty(stormOf(10_000, crowd), check), { numRuns: 1, endOnFailure: true });
}, 300_000);

test('a user whose profile opens and closes amid requests never has one waiting while it is PUBLIC', async () => {
  const [ada, ...fans] = (await createPeople(9)) as [Person, ...Person[]];
  for (let round = 0; round < 10; round += 1) {
    await Promise.all([
      ada.upsertPrivacy({ profile: round % 2 ? 'PUBLIC' : 'PRIVATE' }),
      ...fans.map((fan, index) => (index % 3 ? follow : unfollow)(fan, { userId: ada.id })),
      ada.upsertPrivacy({ profile: round % 3 ? 'PUBLIC' : 'FOLLOWERS' }),
    ]);
    await expectNoImpossiblePairs(app);
    await expectCountersToHold(app);
  }
});

test('whoever follows and unfollows crew members and studios in the same moment is counted once or not at all', async () => {
  const people = await createPeople(6);
  const targets = [{ crewMemberTmdbId: 1 }, { crewMemberTmdbId: 2 }, { studioTmdbId: 1 }, { studioTmdbId: 2 }];
  for (let round = 0; round < 5; round += 1) {
    const answers = await Promise.all(
      people.flatMap((person, index) =>
        targets.flatMap((target, place) => [
          follow(person, target),
          ((index + place + round) % 2 ? follow : unfollow)(person, target),
        ]),
      ),
    );
    expect(answers.every(({ __typename }) => __typename === 'Follow')).toBe(true);
    await expectCountersToHold(app);
  }
});

test('counts belong to the owner of the list, and do not depend on who looks', async () => {
  const [ada, grace, alan] = (await createPeople(3)) as [Person, Person, Person];
  await follow(grace, { userId: ada.id });
  await follow(alan, { userId: ada.id });
  await doChange([grace, alan], { name: 'blockUser', by: 0, to: 1 });
  for (const viewer of [ada, grace, alan]) {
    expect(await readPage(viewer, ada.id, 'followers')).toMatchObject({ totalCount: 2 });
  }
});
