import pg from 'pg';
import type { EventType } from '../../src/generated/prisma/enums.ts';
import type { TestApp } from './app.ts';
import type { Answer, Person } from './person.ts';

export interface EventInput {
  type: EventType;
  movieId: number;
  rating?: number | null;
  review?: string | null;
  occurredAt?: string | null;
  idempotencyKey?: string | null;
}

export interface RecordedEvent extends Required<Omit<EventInput, 'idempotencyKey'>> {
  __typename: 'Event';
  id: string;
  createdAt: string;
}

export interface Refused {
  __typename: 'InvalidInputError' | 'NotFoundError';
  fields: { path: string; message: string }[];
}

export const eventTypes: EventType[] = ['VIEW', 'RATING', 'WATCHLIST_ADD', 'WATCHLIST_REMOVE', 'REVIEW'];

/** An event of a type with just what it needs. */
export const eventOf = (type: EventType, input: Partial<EventInput> = {}): EventInput => ({
  type,
  movieId: 1,
  ...(type === 'RATING' && { rating: 7.5 }),
  ...(type === 'REVIEW' && { review: 'Worth it.' }),
  ...input,
});

const eventFields = '__typename id type movieId rating review occurredAt createdAt';
const refusedFields = '__typename ... on InvalidInputError { fields { path message } }';

export const recordEventMutation = `
  mutation ($input: RecordEventInput!) { recordEvent(input: $input) { ${refusedFields} ... on Event { ${eventFields} } } }`;
export const recordEventsMutation = `
  mutation ($inputs: [RecordEventInput!]!) {
    recordEvents(inputs: $inputs) { ${refusedFields} ... on RecordedEvents { events { ${eventFields} } } }
  }`;
export const deleteEventMutation = `
  mutation ($id: ID!) { deleteEvent(id: $id) { __typename ... on DeletedEvent { id } } }`;
export const deleteEventsMutation = `
  mutation ($types: [EventType!], $movieId: Int, $before: DateTime) {
    deleteEvents(types: $types, movieId: $movieId, before: $before) { ${refusedFields} ... on DeletedEvents { count } }
  }`;

/** Records an event, whatever comes of it. */
export const tryToRecord = async (person: Person, input: object) =>
  (await person.query<{ recordEvent: RecordedEvent | Refused }, object>(recordEventMutation, { input })).recordEvent;

/** Records a batch, whatever comes of it. */
export const tryToRecordAll = async (person: Person, inputs: object[]) =>
  (
    await person.query<{ recordEvents: { __typename: 'RecordedEvents'; events: RecordedEvent[] } | Refused }, object>(
      recordEventsMutation,
      { inputs },
    )
  ).recordEvents;

/** Records an event; fails the test where it is refused. */
export async function recordEvent(person: Person, input: EventInput): Promise<RecordedEvent> {
  const result = await tryToRecord(person, input);
  if (result.__typename === 'Event') return result;
  throw new Error(JSON.stringify(result));
}

/** Records a batch; fails the test where it is refused. */
export async function recordEvents(person: Person, inputs: EventInput[]): Promise<RecordedEvent[]> {
  const result = await tryToRecordAll(person, inputs);
  if (result.__typename === 'RecordedEvents') return result.events;
  throw new Error(JSON.stringify(result));
}

export const deleteEvent = async (person: Person, id: string) =>
  (await person.query<{ deleteEvent: object }, object>(deleteEventMutation, { id })).deleteEvent;

export const deleteEvents = async (person: Person, filter: object) =>
  (await person.query<{ deleteEvents: object }, object>(deleteEventsMutation, filter)).deleteEvents;

export interface ListArgs {
  first?: number | null;
  after?: string | null;
  last?: number | null;
  before?: string | null;
  types?: EventType[] | null;
  movieId?: number | null;
}

export interface EventList {
  edges: { cursor: string; node: RecordedEvent }[];
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string | null; endCursor: string | null };
}

const listQuery = `
  query ($id: ID, $first: Int, $after: String, $last: Int, $before: String, $types: [EventType!], $movieId: Int) {
    user(by: { id: $id }) {
      events(first: $first, after: $after, last: $last, before: $before, types: $types, movieId: $movieId) {
        edges { cursor node { ${eventFields} } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }
  }`;

interface Listed {
  user: { events: EventList } | null;
}

/** Asks for a page of a user's events, and answers whatever came. */
export const askForEvents = (viewer: Person, ownerId: string, args: ListArgs = {}): Promise<Answer<Listed>> =>
  viewer.ask<Listed, object>(listQuery, { id: ownerId, ...args });

/** A page of a user's events; fails the test where the user is not there. */
export async function listEvents(viewer: Person, ownerId: string, args: ListArgs = {}): Promise<EventList> {
  const { user } = await viewer.query<Listed, object>(listQuery, { id: ownerId, ...args });
  if (!user) throw new Error(`The user ${ownerId} is not there.`);
  return user.events;
}

export const idsOf = ({ edges }: EventList): string[] => edges.map(({ node }) => node.id);

/** Runs SQL on a connection of its own, all of it on the same one. */
export async function onDatabase<Result>(
  { database }: Pick<TestApp, 'database'>,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ connectionString: database.connectionString, options: '-c TimeZone=UTC' });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Waits until so many statements wait for a lock that somebody else has. */
export async function waitForLockWaits(app: Pick<TestApp, 'database'>, count: number): Promise<void> {
  const sql = `
    select count(*)::int as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  await onDatabase(app, async (client) => {
    for (let waiting = -1; waiting < count; ) waiting = (await client.query(sql)).rows[0].count;
  });
}
