import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { initialsOf, initialsPath, renderInitials } from '../src/modules/picture/initials.ts';

const seeds = Array.from({ length: 400 }, (_, at) => `user_${at}`);

describe('initials', () => {
  it.each([
    ['Ada Lovelace', 'AL'],
    ['Ada King, Countess of Lovelace', 'AL'],
    ['  ada  ', 'A'],
    ['Jean-Luc Picard', 'JP'],
    ['(Grace) "Amazing" Hopper!', 'GH'],
    ['山田 太郎', '山太'],
    ['山田太郎', '山'],
    ['مريم علي', 'مع'],
    ['e\u0301lodie ç', 'ÉÇ'],
    ['straße ßeta', 'SS'],
    ['ნინო ბერიძე', 'ნბ'],
    ['👩‍👩‍👧 Smith', '👩‍👩‍👧S'],
    ['🇯🇵', '🇯🇵'],
    ['42 is', '4I'],
    ['', ''],
    ['   ', ''],
    ['... !?', ''],
    [null, ''],
  ])('of %j are %j', (name, initials) => {
    expect(initialsOf(name)).toBe(initials);
  });

  it('are at most two graphemes, and short, whatever the name', () => {
    const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' });
    const anyName = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(anyName, (name) => {
        const initials = initialsOf(name);
        expect([...segmenter.segment(initials)].length).toBeLessThanOrEqual(2);
      }),
    );
    expect(initialsOf(`Z${'\u0301'.repeat(5000)} B`).length).toBeLessThan(5);
  });
});

describe('the address of a generated picture', () => {
  it('leads to a picture, whatever the name', () => {
    const anyName = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(anyName, fc.string(), (name, seed) => {
        const path = initialsPath(name, seed);
        expect(path).toMatch(/^[\w-]*-\d{1,2}\.svg$/);
        expect(renderInitials(path)).toMatch(/^<svg .*<\/svg>$/su);
      }),
      { numRuns: 2000 },
    );
  });

  it('is the same every time, for everyone of these initials and this colour', () => {
    expect(initialsPath('Ada Lovelace', 'user_1')).toBe(initialsPath('Anna Lang', 'user_1'));
    expect(renderInitials(initialsPath('Ada', 'user_1'))).toBe(renderInitials(initialsPath('Ada', 'user_1')));
  });

  it('tells twelve colours apart, and nothing else of the user', () => {
    const paths = new Set(seeds.map((seed) => initialsPath('Ada', seed)));
    expect(paths.size).toBe(12);
    expect([...paths].sort()).toEqual([...new Set([...paths])].map((_, at) => `QQ-${at}.svg`).sort());
  });

  it.each([
    'QQ-12.svg',
    'QQ-01.svg',
    'QQ-0.SVG',
    'QQ==-0.svg',
    'QR-0.svg',
    'QQ-0.svg?x',
    'QQ-0.svg\n',
    'QQ.svg',
    '../QQ-0.svg',
    'YQ-0.svg',
    'QUJD-0.svg',
    'Lg-0.svg',
    'PA-0.svg',
    '_w-0.svg',
    `${'QUFB'.repeat(100)}-0.svg`,
    '',
  ])('is refused where initialsPath would not have made it: %j', (path) => {
    expect(renderInitials(path)).toBeNull();
  });
});

describe('a generated picture', () => {
  it('says the initials as text, or shows a person where there are none', () => {
    expect(renderInitials(initialsPath('ada', 'x'))).toMatch(/<text [^>]*>A<\/text>/);
    const nameless = renderInitials(initialsPath(null, 'x'));
    expect(nameless).not.toContain('<text');
    expect(nameless).toContain('<path');
  });

  it('keeps letters of joining scripts apart', () => {
    expect(renderInitials(initialsPath('مريم علي', 'x'))).toContain('م\u200cع');
  });

  it('has no styles, scripts or references, which its Content-Security-Policy would forbid', () => {
    expect(renderInitials(initialsPath('Ada', 'x'))).not.toMatch(/style|script|href|url\(/);
  });

  it('is readable on each colour: contrast with white of at least 4.5', () => {
    const fills = new Set(
      seeds.map((seed) => /<rect[^>]*fill="(#\w{6})"/.exec(renderInitials(initialsPath('A', seed)) ?? '')?.[1]),
    );
    expect(fills.size).toBe(12);
    for (const fill of fills) expect(contrastWithWhite(fill ?? ''), fill).toBeGreaterThanOrEqual(4.5);
  });
});

/** WCAG 2.2, "contrast ratio". */
function contrastWithWhite(colour: string): number {
  const linear = [1, 3, 5]
    .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((channel) => (channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4));
  const [red = 0, green = 0, blue = 0] = linear;
  return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05);
}
