import { z } from 'zod';
import { InvalidInputError } from './errors.ts';

/** The largest number that GraphQL's Int and PostgreSQL's integer hold. */
export const maxInt32 = 2_147_483_647;

/**
 * Room for any emoji of the standard set (35 bytes at most) as every grapheme. Without such a limit one grapheme could
 * have any number of combining marks; with it, 64 graphemes still fit into an index of PostgreSQL (2,704 bytes).
 */
const maxBytesPerGrapheme = 40;

/** The length of a text in graphemes, what a reader calls a character, or in Unicode code points, what PostgreSQL counts. */
export type TextRules = ({ maxGraphemes: number } | { maxCodePoints: number }) & {
  /** In UTF-8; 40 a grapheme if left out. */
  maxBytes?: number;
  /** Lets new lines (LF, CR LF) and tabs pass. */
  multiline?: boolean;
};

/**
 * A text of at least one character. White space at both ends is trimmed, nothing else is ever changed; refused are U+0000
 * and all other control characters, lone surrogates, and what forces a direction on the text around it (U+202A to U+202E,
 * U+2066 to U+2069). Marks that real right-to-left text needs (U+200E, U+200F, U+061C) pass.
 */
export const text = (rules: TextRules) => z.string().transform((raw, context) => checkText(raw.trim(), rules, context));

/** The same for a field that may be empty: the empty text is accepted, and stored as null. */
export const clearableText = (rules: TextRules) =>
  z.string().transform((raw, context) => checkText(raw.trim(), rules, context, 0) || null);

/** The same for a key that a client chose: it means what it says, so its ends aren't trimmed. */
export const key = (rules: TextRules) => z.string().transform((raw, context) => checkText(raw, rules, context));

/** A whole number between two bounds, both included. */
export const wholeNumber = ({ min = 0, max = maxInt32 }: { min?: number; max?: number }) =>
  z.number().refine((value) => Number.isInteger(value) && value >= min && value <= max, {
    error: ({ input }) => `Expected a whole number from ${min} to ${max}, and got ${show(input)}.`,
  });

/** An id of the outside catalogue. */
export const positiveInt = wholeNumber({ min: 1 });

/** Printable ASCII without spaces, as Clerk's ids are; what else comes can't be a user's id. */
export function isUserId(id: string): boolean {
  return /^[\x21-\x7e]{1,255}$/.test(id);
}

/** RFC 3339: date, time and offset, all of them given. A day ends at 23:59:59, and PostgreSQL knows no year 0. */
const instantPattern = /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i;

/** The instant that a text such as "2030-01-31T12:00:00Z" means; null for what is none, or not in the years 1 to 9999. */
export function readInstant(text: string): Date | null {
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

/**
 * A list of at most `maxLength`. One that is too long is one mistake: its items aren't looked at. With `uniqueBy`, an item
 * whose key came before is a mistake at its index.
 */
export function list<Item extends z.ZodType>(
  item: Item,
  { minLength = 0, maxLength, uniqueBy }: ListRules<z.output<Item>>,
) {
  const length = z.array(z.unknown()).refine((items) => items.length >= minLength && items.length <= maxLength, {
    error: ({ input }) => `Expected ${minLength} to ${maxLength} items, and got ${show(input)}.`,
  });
  const items = z.array(item);
  if (!uniqueBy) return length.pipe(items);
  return length.pipe(
    items.check(acrossFields((values) => repeatedAmong(values.map((value) => value && uniqueBy(value))))),
  );
}

/** The rules of a list; the number of items that are accepted, and what must be unique, if anything. */
export interface ListRules<Item> {
  minLength?: number;
  maxLength: number;
  uniqueBy?: (item: Item) => unknown;
}

/** A field in which null stands for its default. */
export const orDefault = <Value>(schema: z.ZodType<Value>, fallback: NoInfer<Value>) =>
  schema.nullable().transform((value): Value => (value === null ? fallback : value));

/** An input of which any field may be left out; what was left out is absent from the value too, never undefined. */
export function patch<Shape extends Record<string, z.ZodType>>(shape: Shape) {
  const fields = Object.entries(shape).map(([name, schema]) => [name, z.exactOptional(schema)]);
  const optional = z.object(Object.fromEntries(fields) as { [Name in keyof Shape]: z.ZodExactOptional<Shape[Name]> });
  return z.preprocess(withoutUndefined, optional);
}

/** What is wrong in an object, and where. */
export interface Mistake {
  path: (string | number)[];
  message: string;
  /** If it isn't the object. */
  input?: unknown;
}

/**
 * A rule across the fields of an object or the items of a list. It runs though one of them is wrong, so that all mistakes are
 * told at once, and must expect a wrong value anywhere. zod's own `superRefine` makes a function for each input in a way for
 * which V8 keeps both of them in memory.
 */
export function acrossFields<Value extends object>(findMistakes: (value: Value) => Mistake[]): z.core.$ZodCheck<Value> {
  const check = z.check<Value>(({ value, issues }) => {
    for (const mistake of findMistakes(value)) issues.push({ code: 'custom', input: value, ...mistake });
  });
  check._zod.def.when = ({ value }) => typeof value === 'object' && value !== null;
  return check;
}

/** With `async`, which zod would add to a copy: each would be an object of a type of its own, which V8 keeps. */
const parsing = { error: toMessage, reportInput: true, async: false };

/**
 * The input as the schema makes it. `path` is that of the input itself, below the mutation's arguments.
 *
 * @throws InvalidInputError with one row for each field that is wrong.
 */
export function parseInput<Schema extends z.ZodType>(schema: Schema, input: unknown, path = ''): z.output<Schema> {
  const { data, error } = schema.safeParse(input, parsing);
  if (!error) return data as z.output<Schema>;
  const messages = new Map<string, string>();
  for (const issue of error.issues) {
    const issuePath = [path, ...issue.path].filter((part) => part !== '').join('.');
    if (!messages.has(issuePath)) messages.set(issuePath, issue.message);
  }
  throw new InvalidInputError(Array.from(messages, ([path, message]) => ({ path, message })));
}

/** A value as a message may show it: at most 60 characters, and none that isn't visible or turns the line around. */
export function show(value: unknown): string {
  if (Array.isArray(value)) return `${value.length}`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'no date' : value.toISOString();
  if (typeof value !== 'string') return typeof value === 'object' && value ? 'an object' : String(value);
  const start = Array.from(value.slice(0, 2 * 61))
    .slice(0, 60)
    .join('');
  const quoted = JSON.stringify(start === value ? value : `${start}…`);
  return quoted.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, codePoint);
}

