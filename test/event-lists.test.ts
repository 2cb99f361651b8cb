import fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EventType } from '../src/generated/prisma/enums.ts';
import {
  deleteEventById,
  eventsById,
  eventsOfMovie,
  eventsOfTypes,
  eventsOfUsers,
  insertEvents,
} from '../src/modules/event/queries.ts';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import {
  askForEvents,
  deleteEvent,
  type EventList,
  eventOf,
  eventTypes,
  idsOf,
  type ListArgs,
  listEvents,
  onDatabase,
  type RecordedEvent,
  recordEvent,
  recordEvents,
} from './support/events.ts';
import { anonymous, createPerson, type Person } from './support/person.ts';
import { explain, planModes, type Step } from './support/plans.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

/** A moment of a day of few moments, so that many events share one. */
const moment = (second: number) => `2020-01-01T00:00:${String(second).padStart(2, '0')}.000Z`;

/** As lists are to be: by time, then by id, newest first. */
const newestFirst = (events: RecordedEvent[]) =>
  events.toSorted((a, b) => ((a.occurredAt ?? '') + a.id < (b.occurredAt ?? '') + b.id ? 1 : -1));

/** Every page, from the start or from the end, as one list; `between` runs after each page. */
async function readAll(
  viewer: Person,
  ownerId: string,
  { size, isForward, ...filter }: { size: number; isForward: boolean } & ListArgs,
  between: () => Promise<void> = async () => {},
): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  for (let hasMore = true; hasMore; ) {
    const page: ListArgs = isForward ? { first: size, after: cursor } : { last: size, before: cursor };
    const list: EventList = await listEvents(viewer, ownerId, { ...filter, ...page });
    ids.splice(isForward ? ids.length : 0, 0, ...idsOf(list));
    cursor = isForward ? list.pageInfo.endCursor : list.pageInfo.startCursor;
    hasMore = isForward ? list.pageInfo.hasNextPage : list.pageInfo.hasPreviousPage;
    await between();
  }
  return ids;
}

const anyFilter = fc.record({
  types: fc.option(fc.uniqueArray(fc.constantFrom(...eventTypes), { minLength: 1 })),
  movieId: fc.option(fc.integer({ min: 1, max: 3 })),
});
const anyPaging = fc.record({ size: fc.integer({ min: 1, max: 12 }), isForward: fc.boolean() });

