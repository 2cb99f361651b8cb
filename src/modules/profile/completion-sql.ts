/** What `String.trim` takes off, for the inside of a bracket expression. */
const whiteSpace = String.raw`\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff`;

const hasText = (text: string) => `coalesce(${text} ~ '[^${whiteSpace}]', false)`;
const hasTextIn = (list: string) => hasText(`array_to_string(${list}, '')`);

/**
 * The twin of `completionFields` in SQL, in the same order: whether a field is filled, in a statement that has the tables
 * `users` and `profiles` and their user's active picture, if any, as `picture`. A test compares the two.
 */
export const filledInSql: Readonly<Record<string, string>> = {
  username: hasText('users.username'),
  displayName: hasText('profiles.display_name'),
  experienceLevel: 'profiles.experience_level is not null',
  educationLevel: 'profiles.education_level is not null',
  yearsOfExperience: 'profiles.years_of_experience >= 0',
  bio: hasText('profiles.bio'),
  fieldOfStudy: hasText('profiles.field_of_study'),
  skills: hasTextIn('profiles.skills'),
  preferredLocations: hasTextIn('profiles.preferred_locations'),
  salary: '(profiles.salary_min is not null or profiles.salary_max is not null)',
  picture: 'picture.user_id is not null',
};
