import { badUserInput } from '../errors.ts';
import { readInstant } from '../validation.ts';
import { builder } from './builder.ts';

builder.scalarType('DateTime', {
  description: 'An instant, RFC 3339 in UTC.',
  serialize: (instant) => instant.toISOString(),
  parseValue: (value) => {
    const instant = typeof value === 'string' ? readInstant(value) : null;
    if (!instant) throw badUserInput('Expected an instant such as "2030-01-31T12:00:00Z" (RFC 3339).');
    return instant;
  },
});

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
