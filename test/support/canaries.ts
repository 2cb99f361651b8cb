import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type GraphQLInputType, getNamedType, isInputObjectType } from 'graphql';
import sharp from 'sharp';
import { expect, vi } from 'vitest';
import { toTombstone } from '../../src/modules/user/tombstone.ts';
import { schema } from '../../src/schema.ts';
import { columnsWith, listFiles, passRemovalDelay, storedFiles } from './account.ts';
import type { TestApp } from './app.ts';
import type { ClerkApi } from './clerk-api.ts';
import { block, expectCountersToHold, follow } from './follow.ts';
import { arrive } from './identity.ts';
import { expectTold } from './outbox.ts';
import { asPerson, type Person } from './person.ts';

/** Somebody whose every text has a word that nobody else has, and that no hash or id comes to by chance. */
export interface CanaryPerson extends Person {
  word: string;
}

const letters = 'ghjkmnpqrstvwxyz';
const newWord = (): string => Array.from({ length: 8 }, () => letters[randomInt(letters.length)]).join('');

/** Every text that a mutation takes, by its path: what `plantCanaries` gives them. */
export const plantedTexts: Record<string, (word: string) => string> = {
  'changePictureAltText.altText': (word) => `${word} in another alt text`,
  'recordEvent.input.idempotencyKey': (word) => `${word}-key`,
  'recordEvent.input.review': (word) => `${word} in a review`,
  'recordEvents.inputs.idempotencyKey': (word) => `${word}-batch-key`,
  'recordEvents.inputs.review': (word) => `${word} in a review of a batch`,
  'uploadProfilePicture.altText': (word) => `${word} in an alt text`,
  'upsertPreferences.input.language': (word) => `en-x-${word}`,
  'upsertPreferences.input.notifications.name': (word) => `${word}_notification`,
  'upsertProfile.input.bio': (word) => `${word} in a bio`,
  'upsertProfile.input.displayName': (word) => `${word} Displayed`,
  'upsertProfile.input.fieldOfStudy': (word) => `${word} studies`,
  'upsertProfile.input.preferredLocations': (word) => `${word} city`,
  'upsertProfile.input.skills': (word) => `${word} skill`,
  'upsertProfile.input.username': (word) => `${word}_here`,
};

/** Texts of mutations that hold nothing of a person's own: a code, and what is there already. */
export const otherTexts = ['upsertProfile.input.salary.currency', 'deleteAccount.confirmation'];

/** The paths of all texts that mutations take. */
export function textInputs(): string[] {
  const pathsOf = (type: GraphQLInputType, path: string): string[] => {
    const named = getNamedType(type);
    if (!isInputObjectType(named)) return named.name === 'String' ? [path] : [];
    return Object.values(named.getFields()).flatMap((field) => pathsOf(field.type, `${path}.${field.name}`));
  };
  const mutations = Object.values(schema.getMutationType()?.getFields() ?? {});
  return mutations.flatMap(({ name, args }) => args.flatMap((arg) => pathsOf(arg.type, `${name}.${arg.name}`)));
}

/** Comes from Clerk, and writes their word wherever the API takes a text; `friends` and they follow each other. */
export async function plantCanaries(app: TestApp, clerk: ClerkApi, friends: Person[]): Promise<CanaryPerson> {
  const word = newWord();
  const text = (path: string) => (plantedTexts[path] as (word: string) => string)(word);
  const user = clerk.addUser({
    id: `user_${word}`,
    username: `${word}_there`,
    email: `${word}@example.com`,
    firstName: `${word} First`,
    lastName: `${word} Last`,
    imageUrl: `https://img.clerk.com/${word}`,
  });
  await arrive(app, clerk, ['user.created', user]);
  const person = asPerson(app, user.id, await app.sign({ sub: user.id, sid: `sess_${word}` }));

  await person.upsertProfile({
    username: text('upsertProfile.input.username'),
    displayName: text('upsertProfile.input.displayName'),
    bio: text('upsertProfile.input.bio'),
    fieldOfStudy: text('upsertProfile.input.fieldOfStudy'),
    skills: [text('upsertProfile.input.skills')],
    preferredLocations: [text('upsertProfile.input.preferredLocations')],
    salary: { min: 1, max: 2, currency: 'EUR' },
  });
  await person.upsertPreferences({
    language: text('upsertPreferences.input.language'),
    notifications: [{ name: text('upsertPreferences.input.notifications.name'), enabled: true }],
  });
  for (const altText of [text('uploadProfilePicture.altText'), null]) {
    await person.upload(await pictureWith(word), { name: `${word}.jpg`, altText });
  }
  await person.query(
    'mutation ($altText: String) { changePictureAltText(version: 2, altText: $altText) { __typename } }',
    {
      altText: text('changePictureAltText.altText'),
    },
  );
  const acknowledge = 'mutation { acknowledgePictureRevision(revision: 2) { id } }';
  await person.ask(acknowledge, {}, { 'user-agent': `${word}/1.0` });
  await recordReviews(person, text);
  for (const friend of friends) {
    await follow(person, { userId: friend.id });
    await follow(friend, { userId: person.id });
  }
  await follow(person, { crewMemberTmdbId: 7 });
  await follow(person, { studioTmdbId: 7 });
  if (friends[0]) await block(friends[0], person.id);
  return { ...person, word };
}

