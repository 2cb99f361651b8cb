import { maxNotifications } from '../preferences/input.ts';
import { completionOf } from '../profile/completion.ts';
import type { PreferencesRecord, PrivacyRecord, ProfileRecord } from '../user/record.ts';
import type { Account, ImportedUser } from './record.ts';

/** What the database has of a user, by the names of the API. */
export interface CurrentUser {
  id: string;
  account: Required<Omit<Account, 'username'>> & { username: string | null; createdAt: Date };
  profile: Omit<ProfileRecord, 'revision' | 'createdAt' | 'updatedAt'>;
  preferences: Omit<PreferencesRecord, 'revision' | 'updatedAt'>;
  privacy: Omit<PrivacyRecord, 'updatedAt'>;
  hasPicture: boolean;
  /** Clerk told us of this user, and has the last word on e-mail and names. */
  isKnownToClerk: boolean;
  /** By this import, a moment ago. */
  isNew: boolean;
}

/** What is to be written of a user: the whole of each part that changes, null for the others. */
export interface Merged {
  id: string;
  account: CurrentUser['account'] | null;
  profile: CurrentUser['profile'] | null;
  preferences: CurrentUser['preferences'] | null;
  privacy: CurrentUser['privacy'] | null;
  /** By their names in the API. */
  changedFields: string[];
}

export interface MergeRules {
  /** Whether the file wins over what is here; else it fills what is empty here. */
  overwrite: boolean;
  /** Fields that the user changed here: what is empty among them is so because they want it to be. */
  touched: ReadonlySet<string>;
  /** Whether somebody else has the username that the file has. */
  isUsernameTaken: boolean;
}

const defaults = {
  account: { username: null, email: null, firstName: null, lastName: null },
  profile: {
    displayName: null,
    bio: null,
    yearsOfExperience: 0,
    experienceLevel: 'ENTRY',
    educationLevel: 'BACHELORS',
    fieldOfStudy: null,
    skills: [],
    workArrangement: 'ANY',
    preferredLocations: [],
    salary: null,
    completedAt: null,
    setupSkippedAt: null,
  },
  preferences: { favoriteGenres: [], adultContent: false, language: 'en', theme: 'SYSTEM' },
  privacy: { profile: 'PUBLIC', watchHistory: 'PRIVATE', ratings: 'PRIVATE' },
} satisfies Record<string, Record<string, unknown>>;

/** What the file changes of a user. */
export function mergeUser(current: CurrentUser, given: ImportedUser, rules: MergeRules): Merged {
  const account = mergeAccount(current, given, rules);
  const profile = mergeProfile(current, { given, username: account.value.username, rules });
  const preferences = mergePreferences(current, given, rules);
  const privacy = mergePart(current.privacy, given.privacy, { ...rules, defaults: defaults.privacy });
  const parts = { account, profile, preferences, privacy };
  return {
    id: current.id,
    account: account.changed.length > 0 ? account.value : null,
    profile: profile.changed.length > 0 ? profile.value : null,
    preferences: preferences.changed.length > 0 ? preferences.value : null,
    privacy: privacy.changed.length > 0 ? privacy.value : null,
    changedFields: Object.entries(parts).flatMap(([name, { changed }]) => toFieldNames(name, changed)),
  };
}

interface Part<Value> {
  value: Value;
  changed: string[];
}

interface PartRules extends Pick<MergeRules, 'overwrite' | 'touched'> {
  defaults: Record<string, unknown>;
}

/** Field by field: what differs and is given wins where the file does, or where here is the default that nobody chose. */
function mergePart<Value extends object>(current: Value, given: Partial<Value>, rules: PartRules): Part<Value> {
  const changed = (Object.keys(given) as (keyof Value & string)[]).filter((field) => {
    if (isSame(given[field], current[field])) return false;
    return rules.overwrite || (isSame(current[field], rules.defaults[field]) && !rules.touched.has(field));
  });
  const value = { ...current, ...Object.fromEntries(changed.map((field) => [field, given[field]])) };
  return { value, changed };
}

