import { z } from 'zod';
import { type FieldError, InvalidInputError } from '../../errors.ts';
import {
  clearableText,
  isUserId,
  list,
  parseInput,
  patch,
  positiveInt,
  readInstant,
  show,
  text,
} from '../../validation.ts';
import { readEventInput } from '../event/input.ts';
import { altTextSchema } from '../picture/input.ts';
import { readPreferencesInput } from '../preferences/input.ts';
import { readPrivacyInput } from '../privacy/input.ts';
import { type ProfileInput, readProfileInput } from '../profile/input.ts';
import type { ImportedEvent, ImportedTies, ImportedUser } from './record.ts';
import { unknownFields } from './shape.ts';

/** The line limits them; this is for the message. */
const maxItems = 1_000_000;
/** Clocks run ahead. */
const maxAheadMs = 5 * 60_000;

const userId = z.string().refine(isUserId, {
  error: ({ input }) =>
    `Expected a user's id as Clerk has it, 1 to 255 visible characters of ASCII, and got ${show(input)}.`,
});

const instant = z.string().transform((raw, context) => {
  const read = readInstant(raw);
  if (read && read.getTime() <= Date.now() + maxAheadMs) return read;
  const message = `Expected an instant such as "2030-01-31T12:00:00Z" (RFC 3339) that isn't in the future, and got ${show(raw)}.`;
  context.addIssue({ code: 'custom', message, input: raw });
  return z.NEVER;
});

const email = text({ maxCodePoints: 320 }).refine((address) => /^[^\s@]+@[^\s@]+$/.test(address), {
  error: ({ input }) => `Expected an e-mail address, and got ${show(input)}.`,
});
const name = clearableText({ maxCodePoints: 256 }).nullable();

const since = instant.nullish().transform((at) => at ?? null);
const users = list(z.object({ userId, since }), { maxLength: maxItems, uniqueBy: (tie) => tie.userId });
const catalogue = list(z.object({ tmdbId: positiveInt, since }), {
  maxLength: maxItems,
  uniqueBy: (tie) => tie.tmdbId,
});

const path = text({ maxCodePoints: 4_096 });
const url = z.string().refine((raw) => /^https?:\/\//i.test(raw) && raw.length <= 8_192 && URL.canParse(raw), {
  error: ({ input }) => `Expected an http:// or https:// address, and got ${show(input)}.`,
});
const picture = z
  .object({ path: path.optional(), url: url.optional(), altText: altTextSchema.optional() })
  .refine((given) => (given.path === undefined) !== (given.url === undefined), {
    error: 'Expected either path or url.',
  })
  .transform(({ altText = null, ...source }) => ({ ...source, altText }));

/** What isn't read by the rooms that it belongs to. */
const line = patch({
  id: userId,
  email: email.nullable(),
  firstName: name,
  lastName: name,
  createdAt: instant,
  follows: users.nullable(),
  blocks: users.nullable(),
  crewMembers: catalogue.nullable(),
  studios: catalogue.nullable(),
  picture: picture.nullable(),
  profile: z.looseObject({ completedAt: instant.nullish(), setupSkippedAt: instant.nullish() }).nullable(),
  events: z.array(z.unknown()).nullable(),
});

type LineInput = z.output<typeof line>;

/** A line as JSON. Throws InvalidInputError. */
export function readJson(text: string): object {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw wrong('', `Expected JSON, one object a line. ${(error as Error).message}.`);
  }
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json;
  throw wrong('', `Expected an object, and got ${Array.isArray(json) ? 'a list' : show(json)}.`);
}

/**
 * A user as a line describes them, by the rules of the API. Whether it fits to the other lines and to the database is
 * another question.
 *
 * @throws InvalidInputError with one row for each field that is wrong.
 */
