import { z } from 'zod';
import { EducationLevel, ExperienceLevel, WorkArrangement } from '../../generated/prisma/enums.ts';
import {
  acrossFields,
  clearableText,
  list,
  orDefault,
  parseInput,
  patch,
  show,
  text,
  wholeNumber,
} from '../../validation.ts';
import type { ProfileRecord } from '../user/record.ts';
import { parseUsername } from '../user/username.ts';

/** The columns of a profile that its owner changes; what is absent stays as it is. */
export type ProfilePatch = Partial<
  Omit<ProfileRecord, 'completedAt' | 'setupSkippedAt' | 'revision' | 'createdAt' | 'updatedAt'>
>;

/** What upsertProfile asks for. */
export interface ProfileInput {
  /** As it is stored. Whether somebody else has it is another question. */
  username?: string;
  patch: ProfilePatch;
}

const currencies = new Set(Intl.supportedValuesOf('currency'));

const currency = z.string().refine((code) => currencies.has(code), {
  error: ({ input }) => `Expected a currency of ISO 4217 in capitals, such as EUR, and got ${show(input)}.`,
});

const amount = wholeNumber({ min: 0 }).nullish();

const salary = z.object({ min: amount, max: amount, currency: currency.nullish() }).check(
  acrossFields(({ min, max }) => {
    if (typeof min !== 'number' || typeof max !== 'number' || min <= max) return [];
    return [{ path: ['min'], message: `Expected at most max, ${max}, and got ${min}.` }];
  }),
);

const username = z.string({ error: 'A username can be changed, and not taken away.' }).transform((raw, context) => {
  const parsed = parseUsername(raw);
  if ('username' in parsed) return parsed.username;
  context.addIssue({ code: 'custom', message: parsed.message, input: raw });
  return z.NEVER;
});

const shortText = text({ maxGraphemes: 60 });

const profileInput = patch({
  username,
  displayName: text({ maxGraphemes: 64 }).nullable(),
  bio: clearableText({ maxGraphemes: 500, maxBytes: 4_000, multiline: true }).nullable(),
  yearsOfExperience: orDefault(wholeNumber({ max: 80 }), 0),
  experienceLevel: orDefault(z.enum(ExperienceLevel), 'ENTRY'),
  educationLevel: orDefault(z.enum(EducationLevel), 'BACHELORS'),
  fieldOfStudy: clearableText({ maxGraphemes: 60 }).nullable(),
  skills: orDefault(list(shortText, { maxLength: 50 }), []),
  workArrangement: orDefault(z.enum(WorkArrangement), 'ANY'),
  preferredLocations: orDefault(list(shortText, { maxLength: 20 }), []),
  salary: salary.nullable(),
});

/** @throws InvalidInputError */
export function readProfileInput(input: unknown): ProfileInput {
  const { username, salary, ...columns } = parseInput(profileInput, input);
  return {
    ...(username !== undefined && { username }),
    patch: { ...columns, ...(salary !== undefined && toColumns(salary)) },
  };
}

const toColumns = (given: z.output<typeof salary> | null) => ({
  salaryMin: given?.min ?? null,
  salaryMax: given?.max ?? null,
  salaryCurrency: given && (given.currency ?? 'USD'),
});