function mergeAccount(
  current: CurrentUser,
  { account }: ImportedUser,
  rules: MergeRules,
): Part<CurrentUser['account']> {
  const { username, email, firstName, lastName, createdAt } = account;
  const merged = mergePart(
    current.account,
    {
      ...(username !== undefined && !rules.isUsernameTaken && { username }),
      ...(!current.isKnownToClerk && withoutUndefined({ email, firstName, lastName })),
    },
    { ...rules, defaults: defaults.account },
  );
  // The earlier of the two, since nobody can have come after their first day.
  const isEarlier =
    createdAt !== undefined &&
    (rules.overwrite ? !isSame(createdAt, current.account.createdAt) : createdAt < current.account.createdAt);
  if (!isEarlier) return merged;
  return { value: { ...merged.value, createdAt }, changed: [...merged.changed, 'createdAt'] };
}

/** The three columns of the salary are one field. */
type ProfileFields = Omit<CurrentUser['profile'], SalaryColumn> & {
  salary: Pick<CurrentUser['profile'], SalaryColumn> | null;
};
type SalaryColumn = 'salaryMin' | 'salaryMax' | 'salaryCurrency';

interface ProfileMerge {
  given: ImportedUser;
  username: string | null;
  rules: MergeRules;
}

function mergeProfile(current: CurrentUser, { given, username, rules }: ProfileMerge): Part<CurrentUser['profile']> {
  const { salaryMin, salaryMax, salaryCurrency, ...fields } = given.profile;
  const wanted: Partial<ProfileFields> = {
    ...fields,
    ...(salaryCurrency !== undefined && { salary: toSalary(given.profile) }),
    ...withoutUndefined({ completedAt: given.completedAt, setupSkippedAt: given.setupSkippedAt }),
  };
  const { value, changed } = mergePart(toFields(current.profile), wanted, { ...rules, defaults: defaults.profile });
  const profile = toColumns(value);
  const facts = { ...profile, username, hasPicture: current.hasPicture };
  // As everywhere: what lacks a required field isn't complete.
  if (completionOf(facts).missingRequiredFields.length > 0) profile.completedAt = null;
  const isOtherwise = !isSame(profile.completedAt, current.profile.completedAt);
  const rest = changed.filter((field) => field !== 'completedAt');
  return { value: profile, changed: isOtherwise ? [...rest, 'completedAt'] : rest };
}

function mergePreferences(
  current: CurrentUser,
  { preferences: { notifications, ...given } }: ImportedUser,
  rules: MergeRules,
): Part<CurrentUser['preferences']> {
  const merged = mergePart(current.preferences, given, { ...rules, defaults: defaults.preferences });
  const before = current.preferences.notifications;
  const after = mergeNotifications(before, notifications, rules);
  if (isSame(sorted(before), sorted(after))) return merged;
  return { value: { ...merged.value, notifications: after }, changed: [...merged.changed, 'notifications'] };
}

/** By name, as the API does. */
function mergeNotifications(
  here: Record<string, boolean>,
  given: { name: string; enabled: boolean }[] | null | undefined,
  { overwrite }: MergeRules,
): Record<string, boolean> {
  if (given === undefined) return here;
  if (given === null) return overwrite ? {} : here;
  const brought = Object.fromEntries(given.map(({ name, enabled }) => [name, enabled]));
  const merged = overwrite ? { ...here, ...brought } : { ...here, ...brought, ...here };
  return Object.fromEntries(Object.entries(merged).slice(0, maxNotifications));
}

const toSalary = ({ salaryMin, salaryMax, salaryCurrency }: Partial<Pick<ProfileRecord, SalaryColumn>>) =>
  salaryCurrency == null ? null : { salaryMin: salaryMin ?? null, salaryMax: salaryMax ?? null, salaryCurrency };

function toFields({ salaryMin, salaryMax, salaryCurrency, ...fields }: CurrentUser['profile']): ProfileFields {
  return { ...fields, salary: toSalary({ salaryMin, salaryMax, salaryCurrency }) };
}

const noSalary = { salaryMin: null, salaryMax: null, salaryCurrency: null };

const toColumns = ({ salary, ...fields }: ProfileFields): CurrentUser['profile'] => ({
  ...fields,
  ...(salary ?? noSalary),
});

/** Who sees the profile is named as the profile is: the audit log tells the two apart by `privacy`. */
const toFieldNames = (part: string, changed: string[]) =>
  changed.map((field) => (part === 'privacy' ? `privacy.${field}` : field === 'completedAt' ? 'isComplete' : field));

const isSame = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);
const sorted = (value: object) => Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));

function withoutUndefined<Value extends object>(value: Value) {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as {
    [Key in keyof Value]?: Exclude<Value[Key], undefined>;
  };
}
