import { foldText } from './fold-text.ts';

/** More of a name is not compared. Folding makes up to 18 letters of one, and an index holds 2,704 bytes. */
const maxCodePoints = 100;

/**
 * A name, or what somebody types to find it, as search compares the two: without case, accents and invisible characters, the
 * words one space apart. Empty where nothing is left. Never has a control character, which PostgreSQL might refuse.
 */
export function toSearchName(text: string): string {
  const folded = foldText(text.slice(0, 20 * maxCodePoints))
    .replace(/\p{Cf}/gu, '')
    .replace(/[\s\p{Cc}\p{Cs}]+/gu, ' ')
    .trim();
  return Array.from(folded).slice(0, maxCodePoints).join('').trim();
}
