import { type Fields, isFields } from './privacy-comparison.ts';

/** Where an answer names somebody who is not there for its reader, be it inside of a cursor. */
export function tracesOf(data: Fields, people: { id: string }[], name: string): string[] {
  const text = JSON.stringify(data);
  const cursors = Array.from(text.matchAll(/"(?:cursor|startCursor|endCursor)":"([^"]+)"/g), ([, cursor = '']) =>
    Buffer.from(cursor, 'base64url').toString(),
  );
  const all = [text, ...cursors].join();
  return people.filter(({ id }) => all.includes(id)).map(({ id }) => `${name}: the answer names ${id}`);
}

/** The fields of an answer, and those that have something in them anywhere. */
export function readFilled(data: unknown, found = { asked: new Set<string>(), filled: new Set<string>() }) {
  if (Array.isArray(data)) for (const item of data) readFilled(item, found);
  if (!isFields(data)) return found;
  for (const [field, value] of Object.entries(data)) {
    const name = `${data.__typename}.${field}`;
    found.asked.add(name);
    if (value !== null && !(Array.isArray(value) && value.length === 0)) found.filled.add(name);
    readFilled(value, found);
  }
  return found;
}
