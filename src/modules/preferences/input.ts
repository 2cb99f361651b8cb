import { z } from 'zod';
import { Theme } from '../../generated/prisma/enums.ts';
import { list, orDefault, parseInput, patch, positiveInt, show, text } from '../../validation.ts';

/** As many notifications as one user may have, those of earlier inputs included. */
export const maxNotifications = 100;

const language = text({ maxCodePoints: 35 }).refine(isLanguageTag, {
  error: ({ input }) => `Expected a language tag (BCP 47) such as en or pt-BR, and got ${show(input)}.`,
});

const notification = z.object({ name: text({ maxGraphemes: 64 }), enabled: z.boolean() });

const preferencesInput = patch({
  favoriteGenres: orDefault(list(positiveInt, { maxLength: 100, uniqueBy: (genre) => genre }), []),
  adultContent: orDefault(z.boolean(), false),
  language: orDefault(language, 'en'),
  theme: orDefault(z.enum(Theme), 'SYSTEM'),
  // Null stays null, since it takes all of them away, while an empty list merges nothing.
  notifications: list(notification, { maxLength: maxNotifications, uniqueBy: ({ name }) => name }).nullable(),
});

/** What of the preferences changes. Notifications are to be merged by name; null takes all of them away. */
export type PreferencesPatch = z.output<typeof preferencesInput>;

/** @throws InvalidInputError */
export const readPreferencesInput = (input: unknown): PreferencesPatch => parseInput(preferencesInput, input);

function isLanguageTag(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}
