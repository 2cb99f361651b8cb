import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidInputError } from '../src/errors.ts';
import { readEventInput, readEventInputs } from '../src/modules/event/input.ts';
import { readAltText } from '../src/modules/picture/input.ts';
import { readPreferencesInput } from '../src/modules/preferences/input.ts';
import { readPrivacyInput } from '../src/modules/privacy/input.ts';
import { readProfileInput } from '../src/modules/profile/input.ts';
import { parseInput, text } from '../src/validation.ts';

/** The message for each wrong field, by its path; empty where nothing is wrong. */
function mistakesIn(read: () => unknown): Record<string, string> {
  try {
    read();
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    const paths = error.fields.map(({ path }) => path);
    expect(new Set(paths).size, 'one row for each field').toBe(paths.length);
    return Object.fromEntries(error.fields.map(({ path, message }) => [path, message]));
  }
  return {};
}

const wrongPaths = (read: () => unknown) => Object.keys(mistakesIn(read)).sort();
const patchOf = (input: object) => readProfileInput(input).patch;

const family = '👨🏻‍👩🏻‍👧🏻‍👦🏻';
const unusualTexts = [
  'undefined',
  'null',
  'true',
  'NaN',
  '-1e309',
  '0x10',
  '__proto__',
  'constructor',
  "'; DROP TABLE users; --",
  '"><script>alert(1)</script>',
  '$(id) {{7*7}} %s %n %00',
  '../../../etc/passwd',
  'CON',
  '\\x00 \\u0000 \\',
  'ｆｕｌｌ　ｗｉｄｔｈ',
  'Ω≈ç√∫˜µ≤≥÷',
  '田中さんにあげて下さい',
  'مرحبا بالعالم',
  'שלום \u200fעולם\u200e \u061c',
  'ﷺ',
  'Z͖̹a̷̜l̛̮g̨̣o̲̓',
  '🏴󠁧󠁢󠁥󠁮󠁧󠁿 🇺🇳 👩‍❤️‍💋‍👨',
  'a\u200bb\u2060c\u00add',
  'line\u2028paragraph\u2029end',
  '\ufffe\uffff',
  '𝒜𝒹𝒶',
];

describe('a text is kept as it came, but for white space at its ends', () => {
  test.each(unusualTexts)('%j', (value) => {
    expect(patchOf({ displayName: ` \u3000\n${value}\t\u00a0` })).toEqual({ displayName: value });
  });
});

