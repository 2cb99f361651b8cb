/** What `String.trim` takes off, for the inside of a bracket expression. */
const whiteSpace = String.raw`\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff`;

const hasText = (text: string) => `coalesce(${text} ~ '[^${whiteSpace}]', false)`;
const hasTextIn = (list: string) => hasText(`array_to_string(${list}, '')`);

/**
 * The twin of `completionFields` in SQL: whether a field is filled, for a function that is given a username, a row of
 * `profiles` and whether there is an active picture. In the order of their bits in `completion_states.filled`: a new field
 * comes last, so that the bits that are stored keep their meaning.
 */
export const filledInSql: Readonly<Record<string, string>> = {
  username: hasText('username'),
  displayName: hasText('profile.display_name'),
  experienceLevel: 'profile.experience_level is not null',
  educationLevel: 'profile.education_level is not null',
  yearsOfExperience: 'profile.years_of_experience >= 0',
  bio: hasText('profile.bio'),
  fieldOfStudy: hasText('profile.field_of_study'),
  skills: hasTextIn('profile.skills'),
  preferredLocations: hasTextIn('profile.preferred_locations'),
  salary: '(profile.salary_min is not null or profile.salary_max is not null)',
  picture: 'has_picture',
};

/** The completion fields in the order of their bits. */
const fieldsByBit = Object.keys(filledInSql);

/** The fields whose bits are set. */
export const filledFieldsOf = (filled: number): string[] => fieldsByBit.filter((_, bit) => ((filled >> bit) & 1) === 1);

const bits = Object.values(filledInSql).map((isFilled, bit) => `    ((${isFilled})::int << ${bit})`);

/**
 * The migration that gives the database these rules. The triggers that keep the counts judge by the function in the
 * database; who changes the rules here adds this as a new migration.
 */
export const filledFieldsMigration = `CREATE OR REPLACE FUNCTION filled_fields(username text, profile profiles, has_picture boolean) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
${bits.join(' |\n')}
$$;
SELECT refresh_completion_states(ARRAY(SELECT id FROM users));
`;