describe("a user's events", () => {
  let ada: Person;
  let events: RecordedEvent[];
  beforeAll(async () => {
    ada = await createPerson(app);
    const inputs = Array.from({ length: 60 }, (_, index) =>
      eventOf(eventTypes[(index * 7) % 5] as EventType, {
        movieId: (index % 3) + 1,
        occurredAt: moment((index * 11) % 8),
      }),
    );
    events = await recordEvents(ada, inputs);
  });

  test('come newest first, 20 a page, those of one moment by id', async () => {
    const list = await listEvents(ada, ada.id);
    expect(idsOf(list)).toEqual(
      newestFirst(events)
        .map(({ id }) => id)
        .slice(0, 20),
    );
    expect(list.pageInfo).toEqual({
      hasNextPage: true,
      hasPreviousPage: false,
      startCursor: list.edges[0]?.cursor,
      endCursor: list.edges[19]?.cursor,
    });
  });

  test('are all there once, page by page, by whatever filter and from either end', async () => {
    await fc.assert(
      fc.asyncProperty(anyFilter, anyPaging, async (filter, paging) => {
        const { types, movieId } = filter;
        const fitting = events.filter(
          (event) => (types?.includes(event.type) ?? true) && (movieId === null || event.movieId === movieId),
        );
        const read = await readAll(ada, ada.id, { ...filter, ...paging });
        expect(read).toEqual(newestFirst(fitting).map(({ id }) => id));
      }),
      { numRuns: 60 },
    );
  });

  test('lie between two cursors, both left out', async () => {
    const { edges } = await listEvents(ada, ada.id, { first: 10 });
    const between = { after: edges[2]?.cursor ?? null, before: edges[7]?.cursor ?? null };
    const ids = edges.map(({ node }) => node.id);
    expect(idsOf(await listEvents(ada, ada.id, { first: 100, ...between }))).toEqual(ids.slice(3, 7));
    expect(idsOf(await listEvents(ada, ada.id, { last: 2, ...between }))).toEqual(ids.slice(5, 7));
    expect(idsOf(await listEvents(ada, ada.id, { first: 2, ...between }))).toEqual(ids.slice(3, 5));
  });

  test('of no type, or about a movie without any, are an empty list', async () => {
    const empty = {
      edges: [],
      pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
    };
    for (const filter of [{ types: [] }, { movieId: 99 }, { movieId: 0 }, { movieId: -1 }, { movieId: 2_147_483_647 }])
      expect(await listEvents(ada, ada.id, filter)).toEqual(empty);
  });

  test('of types that are named twice or in another order are the same list', async () => {
    const { pageInfo } = await listEvents(ada, ada.id, { types: ['VIEW', 'RATING'], first: 1 });
    const after = pageInfo.endCursor;
    const types: EventType[] = ['RATING', 'VIEW', 'RATING'];
    expect((await listEvents(ada, ada.id, { types, after, first: 100 })).edges).toHaveLength(23);
  });

  test.each<[string, ListArgs]>([
    ['a page of 0', { first: 0 }],
    ['a page of 101', { last: 101 }],
    ['a negative page', { first: -1 }],
    ['first with last', { first: 1, last: 1 }],
    ['what is no cursor', { after: 'x' }],
  ])('are refused with %s: BAD_USER_INPUT', async (_, args) => {
    const { errors } = await askForEvents(ada, ada.id, args);
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  });

  test('are refused after a cursor of another filter or of another user', async () => {
    const grace = await createPerson(app);
    const { pageInfo } = await listEvents(ada, ada.id, { first: 1 });
    for (const [ownerId, filter] of [
      [ada.id, { types: ['VIEW'] as EventType[] }],
      [ada.id, { movieId: 1 }],
      [grace.id, {}],
    ] as const) {
      const { errors } = await askForEvents(grace, ownerId, { ...filter, after: pageInfo.endCursor });
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    }
  });

  test('of long ago are paged to the millisecond, whatever the time zone of the server', async () => {
    const grace = await createPerson(app);
    const zone = process.env.TZ;
    // Its clocks were 53 minutes and 28 seconds ahead until 1893.
    process.env.TZ = 'Europe/Berlin';
    try {
      const times = ['1799-12-31T23:59:59.999Z', '1800-01-01T00:00:00.000Z', '1800-01-01T00:00:00.001Z'];
      const old = await recordEvents(
        grace,
        times.map((occurredAt) => eventOf('VIEW', { occurredAt })),
      );
      const ids = old.map(({ id }) => id).reverse();
      expect(await readAll(grace, grace.id, { size: 1, isForward: true })).toEqual(ids);
      expect(await readAll(grace, grace.id, { size: 1, isForward: false })).toEqual(ids);
    } finally {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    }
  });
});

describe('pages that are read while events come and go', () => {
  const anyChange = fc.oneof(
    fc.record({
      kind: fc.constant('record' as const),
      type: fc.constantFrom(...eventTypes),
      movieId: fc.integer({ min: 1, max: 3 }),
      second: fc.integer({ min: 0, max: 9 }),
    }),
    fc.record({ kind: fc.constant('delete' as const), pick: fc.nat() }),
  );

  test('show no event twice, and lose none that was there throughout', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyFilter,
        anyPaging,
        fc.array(anyChange, { maxLength: 25 }),
        async (filter, paging, changes) => {
          const ada = await createPerson(app);
          const inputs = Array.from({ length: 30 }, (_, index) =>
            eventOf(eventTypes[index % 5] as EventType, { movieId: (index % 3) + 1, occurredAt: moment(index % 10) }),
          );
          const recorded = await recordEvents(ada, inputs);
          const left = new Set(recorded);
          const change = async (next: (typeof changes)[number] | undefined) => {
            if (next?.kind === 'record') {
              const { type, movieId, second } = next;
              await recordEvent(ada, eventOf(type, { movieId, occurredAt: moment(second) }));
            }
            const gone = next?.kind === 'delete' && [...left][next.pick % left.size];
            if (!gone) return;
            await deleteEvent(ada, gone.id);
            left.delete(gone);
          };
          const queue = [...changes];
          const read = await readAll(ada, ada.id, { ...filter, ...paging }, async () => {
            for (const next of queue.splice(0, 4)) await change(next);
          });
          const { types, movieId } = filter;
          const fits = (event: RecordedEvent) =>
            (types?.includes(event.type) ?? true) && (movieId === null || event.movieId === movieId);
          expect(new Set(read).size).toBe(read.length);
          const throughout = newestFirst([...left].filter(fits)).map(({ id }) => id);
          expect(read.filter((id) => throughout.includes(id))).toEqual(throughout);
        },
      ),
      { numRuns: 40 },
    );
  }, 120_000);
});

