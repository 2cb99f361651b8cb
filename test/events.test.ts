import fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EventType, Visibility } from '../src/generated/prisma/enums.ts';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import {
  deleteEvent,
  deleteEventMutation,
  deleteEvents,
  deleteEventsMutation,
  type EventInput,
  eventOf,
  eventTypes,
  idsOf,
  listEvents,
  onDatabase,
  recordEvent,
  recordEventMutation,
  recordEvents,
  recordEventsMutation,
  tryToRecord,
  tryToRecordAll,
  waitForLockWaits,
} from './support/events.ts';
import { anonymous, createPerson, type Person } from './support/person.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

const storedEvents = ({ id }: Person) =>
  app.platform.db.prisma.event.findMany({ where: { userId: id }, orderBy: { id: 'asc' } });

const auditOf = async ({ id }: Person) => {
  const entries = await app.platform.db.prisma.auditEntry.findMany({ where: { userId: id }, orderBy: { id: 'asc' } });
  return entries.filter(({ action }) => action.startsWith('event.')).map(({ action, actor }) => `${action} ${actor}`);
};

const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();

describe('recording an event', () => {
  test.each(eventTypes)('answers a %s as it is stored', async (type) => {
    const ada = await createPerson(app);
    const input = eventOf(type, { movieId: 603, occurredAt: '2020-02-29T23:59:59.987Z' });
    const recorded = await recordEvent(ada, input);
    expect(recorded).toEqual({
      __typename: 'Event',
      id: expect.stringMatching(/^event_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/),
      rating: null,
      review: null,
      createdAt: expect.any(String),
      ...input,
    });
    expect(await storedEvents(ada)).toMatchObject([{ id: recorded.id.slice('event_'.length), type, movieId: 603 }]);
    expect((await listEvents(ada, ada.id)).edges.map(({ node }) => node)).toEqual([recorded]);
  });

  test('is one statement, whether the key is new or known', async () => {
    const ada = await createPerson(app);
    app.takeStatements();
    await recordEvent(ada, eventOf('VIEW', { idempotencyKey: 'a' }));
    expect(app.takeStatements()).toHaveLength(1);
    await recordEvent(ada, eventOf('VIEW', { idempotencyKey: 'a' }));
    expect(app.takeStatements()).toHaveLength(1);
  });

  test('takes the moment for an event without a time', async () => {
    const ada = await createPerson(app);
    const before = Date.now();
    const { occurredAt } = await recordEvent(ada, eventOf('VIEW', { occurredAt: null }));
    expect(Date.parse(occurredAt as string)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(occurredAt as string)).toBeLessThanOrEqual(Date.now());
  });

  test.each(['0001-01-01T00:00:00.000Z', '1799-12-31T23:59:59.999Z', '1969-12-31T23:59:59.001Z'])(
    'keeps a time long past to the millisecond: %s',
    async (occurredAt) => {
      const ada = await createPerson(app);
      expect(await recordEvent(ada, eventOf('VIEW', { occurredAt }))).toMatchObject({ occurredAt });
      expect((await storedEvents(ada))[0]?.occurredAt.toISOString()).toBe(occurredAt);
    },
  );

  test('accepts clocks that run up to 5 minutes ahead', async () => {
    const ada = await createPerson(app);
    expect(await tryToRecord(ada, eventOf('VIEW', { occurredAt: inMinutes(4) }))).toMatchObject({
      __typename: 'Event',
    });
    expect(await tryToRecord(ada, eventOf('VIEW', { occurredAt: inMinutes(6) }))).toMatchObject({
      fields: [{ path: 'occurredAt' }],
    });
  });

  test('accepts an offset, and answers in UTC', async () => {
    const ada = await createPerson(app);
    expect(await recordEvent(ada, eventOf('VIEW', { occurredAt: '2020-01-01T01:30:00+02:00' }))).toMatchObject({
      occurredAt: '2019-12-31T23:30:00.000Z',
    });
  });

  test.each<[string, object, string[]]>([
    ['a rating without a rating', { type: 'RATING', movieId: 1 }, ['rating']],
    ['a rating with a review', { type: 'RATING', movieId: 1, rating: 1, review: 'x' }, ['review']],
    ['a review without a review', { type: 'REVIEW', movieId: 1, rating: 1 }, ['review']],
    ['an empty review', { type: 'REVIEW', movieId: 1, review: '  ' }, ['review']],
    ['a review of 10,001 characters', { type: 'REVIEW', movieId: 1, review: 'x'.repeat(10_001) }, ['review']],
    ['a view with both', { type: 'VIEW', movieId: 1, rating: 1, review: 'x' }, ['rating', 'review']],
    ['a movie below 1', { type: 'VIEW', movieId: 0 }, ['movieId']],
    ['an empty key', { type: 'VIEW', movieId: 1, idempotencyKey: '' }, ['idempotencyKey']],
    ['a key of 129 characters', { type: 'VIEW', movieId: 1, idempotencyKey: 'x'.repeat(129) }, ['idempotencyKey']],
    ['a key with U+0000', { type: 'VIEW', movieId: 1, idempotencyKey: 'a\u0000' }, ['idempotencyKey']],
    ['a review with a lone surrogate', { type: 'REVIEW', movieId: 1, review: 'a\ud800' }, ['review']],
    [
      'all that is wrong',
      { type: 'WATCHLIST_ADD', movieId: -1, rating: 11, review: '', occurredAt: '2999-01-01T00:00:00Z' },
      ['movieId', 'occurredAt', 'rating', 'review'],
    ],
  ])('refuses %s, and says where', async (_, input, paths) => {
    const ada = await createPerson(app);
    const refused = await tryToRecord(ada, input);
    if (refused.__typename === 'Event') throw new Error(refused.id);
    expect(refused.fields.map(({ path }) => path).sort()).toEqual(paths);
    expect(await storedEvents(ada)).toEqual([]);
  });

  test('accepts the longest review and key, and what needs escaping', async () => {
    const ada = await createPerson(app);
    const review = `"{NULL}\\',${'🎬'.repeat(9_988)}`;
    const idempotencyKey = `{"\\,' ${'k'.repeat(121)}`;
    expect(await recordEvent(ada, eventOf('REVIEW', { review, rating: 0.5, idempotencyKey }))).toMatchObject({
      review,
      rating: 0.5,
    });
    expect(await storedEvents(ada)).toMatchObject([{ idempotencyKey }]);
  });

  test('needs a signed-in user, who is still there', async () => {
    const variables = { input: eventOf('VIEW'), inputs: [eventOf('VIEW')], id: `event_${uuidv7()}`, movieId: 1 };
    const ada = await createPerson(app);
    await app.platform.db.prisma.user.delete({ where: { id: ada.id } });
    for (const mutation of [recordEventMutation, recordEventsMutation, deleteEventMutation, deleteEventsMutation]) {
      for (const nobody of [anonymous(app), ada]) {
        const { errors } = await nobody.ask(mutation, variables);
        expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
      }
    }
    expect(await storedEvents(ada)).toEqual([]);
  });

  test('of a user who is being deleted waits for it, and finds nobody there', async () => {
    const ada = await createPerson(app);
    const { id } = await recordEvent(ada, eventOf('VIEW'));
    const work: [string, object][] = [
      [recordEventMutation, { input: eventOf('VIEW') }],
      [deleteEventMutation, { id }],
    ];
    const answers = await onDatabase(app, async (client) => {
      await client.query('begin');
      await client.query('delete from users where id = $1', [ada.id]);
      const asked = work.map(([mutation, variables]) => ada.ask(mutation, variables));
      await waitForLockWaits(app, work.length);
      await client.query('commit');
      return Promise.all(asked);
    });
    for (const { errors } of answers) expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
    expect(await storedEvents(ada)).toEqual([]);
  });

  test('of a user who is deleted at the same moment leaves nothing, and no error of ours', async () => {
    for (let round = 0; round < 20; round += 1) {
      const ada = await createPerson(app);
      const recordings = Array.from({ length: 5 }, () =>
        ada.ask(recordEventMutation, { input: eventOf('VIEW', { idempotencyKey: 'k' }) }),
      );
      const deletion = app.platform.db.prisma.user.delete({ where: { id: ada.id } });
      const answers = await Promise.all(recordings);
      await deletion;
      const codes = answers.flatMap(({ errors = [] }) => errors.map(({ extensions }) => extensions.code));
      expect(codes.filter((code) => code !== 'UNAUTHENTICATED')).toEqual([]);
      expect(await storedEvents(ada)).toEqual([]);
    }
  });
});

