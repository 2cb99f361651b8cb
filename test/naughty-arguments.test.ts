import type { GraphQLObjectType } from 'graphql';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { schema } from '../src/schema.ts';
import { deleteAccount } from './support/account.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { type Answer, createPerson } from './support/person.ts';
import { quarters } from './support/pictures.ts';
import { closeSockets, signIn } from './support/socket.ts';
import { by, quoted } from './support/text-fields.ts';
import { amongWorkers, texts } from './support/texts.ts';

// Each test sends all of the texts, some hundreds.
vi.setConfig({ testTimeout: 180_000 });

let app: TestApp;
let address: string;
let picture: Buffer;
beforeAll(async () => {
  app = await createTestApp();
  address = await app.listen();
  picture = await quarters([2, 2]).png().toBuffer();
});
afterAll(async () => {
  closeSockets();
  await app.close();
});

const newPerson = () => createPerson(app);

type Outcome = Answer<Record<string, { __typename: string } | null> | null>;

/** What a field came to: the code and path of its error, the type that it answered, or null. */
function outcomeOf({ data, errors }: Outcome, field: string): string | null {
  const [error] = errors ?? [];
  return error ? `${error.extensions.code} at ${error.path?.join('.')}` : (data?.[field]?.__typename ?? null);
}

const isUserId = (text: string) => /^[\x21-\x7e]{1,255}$/.test(text);

const aboutUser = ['acceptFollowRequest', 'declineFollowRequest', 'removeFollower', 'blockUser', 'unblockUser'];

/** What each field answers to an id that nothing has. */
const idFields: { field: string; operation: string; outcome: string | null }[] = [
  { field: 'node', operation: 'query ($id: ID!) { node(id: $id) { __typename } }', outcome: null },
  { field: 'user', operation: 'query ($id: ID!) { user(by: { id: $id }) { __typename } }', outcome: null },
  ...['follow', 'unfollow'].map((field) => ({
    field,
    operation: `mutation ($id: ID!) { ${field}(target: { userId: $id }) { __typename } }`,
    outcome: 'NotFoundError',
  })),
  ...aboutUser.map((field) => ({
    field,
    operation: `mutation ($id: ID!) { ${field}(userId: $id) { __typename } }`,
    outcome: 'NotFoundError',
  })),
];

for (const { field, operation, outcome } of idFields) {
  test(`an id in ${field} names nobody, or is no id`, async () => {
    await amongWorkers(newPerson, async (person, id) => {
      const answer = await person.ask<Outcome['data'], object>(operation, { id });
      expect(outcomeOf(answer, field), quoted(id)).toBe(isUserId(id) ? outcome : `BAD_USER_INPUT at ${field}`);
    });
  });
}

test('ids in a list name nobody, and the list is answered all the same', async () => {
  const ada = await newPerson();
  for (let start = 0; start < texts.length; start += 99) {
    const ids = [...texts.slice(start, start + 99), ada.id];
    const { nodes } = await ada.query<{ nodes: object[] }, object>('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', {
      ids,
    });
    expect(nodes).toEqual([...ids.slice(1).map(() => null), { id: ada.id }]);
  }
});

test('an id that is no event is refused', async () => {
  await amongWorkers(newPerson, async (person, id) => {
    const answer = await person.ask<Outcome['data'], object>(
      'mutation ($id: ID!) { deleteEvent(id: $id) { __typename } }',
      { id },
    );
    expect(outcomeOf(answer, 'deleteEvent'), quoted(id)).toBe(
      isUserId(id) ? 'NotFoundError' : 'BAD_USER_INPUT at deleteEvent',
    );
  });
});

