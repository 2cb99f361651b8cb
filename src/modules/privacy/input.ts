import { z } from 'zod';
import { Visibility } from '../../generated/prisma/enums.ts';
import { orDefault, parseInput, patch } from '../../validation.ts';

const visibility = z.enum(Visibility);

const privacyInput = patch({
  profile: orDefault(visibility, Visibility.PUBLIC),
  watchHistory: orDefault(visibility, Visibility.PRIVATE),
  ratings: orDefault(visibility, Visibility.PRIVATE),
});

/** What of the settings changes. */
export type PrivacyPatch = z.output<typeof privacyInput>;

/** @throws InvalidInputError */
export const readPrivacyInput = (input: unknown): PrivacyPatch => parseInput(privacyInput, input);
