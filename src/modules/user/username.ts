import { show } from '../../validation.ts';
import { foldText } from './fold-text.ts';
import { isReservedUsername } from './reserved-usernames.ts';

/** A username as it is stored, or why it can't be one. */
export type ParsedUsername = { username: string } | { reason: 'INVALID' | 'RESERVED'; message: string };

const maxLength = 30;
const alphabet = /^[A-Za-z0-9_.]{1,30}$/;
const shape = /^[a-z](?!.*\.\.)[a-z0-9_.]{1,28}[a-z0-9_]$/;

/** The rules that a username's text must keep to; the same as the database's check. */
export function parseUsername(raw: string): ParsedUsername {
  const trimmed = raw.trim();
  const invalid = {
    reason: 'INVALID',
    message: `Expected 3 to 30 of a-z, 0-9, "_" and ".", a letter first, no two dots in a row and none at the end, and got ${show(trimmed)}.`,
  } as const;
  // Before the lower case is made: that of the Kelvin sign is "k", that of "İ" is "i" and a dot above.
  if (!alphabet.test(trimmed)) return invalid;
  const username = trimmed.toLowerCase();
  if (isReservedUsername(username)) {
    return { reason: 'RESERVED', message: `The username ${show(username)} is reserved.` };
  }
  return shape.test(username) ? { username } : invalid;
}

/**
 * Valid usernames close to `base`, which may be anything that a person typed or is called. Some may be taken: the numbers
 * differ from call to call, so that a popular name doesn't run out of free ones.
 */
export function suggestUsernames(base: string, count = 20, random: () => number = Math.random): string[] {
  const stem = toStem(base);
  const suggestions = new Set<string>();
  const given = base.trim().toLowerCase();
  for (const candidate of candidates(stem, Math.floor(random() * numberRange))) {
    if (suggestions.size >= count) break;
    if (candidate !== given && 'username' in parseUsername(candidate)) suggestions.add(candidate);
  }
  return [...suggestions];
}

const numberRange = 9_000;

function* candidates(stem: string, start: number): Generator<string> {
  const glue = /\d$/.test(stem) ? '_' : '';
  yield stem;
  for (let number = 1; number <= 3; number++) yield withSuffix(stem, `${glue}${number}`);
  for (const suffix of ['_', '.me', '_hq']) yield withSuffix(stem, suffix);
  // A step without a common factor with the range visits every number of it once.
  for (let step = 0; step < numberRange; step++) {
    yield withSuffix(stem, `${glue}${1_000 + ((start + step * 1_237) % numberRange)}`);
  }
}

const withSuffix = (stem: string, suffix: string) =>
  stem.slice(0, maxLength - suffix.length).replace(/\.$/, '') + suffix;

/** What of the base a username can hold; `user` where that is nothing, or a reserved word that nobody should seem to be. */
function toStem(base: string): string {
  const stem = foldText(base.slice(0, 200))
    .replace(/[^a-z0-9_.]/g, '.')
    .replace(/\.{2,}/g, '.')
    .replace(/^[._]+/, '')
    .slice(0, maxLength)
    .replace(/[._]+$/, '');
  const named = /^[a-z]/.test(stem) ? stem : `user${stem}`.slice(0, maxLength).replace(/\.+$/, '');
  return isReservedUsername(named) ? 'user' : named;
}