const codePoint = (character: string) =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;

function toMessage(issue: z.core.$ZodRawIssue): string {
  const got = issue.input === undefined ? 'nothing' : show(issue.input);
  if (issue.code === 'invalid_type') return `Expected ${issue.expected}, and got ${got}.`;
  if (issue.code === 'invalid_value') return `Expected one of ${issue.values.join(', ')}, and got ${got}.`;
  return `Expected something else, and got ${got}.`;
}

function checkText(value: string, rules: TextRules, context: z.RefinementCtx, minLength = 1): string {
  const message = refusedCharacter(value, rules) ?? wrongLength(value, rules, minLength);
  if (message) context.addIssue({ code: 'custom', message, input: value });
  return value;
}

const refusedCharacters = [
  { what: 'lone surrogates', pattern: /\p{Cs}/u },
  { what: 'characters that force a direction', pattern: /[\u202a-\u202e\u2066-\u2069]/ },
];
const controls = { what: 'control characters', pattern: /\p{Cc}/u };
// A carriage return counts as part of a new line only: alone it lets one text overwrite another in a terminal.
const controlsInLines = {
  what: 'control characters other than new lines and tabs',
  pattern: /(?!\r\n|[\n\t])\p{Cc}/u,
};

function refusedCharacter(value: string, { multiline }: TextRules): string | undefined {
  for (const { what, pattern } of [multiline ? controlsInLines : controls, ...refusedCharacters]) {
    const found = pattern.exec(value)?.[0];
    if (found) return `Expected text without ${what}, and got ${codePoint(found)} in ${show(value)}.`;
  }
  return undefined;
}

function wrongLength(value: string, rules: TextRules, min: number): string | undefined {
  const max = 'maxGraphemes' in rules ? rules.maxGraphemes : rules.maxCodePoints;
  const maxBytes = rules.maxBytes ?? max * maxBytesPerGrapheme;
  const bytes = Buffer.byteLength(value);
  // Before anything is counted, since finding graphemes costs far more.
  if (bytes > maxBytes) return `Expected at most ${maxBytes} bytes of text, and got ${bytes}: ${show(value)}.`;
  const length = countUpTo(max + 1, 'maxGraphemes' in rules ? toGraphemes(value) : value);
  if (length >= min && length <= max) return undefined;
  return `Expected ${min} to ${max} characters, and got ${length > max ? 'more' : length}: ${show(value)}.`;
}

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

function toGraphemes(value: string): Iterable<unknown> {
  // Below the first combining mark every character but CR LF stands alone; what most people write needs no segmenter.
  return /^[\u0020-\u02ff\n\t]*$/.test(value) ? value : segmenter.segment(value);
}

function countUpTo(limit: number, items: Iterable<unknown>): number {
  let count = 0;
  for (const _ of items) if (++count === limit) break;
  return count;
}

function repeatedAmong(keys: unknown[]): Mistake[] {
  const seen = new Set<unknown>();
  return keys.flatMap((key, index) => {
    const isRepeated = key !== undefined && seen.has(key);
    seen.add(key);
    return isRepeated
      ? [{ path: [index], message: `Expected each once, and got ${show(key)} again.`, input: key }]
      : [];
  });
}

function withoutUndefined(input: unknown): unknown {
  if (typeof input !== 'object' || input === null) return input;
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
}
