import { clearableText, parseInput } from '../../validation.ts';

/** What the picture shows, for those who don't see it. The empty text is stored as null. */
export const altTextSchema = clearableText({ maxGraphemes: 1_500 }).nullable();

/**
 * What was left out is null.
 *
 * @throws InvalidInputError at `altText`.
 */
export const readAltText = (altText: string | null | undefined): string | null =>
  parseInput(altTextSchema, altText ?? null, 'altText');