describe('an event, whatever is tried,', () => {
  const anyRating = fc.oneof(
    fc.integer({ min: -2, max: 24 }).map((steps) => steps / 2),
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -20, max: 20 }),
    fc.constant(null),
  );
  const anyReview = fc.option(fc.constantFrom('', ' ', 'x', 'Worth it.'));
  const anyEvent = fc.record({ type: fc.constantFrom(...eventTypes), rating: anyRating, review: anyReview });

  const needs: Record<EventType, [rating: 'must' | 'may' | 'not', review: 'must' | 'not']> = {
    VIEW: ['not', 'not'],
    WATCHLIST_ADD: ['not', 'not'],
    WATCHLIST_REMOVE: ['not', 'not'],
    RATING: ['must', 'not'],
    REVIEW: ['may', 'must'],
  };
  const isStep = (rating: number) => rating >= 0.5 && rating <= 10 && (rating * 10) % 5 === 0;
  const fits = (need: 'must' | 'may' | 'not', isGiven: boolean) => need === 'may' || (need === 'must') === isGiven;

  /** The wrong fields, by the words of the documentation. */
  const wrongFields = ({ type, rating, review }: { type: EventType; rating: number | null; review: string | null }) => [
    ...(fits(needs[type][0], rating !== null) && (rating === null || isStep(rating)) ? [] : ['rating']),
    ...(fits(needs[type][1], review !== null) && (review === null || review.trim() !== '') ? [] : ['review']),
  ];

  test('is recorded where its type takes what it has, and else refused at those fields', async () => {
    const ada = await createPerson(app);
    await fc.assert(
      fc.asyncProperty(fc.array(anyEvent, { minLength: 1, maxLength: 20 }), async (events) => {
        const inputs = events.map((event) => ({ ...event, movieId: 1 }));
        const wrong = inputs.flatMap((input, index) => wrongFields(input).map((field) => `${index}.${field}`));
        const result = await tryToRecordAll(ada, inputs);
        if (result.__typename === 'RecordedEvents') {
          expect(wrong).toEqual([]);
          expect(result.events).toMatchObject(inputs);
        } else {
          expect(result.fields.map(({ path }) => path).sort()).toEqual(wrong.sort());
        }
      }),
      { numRuns: 60 },
    );
  });

  test('is recorded alone as it is in a batch', async () => {
    const ada = await createPerson(app);
    await fc.assert(
      fc.asyncProperty(anyEvent, async (event) => {
        const result = await tryToRecord(ada, { ...event, movieId: 1 });
        const wrong = result.__typename === 'Event' ? [] : result.fields.map(({ path }) => path);
        expect(wrong.sort()).toEqual(wrongFields(event));
      }),
      { numRuns: 60 },
    );
  });
});

