import { v7 as uuidv7 } from 'uuid';
import { NotFoundError, unauthenticated } from '../../errors.ts';
import type { Database, Statement } from '../../platform/database.ts';
import { createSharedLoader } from '../../platform/shared-loader.ts';
import { type EventInput, readEventInput, readEventInputs, readEventsFilter } from './input.ts';
import {
  deleteEventById,
  deleteEventsWhere,
  insertEvents,
  insertEventsInTurn,
  insertEventsOfMany,
  type RecordedRow,
} from './queries.ts';
import type { EventRecord } from './record.ts';

type Deps = { db: Pick<Database, 'query'> };

/**
 * Records an event of the user. The same idempotency key a second time answers the first event, whatever else the input
 * says, and records nothing. Throws InvalidInputError.
 */
export async function recordEvent(deps: Deps, userId: string, input: object): Promise<EventRecord> {
  const read = readEventInput(input, new Date());
  // Most events have no key, and so no earlier one to be looked for.
  if (read.idempotencyKey === null) return insert(deps, { id: uuidv7(), userId, ...read });
  const [event] = await record(deps, userId, [read]);
  if (!event) throw new Error('Nothing was recorded.');
  return event;
}

/** Records a batch, all or none, and answers the event of each input, in their order. Throws InvalidInputError. */
export async function recordEvents(deps: Deps, userId: string, inputs: readonly object[]): Promise<EventRecord[]> {
  return record(deps, userId, readEventInputs(inputs, new Date()));
}

type Entry = EventInput & { id: string };

/** What tells an event from the others of its batch. */
const placeOf = ({ id, idempotencyKey }: Pick<Entry, 'id' | 'idempotencyKey'>) =>
  idempotencyKey === null ? `id ${id}` : `key ${idempotencyKey}`;

interface Insertion extends Entry {
  userId: string;
}

/** Nobody else waits for who has to wait for a change of their own account. */
async function insert({ db }: Deps, insertion: Insertion): Promise<EventRecord> {
  const together = await insertions(db, insertEventsOfMany, insertion);
  const event = together ?? (await insertAll(db, insertEventsInTurn, [insertion]))[0];
  if (!event) throw userDeleted();
  return event;
}

/** Events of many users by one statement; null for each that it passed over. */
const insertions = createSharedLoader(
  (db, statement, asked: readonly Insertion[]) =>
    insertAll(db, asked.length === 1 ? insertEventsInTurn : statement, asked),
  { maxBatchSize: 100, writes: true },
);

async function insertAll(
  db: Deps['db'],
  statement: Statement,
  asked: readonly Insertion[],
): Promise<(EventRecord | null)[]> {
  const rows = asked.map((insertion) => ({ user_id: insertion.userId, ...toRow(insertion) }));
  const events = await db.query<EventRecord>(statement, [JSON.stringify(rows)]);
  const byId = new Map(events.map((event) => [event.id, event]));
  return asked.map(({ id }) => byId.get(id) ?? null);
}

const userDeleted = () => unauthenticated('The user of this token was deleted.');

async function record({ db }: Deps, userId: string, inputs: EventInput[]): Promise<EventRecord[]> {
  const entries = inputs.map((input): Entry => ({ ...input, id: uuidv7() }));
  const distinct = new Map<string, Entry>();
  for (const entry of entries) if (!distinct.has(placeOf(entry))) distinct.set(placeOf(entry), entry);
  const values = [userId, JSON.stringify(Array.from(distinct.values(), toRow))];
  const rows = await db.query<RecordedRow>(insertEvents, values);
  if (rows.length === 0) throw userDeleted();
  const events = new Map(rows.map((row) => [placeOf(row), row]));
  return entries.map((entry) => {
    const event = events.get(placeOf(entry));
    if (!event) throw new Error(`No event came back for the ${placeOf(entry)}.`);
    return event;
  });
}

const toRow = ({ id, type, movieId, rating, review, occurredAt, idempotencyKey }: Entry) => ({
  id,
  type,
  movie_id: movieId,
  rating,
  review,
  occurred_at: occurredAt,
  idempotency_key: idempotencyKey,
});

/** Deletes an event of the user; its idempotency key records anew from then on. Throws NotFoundError. */
export async function deleteEvent({ db }: Deps, userId: string, id: string): Promise<void> {
  const count = countOf(await db.query<{ count: number }>(deleteEventById, [userId, id]));
  if (count === 0) throw new NotFoundError('Expected an event of yours, and there is none with that id.');
}

/** Deletes the user's events that fit everything given, and answers how many they were. Throws InvalidInputError. */
export async function deleteEvents({ db }: Deps, userId: string, filter: object): Promise<number> {
  const { types, movieId, before } = readEventsFilter(filter);
  const values = [userId, types, movieId, before?.toISOString() ?? null];
  return countOf(await db.query<{ count: number }>(deleteEventsWhere, values));
}

function countOf([row]: { count: number }[]): number {
  if (!row) throw userDeleted();
  return row.count;
}