export function readImportedUser(json: object): ImportedUser {
  const problems = unknownFields(json);
  const attempt = toAttempt(problems);
  const given = json as Record<'id' | 'profile' | 'preferences' | 'privacy' | 'username' | 'events', unknown>;
  const own = attempt<LineInput>('', {}, () => parseInput(line, json));
  const { username, patch: profile } = attempt<ProfileInput>('', { patch: {} }, () => readProfile(given));
  const user: ImportedUser = {
    ...toTies(own),
    account: toAccount(own, username),
    profile,
    completedAt: own.profile?.completedAt,
    setupSkippedAt: own.profile?.setupSkippedAt,
    preferences: attempt('preferences', {}, () => readPreferencesInput(given.preferences ?? {})),
    privacy: attempt('privacy', {}, () => readPrivacyInput(given.privacy ?? {})),
    events: toList(given.events).flatMap((event, at) => attempt(`events.${at}`, [], () => [readEvent(event)])),
  };
  problems.push(...selfTies(user));
  if (given.id === undefined) problems.push({ path: 'id', message: "Expected the user's id, and got none." });
  if (problems.length > 0) throw new InvalidInputError(firstOfEachPath(problems));
  return user;
}

/** What else it may be is told with the line. */
const toList = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** Reads a part; where it is wrong, notes what is, below a path, and goes on with the fallback. */
const toAttempt =
  (problems: FieldError[]) =>
  <Value>(prefix: string, fallback: Value, read: () => Value): Value => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error;
      problems.push(...error.fields.map((field) => below(prefix, field)));
      return fallback;
    }
  };

/** What connects the user of a line that was found right to others, and their picture; far cheaper than all of it. */
export const readTies = (json: object): ImportedTies => toTies(parseInput(line, json));

const toTies = (own: LineInput): ImportedTies => ({
  id: own.id ?? '',
  follows: own.follows ?? [],
  blocks: own.blocks ?? [],
  crewMembers: own.crewMembers ?? [],
  studios: own.studios ?? [],
  picture: own.picture ?? null,
});

function toAccount({ email, firstName, lastName, createdAt }: LineInput, username: string | undefined) {
  const account = { username, email, firstName, lastName, createdAt };
  return Object.fromEntries(Object.entries(account).filter(([, value]) => value !== undefined));
}

/** The API has the username among the profile's fields; here it stands where a user has it. */
function readProfile({ profile, username }: Record<'profile' | 'username', unknown>): ProfileInput {
  const { completedAt, setupSkippedAt, username: _, ...fields } = Object(profile ?? {});
  try {
    return readProfileInput({ ...fields, username: username ?? undefined });
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    throw new InvalidInputError(
      error.fields.map((field) => (field.path === 'username' ? field : below('profile', field))),
    );
  }
}

function readEvent(event: unknown): ImportedEvent {
  if (typeof event !== 'object' || event === null) throw wrong('', `Expected an object, and got ${show(event)}.`);
  const problems: FieldError[] = [];
  const attempt = toAttempt(problems);
  const occurredAt = attempt('', new Date(), () => readTime(event));
  const read = attempt('', null, () => readEventInput({ ...event, occurredAt }, new Date()));
  if (read && problems.length === 0) return read;
  throw new InvalidInputError(problems);
}

/** The API takes now where none is given, which would be another event each time that the file is imported. */
function readTime({ occurredAt }: { occurredAt?: unknown }): Date {
  const at = typeof occurredAt === 'string' ? readInstant(occurredAt) : null;
  if (at) return at;
  const got = occurredAt === undefined ? 'nothing' : show(occurredAt);
  throw wrong('occurredAt', `Expected an instant such as "2030-01-31T12:00:00Z" (RFC 3339), and got ${got}.`);
}

function selfTies({ id, follows, blocks }: ImportedTies): FieldError[] {
  const own = (what: 'follows' | 'blocks', at: number) => {
    const message = `Expected another user. Nobody ${what} themselves.`;
    return at < 0 ? [] : [{ path: `${what}.${at}.userId`, message }];
  };
  const isSelf = (tie: { userId: string }) => tie.userId === id;
  return [...own('follows', follows.findIndex(isSelf)), ...own('blocks', blocks.findIndex(isSelf))];
}

const wrong = (path: string, message: string) => new InvalidInputError([{ path, message }]);
const below = (prefix: string, field: FieldError): FieldError => ({
  ...field,
  path: [prefix, field.path].filter((part) => part !== '').join('.'),
});

function firstOfEachPath(fields: FieldError[]): FieldError[] {
  const paths = fields.map(({ path }) => path);
  return fields.filter(({ path }, at) => paths.indexOf(path) === at);
}