describe('a batch', () => {
  test('is recorded by one statement, and answered in the order of its inputs', async () => {
    const ada = await createPerson(app);
    const inputs = Array.from({ length: 100 }, (_, index) =>
      eventOf(eventTypes[index % 5] as EventType, {
        movieId: index + 1,
        idempotencyKey: index % 2 ? null : randomId(),
      }),
    );
    app.takeStatements();
    const events = await recordEvents(ada, inputs);
    expect(app.takeStatements()).toHaveLength(1);
    expect(events.map(({ movieId }) => movieId)).toEqual(inputs.map(({ movieId }) => movieId));
    expect(await storedEvents(ada)).toHaveLength(100);
  });

  test('is listed with its last event first, where all have the same time', async () => {
    const ada = await createPerson(app);
    const events = await recordEvents(
      ada,
      [1, 2, 3].map((movieId) => eventOf('VIEW', { movieId })),
    );
    expect(idsOf(await listEvents(ada, ada.id))).toEqual(events.map(({ id }) => id).reverse());
  });

  test('is recorded all or none, and every mistake is told by its place', async () => {
    const ada = await createPerson(app);
    const inputs = [
      eventOf('VIEW'),
      eventOf('VIEW', { movieId: -3 }),
      eventOf('VIEW'),
      eventOf('RATING', { rating: 0.3 }),
    ];
    const refused = await tryToRecordAll(ada, inputs);
    if (refused.__typename === 'RecordedEvents') throw new Error('It was recorded.');
    expect(refused.fields.map(({ path }) => path)).toEqual(['1.movieId', '3.rating']);
    expect(await storedEvents(ada)).toEqual([]);
  });

  test.each([0, 101])('of %i is refused', async (length) => {
    const ada = await createPerson(app);
    const refused = await tryToRecordAll(
      ada,
      Array.from({ length }, () => eventOf('VIEW')),
    );
    expect(refused).toMatchObject({ __typename: 'InvalidInputError', fields: [{ path: '' }] });
  });

  test('with one key twice, and with keys known before, answers each place with the event of its key', async () => {
    const ada = await createPerson(app);
    const known = await recordEvent(ada, eventOf('VIEW', { movieId: 1, idempotencyKey: 'known' }));
    const keys = ['new', null, 'known', 'new', null, 'other', 'known'];
    const events = await recordEvents(
      ada,
      keys.map((idempotencyKey, index) => eventOf('VIEW', { movieId: 10 + index, idempotencyKey })),
    );
    expect(events.map(({ movieId }) => movieId)).toEqual([10, 11, 1, 10, 14, 15, 1]);
    expect(events[2]).toEqual(known);
    expect(events[3]).toEqual(events[0]);
    expect(await storedEvents(ada)).toHaveLength(5);
  });
});