/** Every list of a user, and `after` and `before` of each in one operation. */
const lists = Object.values((schema.getType('User') as GraphQLObjectType).getFields()).filter(({ args }) =>
  args.some(({ name }) => name === 'after'),
);
const cursorsQuery = `query ($id: ID, $cursor: String) {
  ${lists
    .flatMap(({ name }) =>
      [`first: 1, after`, 'last: 1, before'].map((size) => `${name}(${size}: $cursor) { pageInfo { hasNextPage } }`),
    )
    .map((list, index) => `list${index}: user(by: { id: $id }) { ${list} }`)
    .join('\n')}
}`;

test('a text is no cursor of any list, and none of a search', async () => {
  expect(lists.length).toBeGreaterThanOrEqual(9);
  await amongWorkers(newPerson, async (person, cursor) => {
    const { errors } = await person.ask(cursorsQuery, { id: person.id, cursor });
    expect(errors?.map(({ extensions, path }) => [extensions.code, path?.[0]]).toSorted(), quoted(cursor)).toEqual(
      Array.from({ length: 2 * lists.length }, (_, index) => ['BAD_USER_INPUT', `list${index}`]).toSorted(),
    );
    const search = 'query ($cursor: String) { users(search: "a", after: $cursor) { edges { cursor } } }';
    expect(outcomeOf(await person.ask(search, { cursor }), 'users'), quoted(cursor)).toBe('BAD_USER_INPUT at users');
  });
  const ada = await newPerson();
  const { errors } = await ada.ask(cursorsQuery, { id: ada.id, cursor: null });
  expect(errors).toBeUndefined();
});

test('nothing but the right confirmation deletes an account', async () => {
  await amongWorkers(newPerson, async (person, confirmation) => {
    expect(await deleteAccount(person, confirmation), quoted(confirmation)).toEqual({
      __typename: 'WrongConfirmationError',
      message: expect.any(String),
    });
  });
  const ada = await newPerson();
  await ada.upsertProfile({ username: 'lpt9' });
  expect(await deleteAccount(ada, ' LPT9\u3000')).toMatchObject({ __typename: 'DeletedAccount' });
});

/** What a client's own encoding leaves of a file name: it is one in a folder, or stands in for a missing one. */
const isWhole = (name: string) => !/[\\/]|\p{Cs}/u.test(name) && !['', '.', '..'].includes(name);

test("a picture's alternative text is kept or refused, and its file's name is kept", async () => {
  const isAltText = by({ graphemes: 1_500, isClearable: true });
  await amongWorkers(newPerson, async (person, text) => {
    const file = isWhole(text) ? { name: text } : {};
    const uploaded = await person.upload(picture, { ...file, altText: text });
    const refusal = { __typename: 'InvalidInputError', fields: [{ path: 'altText' }] };
    if (!isAltText(text)) expect(uploaded, quoted(text)).toMatchObject(refusal);
    if (!isAltText(text)) await person.upload(picture, file);
    const { me } = await person.query<{ me: { picture: object } }, object>(
      '{ me { picture { altText originalName } } }',
    );
    expect(me.picture, quoted(text)).toEqual({
      altText: isAltText(text) ? text.trim() || null : null,
      originalName: isWhole(text)
        ? Array.from(text.replace(/\p{Cc}/gu, ''))
            .slice(0, 255)
            .join('') || null
        : 'photo.jpg',
    });
  });
});

test("a picture's new alternative text is kept or refused", async () => {
  const isAltText = by({ graphemes: 1_500, isClearable: true });
  const withPicture = async () => {
    const person = await newPerson();
    await person.upload(picture);
    return person;
  };
  const mutation = `mutation ($text: String) {
    changePictureAltText(version: 1, altText: $text) { __typename ... on InvalidInputError { fields { path } } }
  }`;
  await amongWorkers(withPicture, async (person, text) => {
    const { changePictureAltText } = await person.query<{ changePictureAltText: object }, object>(mutation, { text });
    if (!isAltText(text)) {
      return expect(changePictureAltText, quoted(text)).toEqual({
        __typename: 'InvalidInputError',
        fields: [{ path: 'altText' }],
      });
    }
    const { me } = await person.query<{ me: { picture: object } }, object>('{ me { picture { altText } } }');
    expect(me.picture, quoted(text)).toEqual({ altText: text.trim() || null });
  });
});

