/** Dark enough for white letters: each has a contrast of at least 4.5 with white (WCAG AA). Around the colour circle. */
const backgrounds = [
  '#b3362d',
  '#a04a12',
  '#85590a',
  '#68680a',
  '#47720f',
  '#16783a',
  '#0b7566',
  '#0f6f8c',
  '#2563b8',
  '#4f52c0',
  '#7b45b5',
  '#a3358a',
] as const;

const fonts = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Helvetica Neue', Arial, sans-serif";
const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' });
/** What a word is known by: a letter, a digit, an emoji, half of a flag. */
const telling = /[\p{L}\p{N}\p{Extended_Pictographic}\p{Regional_Indicator}]/u;
/** Of the longest sensible grapheme, a family emoji, in UTF-16 units; combining marks could be stacked without an end. */
const longestGrapheme = 24;

/**
 * The first letters of the first and the last word, in upper case: at most two graphemes, of any script, emoji too.
 * Empty where there is no name, or nothing in it that can stand for it.
 */
export function initialsOf(name: string | null): string {
  const words = (name ?? '').normalize('NFC').split(/[\s\p{Pd}]+/u);
  const letters = words.map(firstLetter).filter((letter) => letter !== '');
  const ends = letters.length > 1 ? [letters[0], letters.at(-1)] : letters;
  const initials = ends.join('');
  return isAscii(initials) ? initials : split(initials).slice(0, 2).join('');
}

const isAscii = (text: string) => /^[\x20-\x7e]*$/.test(text);

const split = (text: string) => Array.from(graphemes.segment(text), ({ segment }) => segment);

function firstLetter(word: string): string {
  // Lists have the initials of everybody on them, and looking for graphemes takes longer than reading the list.
  if (isAscii(word)) return /[a-z0-9]/i.exec(word)?.[0].toUpperCase() ?? '';
  const found = split(word).find((grapheme) => telling.test(grapheme)) ?? '';
  const [letter = ''] = found.length > longestGrapheme ? (found.match(telling) ?? []) : [found];
  return split(toUpperCase(letter))[0] ?? '';
}

// Georgian capitals are for whole words in capitals only, and fonts often lack them.
const toUpperCase = (letter: string) =>
  /\p{Script=Georgian}/u.test(letter) ? letter : letter.toUpperCase().normalize('NFC');

/**
 * The end of the address of a generated picture, such as `QUw-7.svg`: the initials in base64url, and one of twelve colours.
 * The colour comes from `seed` (the user's id), which can't be told from it.
 */
export function initialsPath(name: string | null, seed: string): string {
  return toPath(initialsOf(name), hash(seed) % backgrounds.length);
}

const toPath = (initials: string, colour: number) => `${Buffer.from(initials).toString('base64url')}-${colour}.svg`;

/** FNV-1a, 32 bits, with its bits mixed once more: the last digits of alike ids would else give alike colours. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193);
  return (value ^ (value >>> 15)) >>> 0;
}

/**
 * The SVG behind a path that `initialsPath` made. Null for any other, even where it would decode: an address and its
 * picture belong together, and nobody can have texts of their own drawn.
 */
export function renderInitials(path: string): string | null {
  const [, encoded = '', colour = ''] = /^([\w-]{0,200})-(\d|1[01])\.svg$/.exec(path) ?? [];
  const initials = Buffer.from(encoded, 'base64url').toString();
  const background = backgrounds[Number(colour)];
  const isCanonical =
    background && toPath(initials, Number(colour)) === path && initialsOf(split(initials).join(' ')) === initials;
  return isCanonical ? draw(initials, background) : null;
}

// Presentation attributes only: the Content-Security-Policy of pictures forbids styles.
const draw = (initials: string, background: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="512" height="512" viewBox="0 0 512 512"><rect width="512" height="512" fill="${background}"/>${
    initials === '' ? silhouette : letters(initials)
  }</svg>`;

const silhouette =
  '<g fill="#fff"><circle cx="256" cy="200" r="88"/><path d="M88 448a168 136 0 0 1 336 0v64H88z"/></g>';

function letters(initials: string): string {
  // A zero-width non-joiner: letters of joining scripts would else grow together into a syllable.
  const text = escapeXml(split(initials).join('\u200c'));
  const size = split(initials).length > 1 ? 200 : 256;
  return `<text x="256" y="256" dy=".35em" fill="#fff" font-family="${fonts}" font-size="${size}" font-weight="500" text-anchor="middle">${text}</text>`;
}

const escapeXml = (text: string) => text.replace(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`);