describe('an idempotency key', () => {
  test('a second time answers the first event, whatever else differs, and records nothing', async () => {
    const ada = await createPerson(app);
    const first = await recordEvent(ada, eventOf('VIEW', { idempotencyKey: 'k' }));
    expect(await recordEvent(ada, eventOf('REVIEW', { movieId: 2, idempotencyKey: 'k' }))).toEqual(first);
    expect(await storedEvents(ada)).toHaveLength(1);
  });

  test('a second time with an input that is wrong is refused all the same', async () => {
    const ada = await createPerson(app);
    await recordEvent(ada, eventOf('VIEW', { idempotencyKey: 'k' }));
    expect(await tryToRecord(ada, { type: 'VIEW', movieId: 0, idempotencyKey: 'k' })).toMatchObject({
      fields: [{ path: 'movieId' }],
    });
  });

  test('means what it says: neither trimmed nor folded', async () => {
    const ada = await createPerson(app);
    const keys = ['k', ' k', 'K', 'k ', 'ｋ'];
    const events = await recordEvents(
      ada,
      keys.map((idempotencyKey) => eventOf('VIEW', { idempotencyKey })),
    );
    expect(new Set(events.map(({ id }) => id)).size).toBe(keys.length);
  });

  test('is of one user: another may use the same', async () => {
    const [ada, grace] = [await createPerson(app), await createPerson(app)];
    const input = eventOf('VIEW', { idempotencyKey: 'k' });
    expect((await recordEvent(ada, input)).id).not.toBe((await recordEvent(grace, input)).id);
  });

  test('records anew after its event was deleted', async () => {
    const ada = await createPerson(app);
    const input = eventOf('VIEW', { idempotencyKey: 'k' });
    const first = await recordEvent(ada, input);
    await deleteEvent(ada, first.id);
    const second = await recordEvent(ada, input);
    expect(second.id).not.toBe(first.id);
    expect(await recordEvent(ada, input)).toEqual(second);
  });

  test('under 50 retries at once records one event, which all of them get, in every round', async () => {
    const ada = await createPerson(app);
    for (let round = 1; round <= 10; round += 1) {
      const input = eventOf('VIEW', { idempotencyKey: `round ${round}` });
      const events = await Promise.all(Array.from({ length: 50 }, () => recordEvent(ada, input)));
      expect(new Set(events.map(({ id }) => id)).size).toBe(1);
      expect(await storedEvents(ada)).toHaveLength(round);
    }
  });

  test('under batches at once, in any order, records one event a key, without a deadlock', async () => {
    const ada = await createPerson(app);
    for (let round = 0; round < 5; round += 1) {
      const keys = Array.from({ length: 40 }, (_, index) => `round ${round} key ${index}`);
      const inputs = keys.map((idempotencyKey, index) => eventOf('VIEW', { movieId: index + 1, idempotencyKey }));
      const batches = Array.from({ length: 20 }, (_, index) =>
        index % 2 ? inputs : index % 3 ? inputs.toReversed() : inputs.toSorted(() => Math.random() - 0.5),
      );
      const answers = await Promise.all(batches.map((batch) => recordEvents(ada, batch)));
      for (const [index, events] of answers.entries())
        expect(events.map(({ movieId }) => movieId)).toEqual(batches[index]?.map(({ movieId }) => movieId));
      expect(new Set(answers.flat().map(({ id }) => id)).size).toBe(keys.length);
      expect(await storedEvents(ada)).toHaveLength((round + 1) * keys.length);
    }
  });

  test('under retries and deletions at once always gets an answer', async () => {
    const ada = await createPerson(app);
    const keys = Array.from({ length: 20 }, (_, index) => `key ${index}`);
    const inputs = keys.map((idempotencyKey, index) => eventOf('VIEW', { movieId: index + 1, idempotencyKey }));
    const work = Array.from({ length: 60 }, (_, index) => {
      if (index % 3 === 0) return deleteEvents(ada, { types: ['VIEW'] });
      if (index % 5 === 0) return deleteEvents(ada, { movieId: (index % 20) + 1 });
      return recordEvents(ada, index % 2 ? inputs : inputs.toReversed());
    });
    for (const answer of await Promise.all(work)) {
      if (Array.isArray(answer)) expect(answer).toHaveLength(inputs.length);
      else expect(answer).toMatchObject({ count: expect.any(Number) });
    }
    const stored = await storedEvents(ada);
    expect(new Set(stored.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(stored.length);
  });
});

describe('deleting an event', () => {
  test('takes it away for good, by one statement', async () => {
    const ada = await createPerson(app);
    const [kept, gone] = [await recordEvent(ada, eventOf('VIEW')), await recordEvent(ada, eventOf('RATING'))];
    app.takeStatements();
    expect(await deleteEvent(ada, gone.id)).toEqual({ __typename: 'DeletedEvent', id: gone.id });
    expect(app.takeStatements()).toHaveLength(1);
    expect(idsOf(await listEvents(ada, ada.id))).toEqual([kept.id]);
    // Events are their own record.
    expect(await auditOf(ada)).toEqual([]);
  });

  test('that is missing, deleted already, of somebody else or no event at all is NotFoundError', async () => {
    const [ada, grace] = [await createPerson(app), await createPerson(app)];
    const [gone, foreign] = [await recordEvent(ada, eventOf('VIEW')), await recordEvent(grace, eventOf('VIEW'))];
    await deleteEvent(ada, gone.id);
    for (const id of [gone.id, foreign.id, `event_${uuidv7()}`, ada.id, `picture_${uuidv7()}`])
      expect(await deleteEvent(ada, id)).toEqual({ __typename: 'NotFoundError' });
    expect(await storedEvents(grace)).toHaveLength(1);
  });

  test.each(['event_x', 'event_', '', 'event_0193', 'a b'])(
    'by the malformed id "%s" is BAD_USER_INPUT',
    async (id) => {
      const ada = await createPerson(app);
      const { errors } = await ada.ask(deleteEventMutation, { id });
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    },
  );
});

describe('deleting many events', () => {
  const dates = ['2020-01-01T00:00:00.000Z', '2021-01-01T00:00:00.000Z', '2022-01-01T00:00:00.000Z'];

  const recordAll = (person: Person) =>
    recordEvents(
      person,
      dates.flatMap((occurredAt) =>
        [1, 2].flatMap((movieId) => eventTypes.map((type) => eventOf(type, { movieId, occurredAt }))),
      ),
    );

  test.each<[object, (event: EventInput) => boolean]>([
    [{ types: ['VIEW', 'REVIEW'] }, ({ type }) => type === 'VIEW' || type === 'REVIEW'],
    [{ movieId: 2 }, ({ movieId }) => movieId === 2],
    [{ before: dates[1] }, ({ occurredAt }) => occurredAt === dates[0]],
    [
      { types: ['RATING'], movieId: 1, before: dates[2] },
      (event) => event.type === 'RATING' && event.movieId === 1 && event.occurredAt !== dates[2],
    ],
    [{ types: [] }, () => false],
    [{ movieId: 99 }, () => false],
  ])('takes away those that fit %j, answers how many, and leaves those of others', async (filter, isGone) => {
    const [ada, grace] = [await createPerson(app), await createPerson(app)];
    const events = await recordAll(ada);
    await recordAll(grace);
    const count = events.filter(isGone).length;
    expect(await deleteEvents(ada, filter)).toEqual({ __typename: 'DeletedEvents', count });
    const left = events.filter((event) => !isGone(event)).map(({ id }) => id);
    expect(idsOf(await listEvents(ada, ada.id, { first: 100 })).sort()).toEqual(left.sort());
    expect(await storedEvents(grace)).toHaveLength(events.length);
    expect(await deleteEvents(ada, filter)).toMatchObject({ count: 0 });
  });

  test('is one statement', async () => {
    const ada = await createPerson(app);
    await recordAll(ada);
    app.takeStatements();
    await deleteEvents(ada, { before: inMinutes(0) });
    expect(app.takeStatements()).toHaveLength(1);
    expect(await storedEvents(ada)).toEqual([]);
  });

  test.each([{}, { types: null, movieId: null, before: null }])('without any filter is refused: %j', async (filter) => {
    const ada = await createPerson(app);
    await recordEvent(ada, eventOf('VIEW'));
    expect(await deleteEvents(ada, filter)).toMatchObject({ __typename: 'InvalidInputError', fields: [{ path: '' }] });
    expect(await storedEvents(ada)).toHaveLength(1);
  });

  test('of a movie below 1 is refused', async () => {
    const ada = await createPerson(app);
    expect(await deleteEvents(ada, { movieId: 0 })).toMatchObject({ fields: [{ path: 'movieId' }] });
  });
});

describe('an event by its id', () => {
  const nodes = async (viewer: Person, ids: string[]) => {
    const query = 'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Event { type } } }';
    return (await viewer.query<{ nodes: ({ id: string } | null)[] }, object>(query, { ids })).nodes;
  };

  const seesPart: Record<Visibility, string[]> = {
    PUBLIC: ['anonymous', 'stranger', 'requester', 'follower', 'owner'],
    FOLLOWERS: ['follower', 'owner'],
    PRIVATE: ['owner'],
  };
  const visibilities = Object.keys(seesPart) as Visibility[];
  const watchTypes: EventType[] = ['VIEW', 'WATCHLIST_ADD', 'WATCHLIST_REMOVE'];
  let ada: Person;
  let viewers: Record<string, Person>;
  let ids: string[];

  beforeAll(async () => {
    const { prisma } = app.platform.db;
    ada = await createPerson(app);
    const [stranger, requester, follower, blocked, blocking] = (await Promise.all(
      Array.from({ length: 5 }, () => createPerson(app)),
    )) as [Person, Person, Person, Person, Person];
    await ada.upsertPrivacy({ profile: 'PRIVATE' });
    await prisma.followRequest.create({ data: { requesterId: requester.id, requesteeId: ada.id } });
    await prisma.follow.create({ data: { followerId: follower.id, followeeId: ada.id } });
    await prisma.block.create({ data: { blockerId: ada.id, blockedId: blocked.id } });
    await prisma.block.create({ data: { blockerId: blocking.id, blockedId: ada.id } });
    viewers = { anonymous: anonymous(app), stranger, requester, follower, blocked, blocking, owner: ada };
    ids = (
      await recordEvents(
        ada,
        eventTypes.map((type) => eventOf(type)),
      )
    ).map(({ id }) => id);
  });

  test.each(visibilities.flatMap((watchHistory) => visibilities.map((ratings) => ({ watchHistory, ratings }))))(
    'and in the list is seen as the part of its type is: %j',
    async (privacy) => {
      await ada.upsertPrivacy(privacy);
      for (const [name, viewer] of Object.entries(viewers)) {
        const isSeen = (type: EventType) =>
          seesPart[watchTypes.includes(type) ? privacy.watchHistory : privacy.ratings].includes(name);
        const expected = ids.filter((_, index) => isSeen(eventTypes[index] as EventType));
        const found = await nodes(viewer, ids);
        expect([name, found.flatMap((node) => node?.id ?? [])]).toEqual([name, expected]);
        if (name.startsWith('block')) continue;
        expect([name, idsOf(await listEvents(viewer, ada.id)).sort()]).toEqual([name, expected.toSorted()]);
      }
    },
  );

  test('is hidden by the same answer as one that is missing', async () => {
    await ada.upsertPrivacy({ watchHistory: 'PRIVATE' });
    const query = 'query ($id: ID!) { node(id: $id) { id } }';
    const hidden = await viewers.stranger?.ask(query, { id: ids[0] });
    const missing = await viewers.stranger?.ask(query, { id: `event_${uuidv7()}` });
    expect(JSON.stringify(hidden?.data)).toBe(JSON.stringify(missing?.data));
    expect(hidden?.errors).toBeUndefined();
  });

  test('comes with as many as are asked for by two statements', async () => {
    app.takeStatements();
    await nodes(viewers.stranger as Person, ids);
    expect(app.takeStatements()).toHaveLength(2);
  });

  test('is found in upper case too', async () => {
    expect(await nodes(ada, [`event_${ids[0]?.slice('event_'.length).toUpperCase()}`])).toMatchObject([{ id: ids[0] }]);
  });
});