describe('a text is refused that has', () => {
  const bidirectional = ['\u202a', '\u202b', '\u202c', '\u202d', '\u202e', '\u2066', '\u2067', '\u2068', '\u2069'];
  const controls = ['\u0000', '\u0001', '\u0007', '\u0008', '\u000b', '\u001b', '\u007f', '\u0080', '\u0085', '\u009f'];
  const surrogates = ['\ud800', '\udfff', '\udc00\ud800'];
  test.each([...bidirectional, ...controls, ...surrogates, '\n', '\t', '\r\n'])('%j inside', (character) => {
    const mistakes = mistakesIn(() => readProfileInput({ displayName: `Ada${character}Lovelace` }));
    expect(mistakes).toEqual({ displayName: expect.stringMatching(/^Expected text without .+, and got U\+/) });
    expect(mistakes.displayName).not.toMatch(/[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/u);
  });

  test('a new line in a bio is fine, so is a tab; a lone carriage return or another control character is not', () => {
    const bio = 'First line.\n\tSecond line.\r\nThird line.';
    expect(patchOf({ bio })).toEqual({ bio });
    for (const character of ['\r', '\u0000', '\u001b', '\u0085']) {
      expect(wrongPaths(() => readProfileInput({ bio: `a${character}b` }))).toEqual(['bio']);
    }
  });
});

describe('a length is counted as a reader counts', () => {
  test.each([
    ['letters', 'x'],
    ['letters with accents of their own', 'e\u0301'],
    ['families', '👨‍👩‍👧‍👦'],
    ['flags', '🇺🇳'],
    ['syllables', 'षि'],
  ])('64 %s are a display name, 65 are not', (_, grapheme) => {
    expect(patchOf({ displayName: grapheme.repeat(64) })).toEqual({ displayName: grapheme.repeat(64) });
    expect(mistakesIn(() => readProfileInput({ displayName: grapheme.repeat(65) }))).toEqual({
      displayName: expect.stringContaining('Expected 1 to 64 characters, and got more'),
    });
  });

  test('but one letter under thousands of accents is too many bytes', () => {
    expect(mistakesIn(() => readProfileInput({ displayName: `a${'\u0301'.repeat(5_000)}` }))).toEqual({
      displayName: expect.stringContaining('at most 2560 bytes'),
    });
  });

  test('a bio has at most 500 characters, and 4,000 bytes', () => {
    expect(patchOf({ bio: 'é'.repeat(500) }).bio).toHaveLength(500);
    expect(patchOf({ bio: '👩‍🚀'.repeat(363) }).bio).toHaveLength(5 * 363);
    expect(wrongPaths(() => readProfileInput({ bio: 'x'.repeat(501) }))).toEqual(['bio']);
    expect(mistakesIn(() => readProfileInput({ bio: family.repeat(98) })).bio).toContain('at most 4000 bytes');
  });

  test('every grapheme counts alike, whichever way it is found', () => {
    const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });
    const schema = text({ maxGraphemes: 10 });
    const character = fc.oneof(
      fc.integer({ min: 0xa0, max: 0x2ff }),
      fc.constantFrom(0x20, 0x61, 0x301, 0x200d, 0x1f469),
    );
    fc.assert(
      fc.property(fc.array(character, { maxLength: 20 }), (codePoints) => {
        const value = `x${String.fromCodePoint(...codePoints)}x`;
        const isRight = [...segmenter.segment(value)].length <= 10;
        expect(wrongPaths(() => parseInput(schema, value, 'text'))).toEqual(isRight ? [] : ['text']);
      }),
    );
  });

  test('a huge text is refused without counting', () => {
    const startedAt = performance.now();
    expect(wrongPaths(() => readProfileInput({ bio: 'e\u0301'.repeat(2_000_000) }))).toEqual(['bio']);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});

test('whatever text comes, it is kept trimmed or refused, and the message stays short and printable', () => {
  const schema = text({ maxGraphemes: 20 });
  const pieces = fc.constantFrom(...unusualTexts, '\u0000', '\ud800', '\u202e', ' ', '\n', family, '\u0301');
  const anyText = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(anyText, (raw) => {
      const [message] = Object.values(mistakesIn(() => expect(parseInput(schema, raw)).toBe(raw.trim())));
      expect(message ?? '').not.toMatch(/[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/u);
      expect((message ?? '').length).toBeLessThan(600);
    }),
    { numRuns: 2_000 },
  );
});

describe('a profile', () => {
  test('keeps what was left out, undefined too', () => {
    expect(readProfileInput({})).toEqual({ patch: {} });
    expect(Object.keys(patchOf({ bio: undefined, skills: undefined, salary: undefined }))).toEqual([]);
  });

  test('is emptied by null, or set to the default', () => {
    const names = ['displayName', 'bio', 'yearsOfExperience', 'experienceLevel', 'educationLevel', 'fieldOfStudy'];
    const lists = ['skills', 'workArrangement', 'preferredLocations', 'salary'];
    expect(patchOf(Object.fromEntries([...names, ...lists].map((name) => [name, null])))).toEqual({
      displayName: null,
      bio: null,
      yearsOfExperience: 0,
      experienceLevel: 'ENTRY',
      educationLevel: 'BACHELORS',
      fieldOfStudy: null,
      skills: [],
      workArrangement: 'ANY',
      preferredLocations: [],
      salaryMin: null,
      salaryMax: null,
      salaryCurrency: null,
    });
  });

  test('takes an empty bio or field of study for none, and refuses an empty name, skill or location', () => {
    expect(patchOf({ bio: ' \n ', fieldOfStudy: '' })).toEqual({ bio: null, fieldOfStudy: null });
    const input = { displayName: ' ', skills: ['TypeScript', ' '], preferredLocations: [''] };
    expect(wrongPaths(() => readProfileInput(input))).toEqual(['displayName', 'preferredLocations.0', 'skills.1']);
  });

  test('tells all mistakes at once', () => {
    const input = {
      username: 'a',
      displayName: 'x'.repeat(65),
      bio: '\u0000',
      yearsOfExperience: 81,
      experienceLevel: 'GURU',
      fieldOfStudy: 'x'.repeat(61),
      skills: ['ok', 'x'.repeat(61), ' ok ', '\u202e'],
      preferredLocations: Array(21).fill('London'),
      salary: { min: 10, max: 5, currency: 'usd' },
    };
    expect(wrongPaths(() => readProfileInput(input))).toEqual([
      'bio',
      'displayName',
      'experienceLevel',
      'fieldOfStudy',
      'preferredLocations',
      'salary.currency',
      'salary.min',
      'skills.1',
      'skills.3',
      'username',
      'yearsOfExperience',
    ]);
  });

  test('gets its username in lower case, and never loses it', () => {
    expect(readProfileInput({ username: ' Ada ' })).toEqual({ username: 'ada', patch: {} });
    for (const username of [null, '', 'admin', 'a..b', '\u212aelvin']) {
      expect(wrongPaths(() => readProfileInput({ username }))).toEqual(['username']);
    }
  });

  test.each([0, 80])('may have %d years of experience', (yearsOfExperience) => {
    expect(patchOf({ yearsOfExperience })).toEqual({ yearsOfExperience });
  });

  test.each([-1, 81, 1.5, Number.NaN, 2 ** 31])('never has %d years', (yearsOfExperience) => {
    expect(wrongPaths(() => readProfileInput({ yearsOfExperience }))).toEqual(['yearsOfExperience']);
  });

  test.each<[object, object]>([
    [{ min: 1 }, { salaryMin: 1, salaryMax: null, salaryCurrency: 'USD' }],
    [
      { max: 0, currency: null },
      { salaryMin: null, salaryMax: 0, salaryCurrency: 'USD' },
    ],
    [
      { min: 5, max: 5, currency: 'EUR' },
      { salaryMin: 5, salaryMax: 5, salaryCurrency: 'EUR' },
    ],
  ])('replaces the salary whole: %j', (salary, columns) => {
    expect(patchOf({ salary })).toEqual(columns);
  });

  test.each([
    [{ min: -1 }, 'salary.min'],
    [{ max: -1 }, 'salary.max'],
    [{ min: 2, max: 1 }, 'salary.min'],
    [{ max: 2 ** 31 }, 'salary.max'],
    [{ currency: 'usd' }, 'salary.currency'],
    [{ currency: 'ZZZ' }, 'salary.currency'],
    [{ currency: 'US Dollar' }, 'salary.currency'],
    [{ currency: '' }, 'salary.currency'],
  ])('refuses the salary %j', (salary, path) => {
    expect(wrongPaths(() => readProfileInput({ salary }))).toEqual([path]);
  });

  test('holds 50 skills and 20 locations', () => {
    const input = { skills: Array(50).fill('x'), preferredLocations: Array(20).fill('x') };
    expect(patchOf(input)).toEqual(input);
    expect(wrongPaths(() => readProfileInput({ skills: Array(51).fill('') }))).toEqual(['skills']);
  });
});

describe('preferences', () => {
  test('keep what was left out, and take null for the default', () => {
    expect(readPreferencesInput({})).toEqual({});
    const input = { favoriteGenres: null, adultContent: null, language: null, theme: null, notifications: null };
    expect(readPreferencesInput(input)).toEqual({
      favoriteGenres: [],
      adultContent: false,
      language: 'en',
      theme: 'SYSTEM',
      notifications: null,
    });
  });

  test('hold 100 genres, positive and each once', () => {
    const favoriteGenres = Array.from({ length: 100 }, (_, index) => index + 1);
    expect(readPreferencesInput({ favoriteGenres })).toEqual({ favoriteGenres });
    expect(wrongPaths(() => readPreferencesInput({ favoriteGenres: [...favoriteGenres, 101] }))).toEqual([
      'favoriteGenres',
    ]);
    expect(wrongPaths(() => readPreferencesInput({ favoriteGenres: [1, 0, 1, -5, 2 ** 31, 1] }))).toEqual(
      [1, 2, 3, 4, 5].map((index) => `favoriteGenres.${index}`),
    );
  });

  test.each(['en', 'pt-BR', 'zh-Hans-CN', 'de-CH-1996', 'EN-us', 'en-u-ca-gregory'])(
    'keep the language %s',
    (language) => {
      expect(readPreferencesInput({ language: ` ${language} ` })).toEqual({ language });
    },
  );

  test.each(['', 'e', 'en_US', 'english language', '-en', 'en-', 'x'.repeat(36), `en-x-${'abcdefgh-'.repeat(4)}a`])(
    'refuse the language %j',
    (language) => {
      expect(wrongPaths(() => readPreferencesInput({ language }))).toEqual(['language']);
    },
  );

  test('name each notification once, whatever its name', () => {
    const notifications = ['__proto__', 'constructor', 'x'.repeat(64)].map((name) => ({ name, enabled: true }));
    expect(readPreferencesInput({ notifications })).toEqual({ notifications });
    const twice = [...notifications, { name: ' constructor ', enabled: false }, { name: '', enabled: true }];
    expect(wrongPaths(() => readPreferencesInput({ notifications: twice }))).toEqual([
      'notifications.3',
      'notifications.4.name',
    ]);
  });
});

test('privacy keeps what was left out, and takes null for the default', () => {
  expect(readPrivacyInput({})).toEqual({});
  expect(readPrivacyInput({ ratings: 'FOLLOWERS' })).toEqual({ ratings: 'FOLLOWERS' });
  expect(readPrivacyInput({ profile: null, watchHistory: null, ratings: null })).toEqual({
    profile: 'PUBLIC',
    watchHistory: 'PRIVATE',
    ratings: 'PRIVATE',
  });
  expect(wrongPaths(() => readPrivacyInput({ profile: 'toString' }))).toEqual(['profile']);
});

test('an alternative text has at most 1,500 characters, and an empty one is none', () => {
  expect(readAltText(` ${'x'.repeat(1_500)} `)).toHaveLength(1_500);
  expect([' ', null, undefined].map(readAltText)).toEqual([null, null, null]);
  for (const text of ['x'.repeat(1_501), '\u0000']) expect(wrongPaths(() => readAltText(text))).toEqual(['altText']);
});

describe('an event', () => {
  const now = new Date('2030-01-02T03:04:05Z');
  const view = { type: 'VIEW', movieId: 1 };
  const minutesFromNow = (minutes: number) => new Date(now.getTime() + minutes * 60_000);

  test('happens now unless it says when', () => {
    const nothing = { rating: null, review: null, idempotencyKey: null };
    expect(readEventInput(view, now)).toEqual({ ...view, ...nothing, occurredAt: now });
    expect(readEventInput({ ...view, ...nothing, occurredAt: null }, now).occurredAt).toBe(now);
    expect(readEventInput({ ...view, occurredAt: minutesFromNow(-1e6) }, now).occurredAt).toEqual(minutesFromNow(-1e6));
  });

  test.each<[object]>([
    [{ type: 'RATING', rating: 0.5 }],
    [{ type: 'RATING', rating: 10 }],
    [{ type: 'REVIEW', review: 'x' }],
    [{ type: 'REVIEW', review: '😀'.repeat(10_000), rating: 7.5 }],
    [{ type: 'WATCHLIST_ADD', idempotencyKey: '😀'.repeat(128), occurredAt: minutesFromNow(5) }],
    [{ type: 'WATCHLIST_REMOVE', idempotencyKey: ' a ' }],
  ])('is accepted', (event) => {
    expect(readEventInput({ movieId: 1, ...event }, now)).toMatchObject(event);
  });

  test.each<[string, object]>([
    ['movieId', { movieId: 0 }],
    ['movieId', { movieId: 1.5 }],
    ['rating', { type: 'RATING' }],
    ['rating', { type: 'RATING', rating: 0 }],
    ['rating', { type: 'RATING', rating: 10.5 }],
    ['rating', { type: 'RATING', rating: 0.75 }],
    ['rating', { type: 'RATING', rating: Number.NaN }],
    ['rating', { type: 'RATING', rating: Number.POSITIVE_INFINITY }],
    ['rating', { rating: 5 }],
    ['review', { review: 'good' }],
    ['review', { type: 'RATING', rating: 5, review: 'good' }],
    ['review', { type: 'REVIEW' }],
    ['review', { type: 'REVIEW', rating: 5 }],
    ['review', { type: 'REVIEW', review: ' ' }],
    ['review', { type: 'REVIEW', review: 'x'.repeat(10_001) }],
    ['occurredAt', { occurredAt: minutesFromNow(5.01) }],
    ['occurredAt', { occurredAt: new Date(Number.NaN) }],
    ['occurredAt', { occurredAt: new Date('0000-12-31T23:59:59Z') }],
    ['idempotencyKey', { idempotencyKey: '' }],
    ['idempotencyKey', { idempotencyKey: 'x'.repeat(129) }],
    ['idempotencyKey', { idempotencyKey: 'a\u0000' }],
    ['type', { type: 'LIKE' }],
  ])('is refused at %s: %o', (path, event) => {
    expect(wrongPaths(() => readEventInput({ ...view, ...event }, now))).toEqual([path]);
  });

  test('in a batch has its place in the path, and all mistakes are told at once', () => {
    const batch = [view, { ...view, movieId: -1, rating: 1 }, view, { type: 'RATING', movieId: 1, rating: 11 }];
    expect(wrongPaths(() => readEventInputs(batch, now))).toEqual(['1.movieId', '1.rating', '3.rating']);
  });

  test('comes in batches of 1 to 100', () => {
    expect(readEventInputs(Array(100).fill(view), now)).toHaveLength(100);
    expect(mistakesIn(() => readEventInputs([], now))).toEqual({ '': 'Expected 1 to 100 items, and got 0.' });
    expect(wrongPaths(() => readEventInputs(Array(101).fill({}), now))).toEqual(['']);
  });
});
