import type { z } from '@hono/zod-openapi';
import { parseInput } from '../../validation.ts';
import { apiErrorStatus } from '../api-errors.ts';
import { ApiError } from './shapes.ts';

type Status = (typeof apiErrorStatus)[keyof typeof apiErrorStatus];

const meanings: Partial<Record<Status, string>> = {
  400: 'The request is not as expected; `fields` says what is wrong with which.',
  401: 'No session token, or one that does not hold.',
  404: 'There is none, or none that may be known of.',
  408: 'The body came too slowly.',
  413: 'The file, or the body, is too large.',
  415: 'The body, or the file in it, is of another type than is accepted; or it is a picture that can not be used.',
  429: 'Too often; `Retry-After` says in how many seconds to try again.',
  500: 'A mistake of the server.',
  503: 'The database or the picture store is away. Try again soon.',
};

/** An answer, for the document. */
export const json = <Shape extends z.ZodType>(schema: Shape, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});

/**
 * The errors that an address may answer, for the document. Any address may be asked too often, or while we are broken; a
 * body that may be too large may be too slow.
 */
export const errors = (...statuses: Status[]) => {
  const withBody: Status[] = statuses.includes(413) ? [408] : [];
  const all: Status[] = [...statuses, ...withBody, 429, 500, 503];
  return Object.fromEntries(all.toSorted().map((status) => [status, error(status)]));
};

function error(status: Status) {
  const description = meanings[status] ?? '';
  const [code] = Object.entries(apiErrorStatus).find(([, value]) => value === status) ?? [];
  return {
    description,
    content: { 'application/json': { schema: ApiError, example: { code, message: description } } },
    ...(status === 401 && { headers: challenge }),
    ...(status === 429 && { headers: retryAfter }),
  };
}

const challenge = { 'WWW-Authenticate': { description: '`Bearer`.', schema: { type: 'string' as const } } };
const retryAfter = { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer' as const, minimum: 1 } } };

/**
 * A hook that says what is wrong with a body as GraphQL's mutations say it. The validator hands what it was given to its
 * hooks, though their type doesn't tell.
 */
export const explain = (schema: z.ZodType) => (result: { success: boolean }) => {
  if (!result.success) parseInput(schema, (result as { data?: unknown }).data);
  return undefined;
};