async function recordReviews(person: Person, text: (path: string) => string): Promise<void> {
  const review = (mutation: string) => ({
    type: 'REVIEW',
    movieId: 1,
    review: text(`${mutation}.review`),
    idempotencyKey: text(`${mutation}.idempotencyKey`),
  });
  await person.query('mutation ($input: RecordEventInput!) { recordEvent(input: $input) { __typename } }', {
    input: review('recordEvent.input'),
  });
  await person.query('mutation ($inputs: [RecordEventInput!]!) { recordEvents(inputs: $inputs) { __typename } }', {
    inputs: [review('recordEvents.inputs')],
  });
}

/** A picture like no other, with the word in its metadata and behind its end. */
async function pictureWith(word: string): Promise<Buffer> {
  const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const;
  const jpeg = await sharp({ create: { width: 80, height: 80, channels: 3, background: '#888', noise } })
    .jpeg()
    .withExif({ IFD0: { Artist: word, ImageDescription: `${word} at home` } })
    .toBuffer();
  return Buffer.concat([jpeg, Buffer.from(word)]);
}

/** The files of the picture store in which one of the words stands. */
export async function filesWith({ folder }: Pick<TestApp, 'folder'>, words: string[]): Promise<string[]> {
  const found: string[] = [];
  for (const { parentPath, name } of await listFiles(folder)) {
    const bytes = await readFile(join(parentPath, name));
    if (words.some((word) => bytes.includes(word))) found.push(name);
  }
  return found;
}

/** Plants that many; some at once, since more would only wait for each other. */
export async function plantMany(
  app: TestApp,
  { clerk, friends, count }: { clerk: ClerkApi; friends: Person[]; count: number },
): Promise<CanaryPerson[]> {
  const planted: Promise<CanaryPerson>[] = [];
  const work = async () => {
    while (planted.length < count) {
      const planting = plantCanaries(app, clerk, friends);
      planted.push(planting);
      await planting;
    }
  };
  await Promise.all(Array.from({ length: 4 }, work));
  await expectTold(app);
  return Promise.all(planted);
}

/**
 * Waits until nothing is left of people who were deleted but tombstones, and usernames that are held for nobody; and in the
 * picture store nothing but these files. Others' counts are right.
 */
export async function expectNoTrace(
  app: TestApp,
  { clerk, people, files }: { clerk: ClerkApi; people: CanaryPerson[]; files: string[] },
): Promise<void> {
  const { prisma } = app.platform.db;
  const eventually = { timeout: 60_000, interval: 100 };
  const held = ['username_history.username'];
  for (const { word } of people)
    await vi.waitFor(async () => expect(await columnsWith(app, word)).toEqual(held), eventually);
  const names = await prisma.usernameHistory.findMany({
    where: { OR: people.map(({ word }) => ({ username: { contains: word } })) },
  });
  expect(names.filter(({ userId, releasedAt }) => userId !== null || releasedAt === null)).toEqual([]);
  const tombstones = { idHash: { in: people.map(({ id }) => toTombstone(id)) } };
  expect(await prisma.tombstone.count({ where: tombstones })).toBe(people.length);
  await passRemovalDelay(app);
  await vi.waitFor(async () => expect(await storedFiles(app)).toEqual(files), eventually);
  expect(people.map(({ id }) => clerk.user(id))).toEqual(people.map(() => undefined));
  await expectCountersToHold(app);
}