describe('the statements of a list', () => {
  const ownQuery = 'query ($first: Int) { me { events(first: $first) { edges { cursor node { id type } } } } }';

  test('of 50 own events is one, since nothing of the user is asked for', async () => {
    const ada = await createPerson(app);
    await recordEvents(
      ada,
      Array.from({ length: 60 }, () => eventOf('VIEW')),
    );
    app.takeStatements();
    const { me } = await ada.query<{ me: { events: EventList } }, object>(ownQuery, { first: 50 });
    expect(app.takeStatements()).toHaveLength(1);
    expect(me.events.edges).toHaveLength(50);
  });

  test.each<ListArgs>([{ types: ['VIEW', 'RATING'] }, { movieId: 1 }, { types: ['VIEW'], movieId: 1 }, { last: 5 }])(
    'with %j are two: the user, and the page',
    async (args) => {
      const ada = await createPerson(app);
      await recordEvents(
        ada,
        eventTypes.map((type) => eventOf(type)),
      );
      app.takeStatements();
      await listEvents(ada, ada.id, args);
      expect(app.takeStatements()).toHaveLength(2);
    },
  );

  test('of 20 users at once are two, whoever of them shows which part', async () => {
    const people = await Promise.all(Array.from({ length: 20 }, () => createPerson(app)));
    for (const [index, person] of people.entries()) {
      await recordEvents(
        person,
        eventTypes.map((type) => eventOf(type, { movieId: index + 1 })),
      );
      const ratings = index % 2 ? 'PUBLIC' : 'PRIVATE';
      await person.upsertPrivacy({ ratings, watchHistory: index % 3 ? 'PUBLIC' : 'PRIVATE' });
    }
    const query = `query ($ids: [ID!]!) {
      nodes(ids: $ids) { ... on User { id events(types: [VIEW, REVIEW]) { edges { node { type movieId } } } } }
    }`;
    app.takeStatements();
    const { nodes } = await anonymous(app).query<{ nodes: { events: EventList }[] }, object>(query, {
      ids: people.map(({ id }) => id),
    });
    expect(app.takeStatements()).toHaveLength(2);
    const seen = nodes.map(({ events }) => events.edges.map(({ node }) => `${node.type} ${node.movieId}`).sort());
    expect(seen).toEqual(
      people.map((_, index) => [
        ...(index % 2 ? [`REVIEW ${index + 1}`] : []),
        ...(index % 3 ? [`VIEW ${index + 1}`] : []),
      ]),
    );
  });

  test('whose parts are all hidden is the user alone', async () => {
    const [ada, grace] = [await createPerson(app), await createPerson(app)];
    await recordEvent(ada, eventOf('VIEW'));
    app.takeStatements();
    expect((await listEvents(grace, ada.id)).edges).toEqual([]);
    expect(app.takeStatements()).toHaveLength(1);
  });

  test('asked for twice by different names come right', async () => {
    const ada = await createPerson(app);
    await recordEvents(
      ada,
      eventTypes.map((type) => eventOf(type)),
    );
    const query = `{ me {
      views: events(types: [VIEW]) { ...Types }
      ratings: events(types: [RATING]) { ...Types }
      all: events { ...Types }
      again: events { ...Types }
    } }
    fragment Types on EventConnection { edges { node { type } } }`;
    const { me } = await ada.query<{ me: Record<string, EventList> }, object>(query);
    const types = Object.entries(me).map(([name, list]) => [name, list.edges.map(({ node }) => node.type)]);
    const all = eventTypes.toReversed();
    expect(Object.fromEntries(types)).toEqual({ views: ['VIEW'], ratings: ['RATING'], all, again: all });
  });
});

