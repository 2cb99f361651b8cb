import type { ProfileRecord } from '../user/record.ts';

/** What completion is judged by: the profile, and of its user the username and whether a picture was uploaded. */
export type CompletionFacts = Pick<
  ProfileRecord,
  | 'displayName'
  | 'bio'
  | 'yearsOfExperience'
  | 'experienceLevel'
  | 'educationLevel'
  | 'fieldOfStudy'
  | 'skills'
  | 'preferredLocations'
  | 'salaryMin'
  | 'salaryMax'
> & { username: string | null; hasPicture: boolean };

interface CompletionField {
  name: string;
  isRequired: boolean;
  isFilled: (facts: CompletionFacts) => boolean;
}

const hasText = (value: string | null) => value !== null && value.trim() !== '';

/** Every field that counts, required ones first. The three with defaults are filled from the start. */
export const completionFields: readonly CompletionField[] = [
  { name: 'username', isRequired: true, isFilled: (facts) => hasText(facts.username) },
  { name: 'displayName', isRequired: true, isFilled: (facts) => hasText(facts.displayName) },
  { name: 'experienceLevel', isRequired: true, isFilled: (facts) => hasText(facts.experienceLevel) },
  { name: 'educationLevel', isRequired: true, isFilled: (facts) => hasText(facts.educationLevel) },
  { name: 'yearsOfExperience', isRequired: true, isFilled: (facts) => facts.yearsOfExperience >= 0 },
  { name: 'bio', isRequired: false, isFilled: (facts) => hasText(facts.bio) },
  { name: 'fieldOfStudy', isRequired: false, isFilled: (facts) => hasText(facts.fieldOfStudy) },
  { name: 'skills', isRequired: false, isFilled: (facts) => facts.skills.some(hasText) },
  { name: 'preferredLocations', isRequired: false, isFilled: (facts) => facts.preferredLocations.some(hasText) },
  { name: 'salary', isRequired: false, isFilled: (facts) => facts.salaryMin !== null || facts.salaryMax !== null },
  { name: 'picture', isRequired: false, isFilled: (facts) => facts.hasPicture },
];

/** How far a profile is filled. */
export interface Completion {
  /** 0 to 100, rounded down. */
  percentage: number;
  /** Required ones first. */
  missingFields: string[];
  /** Those without which a profile can't be complete. */
  missingRequiredFields: string[];
}

/** Filled fields over all of them, rounded down. */
export const toPercentage = (filledCount: number): number => Math.floor((filledCount * 100) / completionFields.length);

export function completionOf(facts: CompletionFacts): Completion {
  const missing = completionFields.filter(({ isFilled }) => !isFilled(facts));
  return {
    percentage: toPercentage(completionFields.length - missing.length),
    missingFields: missing.map(({ name }) => name),
    missingRequiredFields: missing.filter(({ isRequired }) => isRequired).map(({ name }) => name),
  };
}
