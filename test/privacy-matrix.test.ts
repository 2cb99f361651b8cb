import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Visibility } from '../src/generated/prisma/enums.ts';
import { schema } from '../src/schema.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { ownChanges, settledChanges, story } from './support/privacy-changes.ts';
import { createListeners } from './support/privacy-live.ts';
import { model } from './support/privacy-model.ts';
import { queries } from './support/privacy-paths.ts';
import { findDifferences, namesOf, thingProbes, userProbes } from './support/privacy-probes.ts';
import { createRun, type Run } from './support/privacy-run.ts';
import { readFilled } from './support/privacy-traces.ts';
import {
  administratorNames,
  audienceNames,
  createWorld,
  ownerFromClerk,
  ownerPreferences,
  ownerProfile,
  type ViewerName,
  viewerNames,
  type World,
} from './support/privacy-world.ts';
import { fieldNames } from './support/schema-walk.ts';
import { closeSockets, type Socket } from './support/socket.ts';

let app: TestApp;
let world: World;
let run: Run;
let sockets: Map<ViewerName, Socket>;

beforeAll(async () => {
  app = await createTestApp({ env: { ADMIN_CLAIM: 'metadata.role=admin' } });
  world = await createWorld(app, schema);
  run = createRun({ app, schema, world });
  sockets = await createListeners(app, world);
});
afterAll(async () => {
  closeSockets();
  await app.close();
});

const visibilities = Object.values(Visibility);
/** All 27, and whether each belongs to those nine in which the values of any two parts meet. */
const allSettings = visibilities.flatMap((profile, p) =>
  visibilities.flatMap((watchHistory, w) =>
    visibilities.map((ratings, r) => ({ profile, watchHistory, ratings, isOfNine: r === (p + w) % 3 })),
  ),
);

const ruleOf = (name: string) => {
  const [type = '', field = ''] = name.split('.');
  return model[type]?.[field];
};

test('every field of the served schema has a row in the model', () => {
  expect(fieldNames(schema).filter((name) => !ruleOf(name))).toEqual([]);
});

test('nine of the settings are enough for any two parts to meet in every way', () => {
  const nine = allSettings.filter(({ isOfNine }) => isOfNine);
  const pairs = nine.flatMap(({ profile, watchHistory, ratings }) => [
    `profile ${profile}, watchHistory ${watchHistory}`,
    `profile ${profile}, ratings ${ratings}`,
    `watchHistory ${watchHistory}, ratings ${ratings}`,
  ]);
  expect([nine.length, new Set(pairs).size]).toEqual([9, 27]);
});

test('the owner has something in every field, so that what is hidden is not just empty', async () => {
  const { owner } = world.people;
  await world.set({ profile: 'FOLLOWERS', watchHistory: 'FOLLOWERS', ratings: 'FOLLOWERS' });
  await world.refresh();
  const truth = world.truthOf(owner.id);
  const { username, ...profile } = ownerProfile;
  expect(truth).toMatchObject({ ...ownerFromClerk, username, profile, preferences: ownerPreferences });
  const { asked, filled } = readFilled(truth);
  // What nothing is missing from.
  filled.add('ProfileCompletion.missingFields');
  expect([...asked].filter((name) => !filled.has(name))).toEqual([]);
});

test('every viewer sees of every field what the model says, by every path and under all settings', async () => {
  for (const { isOfNine, ...settings } of allSettings) {
    await world.set(settings);
    await world.refresh();
    const paths = [...queries, ...settledChanges].filter(({ isThorough }) => isOfNine || isThorough);
    for (const path of paths) await Promise.all(viewerNames.map((viewer) => run.go(path, viewer)));
    // One at a time, since what one reads is in the log that the other reads.
    for (const viewer of administratorNames) await run.goAll(paths, viewer);
    if (!isOfNine) continue;
    for (const path of queries) await Promise.all(audienceNames.map((audience) => run.go(path, audience)));
    await run.hear(sockets);
    for (const step of story) await run.take(step);
  }
  for (const change of ownChanges) await run.change(change);
  expect(run.tally.differences.slice(0, 100)).toEqual([]);
}, 240_000);

test('every field that is somebody’s was compared', () => {
  const unseen = fieldNames(schema).filter((name) => ruleOf(name) !== 'nobody' && !run.tally.fields.has(name));
  expect(unseen).toEqual([]);
  // So that a path that silently leads nowhere is noticed.
  expect(run.tally.combinations).toBeGreaterThan(100_000);
});

describe('the answer is the same to the byte', () => {
  test.each(['blocked', 'blocking'] as const)('for one who is %s, and one who is not there', async (viewerName) => {
    await world.set({ profile: 'PUBLIC', watchHistory: 'PUBLIC', ratings: 'PUBLIC' });
    await world.refresh();
    // Whoever blocks somebody may block and unblock them again.
    const own = viewerName === 'blocking' ? ['blockUser', 'unblockUser'] : [];
    const probes = [...userProbes, ...thingProbes].filter(({ name }) => !own.includes(name));
    const names = namesOf(world);
    expect(await findDifferences({ app, schema, probes, names }, world.people[viewerName])).toEqual([]);
  });

  test.each(['anonymous', 'stranger', 'requester', 'follower'] as const)(
    'for things that are hidden from %s, and things that are not there',
    async (viewerName) => {
      await world.set({ profile: 'PRIVATE', watchHistory: 'PRIVATE', ratings: 'PRIVATE' });
      await world.refresh();
      const names = namesOf(world, ({ isActive }) => isActive !== true);
      const probes = thingProbes;
      expect(await findDifferences({ app, schema, probes, names }, world.people[viewerName])).toEqual([]);
    },
  );
});