test('a file without a name is refused, and not sent back', async () => {
  const ada = await newPerson();
  const refused = String(await ada.upload(Buffer.alloc(1_000_000), { name: '' }).catch(String));
  expect(refused).toContain('BAD_USER_INPUT');
  expect(refused).toContain('Expected a file, sent by the GraphQL multipart request specification.');
  expect(refused.length).toBeLessThan(5_000);
});

test('a text over a WebSocket is as good as over HTTP', async () => {
  const isReview = by({ codePoints: 10_000 });
  const connected = async () => {
    const person = await newPerson();
    return { person, socket: await signIn(address, { token: person.token }) };
  };
  const mutation = `mutation ($text: String) {
    recordEvent(input: { type: REVIEW, movieId: 1, review: $text }) { __typename ... on Event { id } ... on InvalidInputError { fields { path } } }
  }`;
  await amongWorkers(connected, async ({ person, socket }, text) => {
    const [{ data, errors }] = (await socket.ask(mutation, { text })) as [
      { data: { recordEvent: { id: string } }; errors?: object[] },
    ];
    expect(errors).toBeUndefined();
    if (!isReview(text))
      return expect(data.recordEvent).toEqual({ __typename: 'InvalidInputError', fields: [{ path: 'review' }] });
    const { node } = await person.query<{ node: object }, object>(
      'query ($id: ID!) { node(id: $id) { ... on Event { review } } }',
      { id: data.recordEvent.id },
    );
    expect(node).toEqual({ review: text.trim() });
  });
});

test('a subscription to a text is silent, or refused where it is no id', async () => {
  const query = `subscription ($id: ID!) {
    profilePictureUpdated(userIds: [$id], known: [{ userId: $id, revision: 0 }]) { userId }
  }`;
  await amongWorkers(
    () => signIn(address),
    async (socket, id) => {
      const operation = `of ${id}`;
      socket.send({ type: 'subscribe', id: operation, payload: { query, variables: { id } } });
      if (isUserId(id)) return socket.send({ type: 'complete', id: operation });
      const { errors } = await socket.expect('next', operation);
      expect(errors[0].extensions.code, quoted(id)).toBe('BAD_USER_INPUT');
      await socket.expect('complete', operation);
    },
  );
});

/** The bytes of a text as a header carries them; null where no client could send them. */
function toHeader(text: string): string | null {
  const value = Buffer.from(text).toString('latin1');
  return /[\0\r\n]/.test(value) ? null : value;
}

test('a text in a header is kept, or refused', async () => {
  const acknowledge = 'mutation { acknowledgePictureRevision(revision: 0) { userAgent } }';
  await amongWorkers(newPerson, async (person, text) => {
    const value = toHeader(text);
    if (value === null) return;
    const asked = '{ me { syncSessions { userAgent } } }';
    const asNobody = await person.ask(asked, {}, { authorization: `Bearer ${value}` });
    expect([asNobody.status, asNobody.errors?.[0]?.extensions.code], quoted(text)).toEqual([401, 'UNAUTHENTICATED']);
    const asOthers = await person.ask(asked, {}, { 'visage-view-as': value });
    expect(asOthers.errors?.[0]?.extensions.code, quoted(text)).toBe('BAD_USER_INPUT');
    const { errors } = await person.ask(acknowledge, {}, { 'user-agent': value });
    expect(errors, quoted(text)).toBeUndefined();
    const { me } = await person.query<{ me: object }, object>(asked);
    // Spaces and tabs at its ends are no part of a header's value (RFC 9110, 5.5).
    const userAgent = value.replace(/^[ \t]+|[ \t]+$/g, '').slice(0, 512);
    expect(me, quoted(text)).toEqual({ syncSessions: [{ userAgent }] });
  });
});
