import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createTestApp, type TestApp } from './support/app.ts';
import { eventOf, type Refused, recordEvent, recordEvents, tryToRecord, tryToRecordAll } from './support/events.ts';
import { createPerson, type Person } from './support/person.ts';
import {
  by,
  expectBothOf,
  expectKeptOrRefused,
  preferencesFields,
  profileFields,
  quoted,
} from './support/text-fields.ts';
import { amongWorkers, texts } from './support/texts.ts';

// Each test sends all of the texts, some hundreds.
vi.setConfig({ testTimeout: 180_000 });

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(async () => {
  await app.close();
});

const newPerson = () => createPerson(app);
const isName = by({ graphemes: 64 });
const pathsOf = (result: object) => (result as Refused).fields?.map(({ path }) => path);

const searchQuery = 'query ($text: String!) { users(search: $text, first: 100) { edges { node { id } } } }';

/** Whom a text finds; the error's code where nothing is to be searched for. */
async function search(person: Person, text: string): Promise<string[] | unknown> {
  const { data, errors } = await person.ask<{ users: { edges: { node: { id: string } }[] } }, object>(searchQuery, {
    text,
  });
  return errors?.[0]?.extensions.code ?? data.users.edges.map(({ node }) => node.id);
}

test('whatever is written into a profile is kept or refused, and a name finds whoever has it', async () => {
  await amongWorkers(newPerson, async (person, text) => {
    await expectKeptOrRefused(person, text, { fields: profileFields, change: person.upsertProfile });
    const found = await search(person, text);
    if (!/[\p{L}\p{N}\p{P}\p{S}]/u.test(text)) expect(found, quoted(text)).toBe('BAD_USER_INPUT');
    else if (isName(text)) expect(found, quoted(text)).toContain(person.id);
    else expect(found, quoted(text)).not.toContain(person.id);
  });
  expectBothOf(profileFields);
});

test('a salary is in a currency of ISO 4217 or refused', async () => {
  const ada = await newPerson();
  const currencies = Intl.supportedValuesOf('currency');
  for (const currency of texts) {
    const result = await ada.upsertProfile({ salary: { currency } });
    expect(pathsOf(result), quoted(currency)).toEqual(currencies.includes(currency) ? undefined : ['salary.currency']);
  }
  expect((await ada.me()).profile?.salary?.currency).toBe('EUR');
});

test('whatever is written into preferences is kept or refused', async () => {
  await amongWorkers(newPerson, async (person, text) => {
    await person.upsertPreferences({ notifications: null });
    await expectKeptOrRefused(person, text, { fields: preferencesFields, change: person.upsertPreferences });
  });
  expectBothOf(preferencesFields);
});

const usernameQuery = `query ($text: String!) {
  usernameAvailability(username: $text) { username reason }
  user(by: { username: $text }) { username }
}`;

interface UsernameAnswer {
  usernameAvailability: { username: string; reason: string | null };
  user: { username: string } | null;
}

/** What a username of no reason, or of this one, comes to. */
const usernameResults = new Map<string | null, object>([
  [null, { __typename: 'Profile' }],
  ['INVALID', { __typename: 'InvalidInputError', fields: [{ path: 'username' }] }],
  ['RESERVED', { __typename: 'InvalidInputError', fields: [{ path: 'username' }] }],
  ['TAKEN', { __typename: 'UsernameTakenError' }],
]);

test('a username is kept in lower case, refused, or taken, as its availability says', async () => {
  const anybody = await newPerson();
  const reasons = new Map<string, string | null>();
  for (const text of texts) {
    const isWellFormed = /^[a-z](?!.*\.\.)[a-z0-9_.]{1,28}[a-z0-9_]$/i.test(text.trim());
    const before = await anybody.query<UsernameAnswer, object>(usernameQuery, { text });
    const { username, reason } = before.usernameAvailability;
    expect([username, reason === 'INVALID'], quoted(text)).toEqual([text.trim().toLowerCase(), !isWellFormed]);
    const person = isWellFormed ? await newPerson() : anybody;
    expect(await person.upsertProfile({ username: text }), quoted(text)).toMatchObject(
      usernameResults.get(reason) ?? {},
    );
    const after = await anybody.query<UsernameAnswer, object>(usernameQuery, { text });
    const isSomebody = reason === null || reason === 'TAKEN';
    expect(after.user, quoted(text)).toEqual(isSomebody ? { username } : null);
    reasons.set(text, reason);
  }
  const expected = {
    LPT1: null,
    mocha: null,
    'RomansInSussex.co.uk': null,
    nil: null,
    NIL: 'TAKEN',
    NULL: 'RESERVED',
  };
  expect(Object.fromEntries(reasons)).toMatchObject(expected);
});

const isReview = by({ codePoints: 10_000 });
const isKey = by({ codePoints: 128, isExact: true });

const reviewsOf = async (person: Person, ids: string[]) =>
  (
    await person.query<{ nodes: ({ review: string } | null)[] }, object>(
      'query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Event { review } } }',
      { ids },
    )
  ).nodes.map((event) => event?.review);

test('a review is kept or refused, and an idempotency key stands for itself alone', async () => {
  const events = new Set<string>();
  await amongWorkers(newPerson, async (person, text) => {
    const wrong = [...(isReview(text) ? [] : ['review']), ...(isKey(text) ? [] : ['idempotencyKey'])];
    const both = { review: text, idempotencyKey: text };
    if (wrong.length > 0)
      expect(pathsOf(await tryToRecord(person, eventOf('REVIEW', both))), quoted(text)).toEqual(wrong);
    const input = eventOf('REVIEW', {
      ...(isReview(text) && { review: text }),
      ...(isKey(text) && { idempotencyKey: text }),
    });
    const first = await recordEvent(person, input);
    const again = await recordEvent(person, { ...input, review: 'Another.' });
    expect(first.id === again.id, quoted(text)).toBe(isKey(text));
    expect(await reviewsOf(person, [first.id]), quoted(text)).toEqual([isReview(text) ? text.trim() : input.review]);
    events.add(first.id);
  });
  expect(events.size).toBe(texts.length);
  expectBothOf([
    { path: 'review', accepts: isReview },
    { path: 'idempotencyKey', accepts: isKey },
  ]);
});

test('a batch names every review that it refuses, and keeps the others', async () => {
  const ada = await newPerson();
  for (let start = 0; start < texts.length; start += 100) {
    const batch = texts.slice(start, start + 100);
    const toInputs = (reviews: string[]) => reviews.map((review) => eventOf('REVIEW', { review }));
    const wrong = batch.flatMap((text, index) => (isReview(text) ? [] : [`${index}.review`]));
    if (wrong.length > 0) expect(pathsOf(await tryToRecordAll(ada, toInputs(batch)))).toEqual(wrong);
    const kept = batch.filter(isReview);
    const ids = (await recordEvents(ada, toInputs(kept))).map(({ id }) => id);
    expect(await reviewsOf(ada, ids)).toEqual(kept.map((text) => text.trim()));
  }
});