describe('a list of a user with 20,000 events', () => {
  type At = [at: string, id: string];
  const ownerId = `user_${randomId()}`;
  const size = 51;
  const start: At = ['infinity', '00000000-0000-0000-0000-000000000000'];
  const end: At = ['-infinity', '00000000-0000-0000-0000-000000000000'];
  let deep: At;

  beforeAll(() =>
    onDatabase(app, async (client) => {
      const others = Array.from({ length: 20 }, () => `user_${randomId()}`);
      await client.query('insert into users (id) select unnest($1::text[])', [[ownerId, ...others]]);
      // Two of a thousand are ratings, one a review; every tenth movie is the same one.
      const seed = `
        insert into events (id, user_id, type, movie_id, rating, review, occurred_at)
        select gen_random_uuid(), user_id,
          case n % 1000 when 1 then 'REVIEW' when 2 then 'RATING' when 3 then 'RATING'
            else (array['VIEW', 'WATCHLIST_ADD', 'WATCHLIST_REMOVE'])[n % 3 + 1] end::event_type,
          case n % 10 when 1 then 7 else n % 500 + 100 end,
          case when n % 1000 in (2, 3) then 5 end, case when n % 1000 = 1 then 'Worth it.' end,
          timestamptz '2024-01-01' - n * interval '1 minute'
        from unnest($1::text[]) as user_id, generate_series(1, $2::int) as n`;
      await client.query(seed, [[ownerId], 20_000]);
      await client.query(seed, [others, 1_000]);
      await client.query('analyze');
      const { rows } = await client.query(
        'select occurred_at, id from events where user_id = $1 order by occurred_at desc, id desc offset 15000 limit 1',
        [ownerId],
      );
      deep = [rows[0].occurred_at.toISOString(), rows[0].id];
    }),
  );

  const lists = [
    {
      name: 'of every type',
      statement: eventsOfUsers,
      types: eventTypes,
      index: 'events_user_id_occurred_at_id_idx',
      most: size,
      movieId: 0,
    },
    {
      name: 'of two rare types',
      statement: eventsOfTypes,
      types: ['RATING', 'REVIEW'],
      index: 'events_user_id_type_occurred_at_id_idx',
      most: 2 * size,
      movieId: 0,
    },
    {
      name: 'of three types that are most of all',
      statement: eventsOfTypes,
      types: ['VIEW', 'WATCHLIST_ADD', 'WATCHLIST_REMOVE'],
      index: 'events_user_id_type_occurred_at_id_idx',
      most: 3 * size,
      movieId: 0,
    },
    {
      name: 'of every type about a movie',
      statement: eventsOfMovie,
      types: eventTypes,
      index: 'events_user_id_movie_id_occurred_at_id_idx',
      most: size,
      movieId: 7,
    },
  ];

  /** Nothing reads the table but by that index, no further than it has to, and nothing sorts more than that. */
  function expectPlan(steps: Step[], { index, most }: { index: string; most: number }) {
    const reads = steps.filter((step) => step.table !== undefined || step.index !== undefined);
    expect(reads.map((step) => [step.type, step.index])).toEqual([['Index Scan', index]]);
    expect(Math.max(...steps.map(({ rows, removed }) => rows + removed))).toBeLessThanOrEqual(most);
  }

  test.each(lists.flatMap((list) => planModes.map((mode) => ({ ...list, mode }))))(
    '$name is read by $index, and no further than the page goes ($mode)',
    async ({ statement, types, movieId, mode, ...expected }) => {
      await onDatabase(app, async (client) => {
        const run = (which: 'newest' | 'oldest', [newest_at, newest_id]: At, [oldest_at, oldest_id]: At) => {
          const bounds = { newest_at, newest_id, oldest_at, oldest_id, row_count: size };
          const pages = [{ page: 0, user_id: ownerId, types, movie_id: movieId, ...bounds }];
          return explain(client, statement[which], [JSON.stringify(pages)], mode);
        };
        expectPlan(await run('newest', start, end), expected);
        expectPlan(await run('newest', deep, end), expected);
        expectPlan(await run('oldest', start, end), expected);
        expectPlan(await run('oldest', start, deep), expected);
      });
    },
  );

  /** Through what a statement reads events, whatever it writes; the table's name stands for reading it whole. */
  const waysToEvents = (steps: Step[]) => {
    const reads = steps.filter(({ type }) => type.endsWith('Scan') && type !== 'Bitmap Heap Scan');
    return reads.flatMap(({ table, index }) => index ?? table ?? []).filter((name) => name.startsWith('events'));
  };

  test.each(planModes)('has events that are found, recorded and deleted by their indexes (%s)', async (mode) => {
    await onDatabase(app, async (client) => {
      const ids = (await client.query('select id from events where user_id = $1 limit 10', [ownerId])).rows.map(
        ({ id }) => id,
      );
      const found = await explain(client, eventsById, [ids], mode);
      expect(waysToEvents(found)).toEqual(['events_pkey']);
      expect(Math.max(...found.map(({ rows, removed }) => rows + removed))).toBe(10);

      const row = { type: 'VIEW', movie_id: 1, occurred_at: moment(1) };
      const rows = ids.map(() => ({ ...row, id: uuidv7(), idempotency_key: randomId() }));
      const recorded = await explain(client, insertEvents, [ownerId, JSON.stringify(rows)], mode);
      expect(waysToEvents(recorded)).toEqual(['events_user_id_idempotency_key_key']);

      const deleted = await explain(client, deleteEventById, [ownerId, ids[0]], mode);
      expect(waysToEvents(deleted)).toEqual(['events_pkey']);
    });
  });
});
