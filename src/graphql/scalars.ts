import { badUserInput } from '../errors.ts';
import { builder } from './builder.ts';

/** RFC 3339: date, time and offset, all of them given. A day ends at 23:59:59, and PostgreSQL knows no year 0. */
const instantPattern = /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i;

builder.scalarType('DateTime', {
  description: 'An instant, RFC 3339 in UTC.',
  serialize: (instant) => instant.toISOString(),
  parseValue: (value) => {
    const instant = typeof value === 'string' ? readInstant(value) : null;
    if (!instant) throw badUserInput('Expected an instant such as "2030-01-31T12:00:00Z" (RFC 3339).');
    return instant;
  },
});

function readInstant(text: string): Date | null {
  const [, day] = instantPattern.exec(text) ?? [];
  if (!day || !isDay(day)) return null;
  const instant = new Date(text);
  const year = instant.getUTCFullYear();
  return year >= 1 && year <= 9999 ? instant : null;
}

/** `Date` takes the 31st of February for a day in March. */
function isDay(day: string): boolean {
  const midnight = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
}

builder.scalarType('File', {
  description: 'A file sent by the GraphQL multipart request specification.',
  serialize: () => {
    throw new Error('Files are never sent to clients.');
  },
  parseValue: (value) => {
    if (isFile(value)) return value;
    throw badUserInput('Expected a file, sent by the GraphQL multipart request specification.');
  },
});

/** Yoga's files are no instances of the global `File`; but no JSON has a function in it. */
const isFile = (value: unknown): value is File =>
  typeof value === 'object' && value !== null && typeof (value as File).arrayBuffer === 'function' && 'name' in value;
