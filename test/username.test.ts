import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isReservedUsername, reservedUsernames } from '../src/modules/user/reserved-usernames.ts';
import { parseUsername, suggestUsernames } from '../src/modules/user/username.ts';

/** The database's own check, in prisma/migrations. */
const accepted = (username: string) =>
  /^[a-z][a-z0-9_.]{2,29}$/.test(username) && !/[.][.]/.test(username) && !/[.]$/.test(username);

describe('a username is stored in lower case', () => {
  test.each([
    ['ada', 'ada'],
    ['Ada', 'ada'],
    ['  ada\n', 'ada'],
    ['ADA.LOVELACE_1815', 'ada.lovelace_1815'],
    ['a_b', 'a_b'],
    ['a__', 'a__'],
    ['a.b.c', 'a.b.c'],
    ['x'.repeat(30), 'x'.repeat(30)],
  ])('%j becomes %j', (raw, username) => {
    expect(parseUsername(raw)).toEqual({ username });
  });
});

describe('a username that breaks a rule is invalid', () => {
  test.each([
    '',
    '   ',
    'ab',
    'x'.repeat(31),
    '1ada',
    '_ada',
    '.ada',
    'ada.',
    'a..b',
    'ada lovelace',
    'ada-lovelace',
    'ada@example.com',
    'ada\u0000',
    'ada\nlovelace',
    'josé',
    'jose\u0301',
    '\u212aelvin',
    'ha\u017fh',
    '\u0130stanbul',
    'd\u0131az',
    'аda',
    'ａｄａ',
    'ada\u200b',
    'ada\u202e',
    'ada\ud800',
    '👩‍🚀👩‍🚀👩‍🚀',
    "ada'; DROP TABLE users; --",
    '<script>alert(1)</script>',
    '../../etc/passwd',
    '__proto__',
  ])('%j', (raw) => {
    expect(parseUsername(raw)).toMatchObject({ reason: 'INVALID', message: expect.stringContaining('3 to 30') });
  });

  test('the message shows little of what came', () => {
    const result = parseUsername(`${'\u0007'.repeat(3)}${'x'.repeat(100_000)}`);
    expect(result).toMatchObject({ reason: 'INVALID' });
    expect('message' in result && result.message.length).toBeLessThan(250);
  });
});

describe('a reserved word is nobody’s username', () => {
  test.each(['admin', 'api', 'clerk', 'graphql', 'me', 'root', 'support', 'system', 'Admin', ' ADMIN ', 'pictures'])(
    '%s',
    (raw) => {
      expect(parseUsername(raw)).toMatchObject({ reason: 'RESERVED' });
    },
  );

  test.each(['ad_min', 'a.d.m.i.n', 'admin_', 'sup.port', 'robots.txt'])(
    'nor is %s, since dots and underscores do not count',
    (raw) => {
      expect(parseUsername(raw)).toMatchObject({ reason: 'RESERVED' });
    },
  );

  test.each(['admiral', 'administer', 'ada', 'rooted', 'metoo', 'systema'])('%s only looks like one', (raw) => {
    expect(parseUsername(raw)).toEqual({ username: raw });
  });

  test('there are over 300, each written as it is compared, once', () => {
    expect(reservedUsernames.length).toBeGreaterThanOrEqual(300);
    expect(reservedUsernames.filter((word) => !/^[a-z0-9]+$/.test(word))).toEqual([]);
    expect(reservedUsernames.filter((word, index) => reservedUsernames.indexOf(word) !== index)).toEqual([]);
  });
});

test('whatever is accepted, the database accepts too, and parsing it again changes nothing', () => {
  const near = fc.string({ unit: fc.constantFrom(...'aZ09_.  \u212aé'), maxLength: 34 });
  fc.assert(
    fc.property(fc.oneof(near, fc.string({ unit: 'binary' })), (raw) => {
      const result = parseUsername(raw);
      const lower = raw.trim().replace(/[A-Z]/g, (letter) => letter.toLowerCase());
      expect('username' in result).toBe(accepted(lower) && !isReservedUsername(lower));
      if ('username' in result) expect(parseUsername(result.username)).toEqual(result);
    }),
    { numRuns: 2_000 },
  );
});

describe('suggestions', () => {
  test.each([
    ['José Müller', 'jose.muller'],
    ['42', 'user42'],
    ['Søren Ødegård', 'soren.odegard'],
    ['straße', 'strasse'],
    ['İstanbul', 'istanbul'],
    ['ada@example.com', 'ada.example.com'],
    ['  --Ada--  ', 'ada'],
    ['ａｄａ', 'ada'],
  ])('for %j begin with %s', (base, first) => {
    expect(suggestUsernames(base)[0]).toBe(first);
  });

  test('leave out the name that was asked for', () => {
    expect(suggestUsernames('Ada')).not.toContain('ada');
    expect(suggestUsernames('ada').every((name) => name.startsWith('ada'))).toBe(true);
  });

  test('never make anybody seem to be the one whom a reserved word names', () => {
    expect(suggestUsernames('admin').filter((name) => name.includes('admin'))).toEqual([]);
  });

  test('for a popular name differ from call to call', () => {
    expect(suggestUsernames('ada', 20, () => 0.1)).not.toEqual(suggestUsernames('ada', 20, () => 0.7));
  });

  test('are always as many as asked for, all different and free to take', () => {
    const word = fc.string({ unit: fc.constantFrom(...'aZ09_.-éßK '), maxLength: 40 });
    const base = fc.oneof(word, fc.string({ unit: 'binary', maxLength: 300 }), fc.constantFrom(...reservedUsernames));
    fc.assert(
      fc.property(base, fc.integer({ min: 1, max: 30 }), (name, count) => {
        const suggestions = suggestUsernames(name, count);
        expect(new Set(suggestions).size).toBe(count);
        for (const username of suggestions) expect(parseUsername(username)).toEqual({ username });
      }),
      { numRuns: 1_000 },
    );
  });
});
