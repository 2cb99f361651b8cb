import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CompletionFacts, completionOf } from '../src/modules/profile/completion.ts';

const newcomer: CompletionFacts = {
  username: null,
  displayName: null,
  bio: null,
  yearsOfExperience: 0,
  experienceLevel: 'ENTRY',
  educationLevel: 'BACHELORS',
  fieldOfStudy: null,
  skills: [],
  preferredLocations: [],
  salaryMin: null,
  salaryMax: null,
  hasPicture: false,
};

const veteran: CompletionFacts = {
  ...newcomer,
  username: 'ada',
  displayName: 'Ada',
  bio: 'Wrote the first program.',
  fieldOfStudy: 'Mathematics',
  skills: ['Analysis'],
  preferredLocations: ['London'],
  salaryMin: 1,
  hasPicture: true,
};

test('a new user has the three fields with defaults, and misses the rest, required ones first', () => {
  expect(completionOf(newcomer)).toEqual({
    percentage: 27,
    missingFields: [
      'username',
      'displayName',
      'bio',
      'fieldOfStudy',
      'skills',
      'preferredLocations',
      'salary',
      'picture',
    ],
    missingRequiredFields: ['username', 'displayName'],
  });
});

test('whoever filled everything is at 100 percent', () => {
  expect(completionOf(veteran)).toEqual({ percentage: 100, missingFields: [], missingRequiredFields: [] });
});

describe('what is empty is missing', () => {
  test.each<[string, Partial<CompletionFacts>]>([
    ['username', { username: null }],
    ['displayName', { displayName: ' \t\u3000' }],
    ['bio', { bio: '\n' }],
    ['fieldOfStudy', { fieldOfStudy: '' }],
    ['skills', { skills: [] }],
    ['skills', { skills: [' ', '\u00a0'] }],
    ['preferredLocations', { preferredLocations: [''] }],
    ['salary', { salaryMin: null }],
    ['picture', { hasPicture: false }],
  ])('%s: %j', (field, facts) => {
    expect(completionOf({ ...veteran, ...facts })).toMatchObject({ percentage: 90, missingFields: [field] });
  });
});

test('either end of a salary fills it, 0 too', () => {
  expect(completionOf({ ...veteran, salaryMin: null, salaryMax: 0 }).percentage).toBe(100);
});

test('the percentage is what is filled of eleven, rounded down', () => {
  const text = fc.option(fc.constantFrom('', ' ', 'x'));
  const facts = fc.record({
    username: text,
    displayName: text,
    bio: text,
    fieldOfStudy: text,
    skills: fc.array(fc.constantFrom(' ', 'x')),
    hasPicture: fc.boolean(),
  });
  fc.assert(
    fc.property(facts, (some) => {
      const { percentage, missingFields } = completionOf({ ...newcomer, ...some });
      expect(percentage).toBe(Math.floor(((11 - missingFields.length) / 11) * 100));
    }),
  );
});
