import { z } from 'zod';
import { EventType } from '../../generated/prisma/enums.ts';
import { acrossFields, key, list, type Mistake, parseInput, positiveInt, show, text } from '../../validation.ts';

/** An event as it is recorded. */
export interface EventInput {
  type: EventType;
  movieId: number;
  rating: number | null;
  review: string | null;
  occurredAt: Date;
  idempotencyKey: string | null;
}

const maxReviewCharacters = 10_000;
const maxBatchSize = 100;
/** Clocks of clients run ahead. */
const maxAheadMs = 5 * 60_000;
/** PostgreSQL has no year 0. */
const earliest = new Date('0001-01-01T00:00:00Z');

const rating = z.number().refine((value) => value >= 0.5 && value <= 10 && Number.isInteger(value * 2), {
  error: ({ input }) => `Expected 0.5 to 10 in steps of 0.5, and got ${show(input)}.`,
});

// `now` travels with the input, since a schema made for each request would be compiled for each.
const eventInput = z
  .object({
    now: z.date(),
    type: z.enum(EventType),
    movieId: positiveInt,
    rating: rating.nullish(),
    review: text({ maxCodePoints: maxReviewCharacters }).nullish(),
    occurredAt: z.date().nullish(),
    idempotencyKey: key({ maxCodePoints: 128 }).nullish(),
  })
  .check(acrossFields(findWhatDoesNotBelong), acrossFields(findOtherTimes));

const toEvent = ({
  now,
  type,
  movieId,
  rating = null,
  review = null,
  occurredAt,
  idempotencyKey = null,
}: z.output<typeof eventInput>): EventInput => ({
  type,
  movieId,
  rating,
  review,
  occurredAt: occurredAt ?? now,
  idempotencyKey,
});

const batchInput = list(eventInput, { minLength: 1, maxLength: maxBatchSize });

type Need = 'required' | 'optional' | 'refused';

const needs: Record<EventType, { rating: Need; review: Need }> = {
  VIEW: { rating: 'refused', review: 'refused' },
  WATCHLIST_ADD: { rating: 'refused', review: 'refused' },
  WATCHLIST_REMOVE: { rating: 'refused', review: 'refused' },
  RATING: { rating: 'required', review: 'refused' },
  REVIEW: { rating: 'optional', review: 'required' },
};

type Given = { type: EventType; rating?: unknown; review?: unknown };

function findWhatDoesNotBelong(given: Given): Mistake[] {
  return (['rating', 'review'] as const).flatMap((field) => {
    const need = needs[given.type]?.[field];
    const isGiven = (given[field] ?? null) !== null;
    const wrong =
      (need === 'required' && !isGiven && `Expected a ${field} with ${given.type}, and got none.`) ||
      (need === 'refused' && isGiven && `Expected no ${field} with ${given.type}, and got one.`);
    return wrong ? [{ path: [field], message: wrong }] : [];
  });
}

function findOtherTimes({ now, occurredAt }: { now: Date; occurredAt?: unknown }): Mistake[] {
  if (!(occurredAt instanceof Date)) return [];
  if (occurredAt >= earliest && occurredAt.getTime() <= now.getTime() + maxAheadMs) return [];
  const message = `Expected a time from year 1 to 5 minutes from now, and got ${show(occurredAt)}.`;
  return [{ path: ['occurredAt'], message }];
}

/** Whatever else an input has, it is none of an event's. */
const withNow = (input: Partial<Record<keyof EventInput, unknown>>, now: Date) => ({
  now,
  type: input.type,
  movieId: input.movieId,
  rating: input.rating,
  review: input.review,
  occurredAt: input.occurredAt,
  idempotencyKey: input.idempotencyKey,
});

/** @throws InvalidInputError */
export const readEventInput = (input: object, now: Date): EventInput =>
  toEvent(parseInput(eventInput, withNow(input, now)));

/**
 * A batch, all or none.
 *
 * @throws InvalidInputError with paths such as `3.rating`.
 */
export const readEventInputs = (inputs: readonly object[], now: Date): EventInput[] =>
  parseInput(
    batchInput,
    inputs.map((input) => withNow(input, now)),
  ).map(toEvent);

const filterInput = z
  .object({
    types: z.array(z.enum(EventType)).nullable().default(null),
    movieId: positiveInt.nullable().default(null),
    before: z.date().nullable().default(null),
  })
  .refine(({ types, movieId, before }) => types !== null || movieId !== null || before !== null, {
    error: 'Expected types, movieId or before, so that nobody loses all by accident, and got none of them.',
  });

/** Which events; all of what is given must fit, and null fits any. */
export type EventsFilter = z.output<typeof filterInput>;

/** @throws InvalidInputError */
export const readEventsFilter = (filter: object): EventsFilter => parseInput(filterInput, filter);
