import { toSearchName } from '../user/search-name.ts';
import type { CurrentUser, Merged } from './merge.ts';

/** The display name stands in the profile, and others see it with the user. */
const visibleFields = ['username', 'displayName'];

/** The user's own row, where anything of it changes, or others see with the user what changed. */
export function toAccountRow({ id, account, changedFields }: Merged, current: Map<string, CurrentUser>): object[] {
  const isVisible = changedFields.some((field) => visibleFields.includes(field));
  const row = account ?? (isVisible ? current.get(id)?.account : null);
  if (!row) return [];
  const { username, email, firstName, lastName, createdAt } = row;
  return [
    { id, username, email, first_name: firstName, last_name: lastName, created_at: createdAt, is_visible: isVisible },
  ];
}

export const toProfileRow = (id: string, profile: CurrentUser['profile']) => ({
  user_id: id,
  display_name: profile.displayName,
  search_name: profile.displayName && toSearchName(profile.displayName),
  bio: profile.bio,
  years_of_experience: profile.yearsOfExperience,
  experience_level: profile.experienceLevel,
  education_level: profile.educationLevel,
  field_of_study: profile.fieldOfStudy,
  skills: profile.skills,
  work_arrangement: profile.workArrangement,
  preferred_locations: profile.preferredLocations,
  salary_min: profile.salaryMin,
  salary_max: profile.salaryMax,
  salary_currency: profile.salaryCurrency,
  completed_at: profile.completedAt,
  setup_skipped_at: profile.setupSkippedAt,
});

export const toPreferencesRow = (id: string, preferences: CurrentUser['preferences']) => ({
  user_id: id,
  favorite_genres: preferences.favoriteGenres,
  adult_content: preferences.adultContent,
  language: preferences.language,
  theme: preferences.theme,
  notifications: preferences.notifications,
});

export const toPrivacyRow = (id: string, { profile, watchHistory, ratings }: CurrentUser['privacy']) => ({
  user_id: id,
  profile,
  watch_history: watchHistory,
  ratings,
});
