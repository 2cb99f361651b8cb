import { announcing } from '../../platform/announcements.ts';
import type { Statement } from '../../platform/database.ts';

/** Creates those of $1, a JSON array of users, who aren't there. Profile, preferences and privacy come from a trigger. */
export const insertUsers: Statement = {
  name: 'import_insert_users',
  text: `
insert into users (id, created_at)
select id, coalesce(created_at, now()) from json_to_recordset($1::json) as input (id text, created_at timestamptz)
order by id
on conflict do nothing
returning id`,
};

/** Locks $1 users, in the order in which all other changes lock: their privacy, then themselves, each by id. By primary keys. */
export const lockUsers: Statement = {
  name: 'import_lock_users',
  text: `
with settings as materialized (
  select user_id from privacy where user_id = any($1::text[]) order by user_id for update
)
select users.id from (select count(*) from settings) as locked, users
where users.id = any($1::text[]) and users.closed_at is null
order by users.id for no key update of users`,
};

/** What is here of $1 users, by primary keys. */
export const readUsers: Statement = {
  name: 'import_read_users',
  text: `
select users.id, users.username, users.email, users.first_name as "firstName", users.last_name as "lastName",
  users.created_at as "createdAt", users.clerk_updated_at is not null as "isKnownToClerk",
  profile.display_name as "displayName", profile.bio, profile.years_of_experience as "yearsOfExperience",
  profile.experience_level as "experienceLevel", profile.education_level as "educationLevel",
  profile.field_of_study as "fieldOfStudy", profile.skills, profile.work_arrangement as "workArrangement",
  profile.preferred_locations as "preferredLocations", profile.salary_min as "salaryMin",
  profile.salary_max as "salaryMax", profile.salary_currency as "salaryCurrency",
  profile.completed_at as "completedAt", profile.setup_skipped_at as "setupSkippedAt",
  preferences.favorite_genres as "favoriteGenres", preferences.adult_content as "adultContent", preferences.language,
  preferences.theme, preferences.notifications,
  privacy.profile as "profileVisibility", privacy.watch_history as "watchHistory", privacy.ratings,
  exists (select from pictures where user_id = users.id and is_active) as "hasPicture"
from users
join profiles profile on profile.user_id = users.id
join preferences on preferences.user_id = users.id
join privacy on privacy.user_id = users.id
where users.id = any($1::text[]) and users.closed_at is null`,
};

/** Which fields $1 users changed here themselves, by index audit_entries(user_id, at desc, id desc). */
export const touchedFields: Statement = {
  name: 'import_touched_fields',
  text: `
select user_id as "userId", array_agg(distinct field) as fields
from audit_entries, unnest(changed_fields) as field
where user_id = any($1::text[]) and actor = 'OWNER'
  and action in ('profile.changed', 'preferences.changed', 'privacy.changed')
group by user_id`,
};

/** Writes the rows of users of $1, a JSON array. Others see what changed where the row says so. */
export const updateAccounts: Statement = {
  name: 'import_update_accounts',
  text: `
update users set username = input.username, email = input.email, first_name = input.first_name,
  last_name = input.last_name, created_at = input.created_at,
  updated_at = case when input.is_visible then now() else users.updated_at end
from json_to_recordset($1::json) as input (
  id text, username text, email text, first_name text, last_name text, created_at timestamptz, is_visible boolean)
where users.id = input.id`,
};

/** $1 users have a new username each, of $2, from $3 on; what they had is held for them. */
export const changeUsernames: Statement = {
  name: 'import_change_usernames',
  text: `
with input as (
  select * from unnest($1::text[], $2::text[], $3::timestamptz[]) as input (user_id, username, taken_at)
),
released as (
  update username_history history set released_at = now() from input
  where history.user_id = input.user_id and history.released_at is null
)
insert into username_history (user_id, username, taken_at) select user_id, username, taken_at from input`,
};

/** Writes the profiles of $1, a JSON array. */
export const updateProfiles: Statement = {
  name: 'import_update_profiles',
  text: `
update profiles set display_name = input.display_name, search_name = input.search_name, bio = input.bio,
  years_of_experience = input.years_of_experience, experience_level = input.experience_level,
  education_level = input.education_level, field_of_study = input.field_of_study, skills = input.skills,
  work_arrangement = input.work_arrangement, preferred_locations = input.preferred_locations,
  salary_min = input.salary_min, salary_max = input.salary_max, salary_currency = input.salary_currency,
  completed_at = input.completed_at, setup_skipped_at = input.setup_skipped_at, updated_at = now()
from json_to_recordset($1::json) as input (
  user_id text, display_name text, search_name text, bio text, years_of_experience int,
  experience_level experience_level, education_level education_level, field_of_study text, skills text[],
  work_arrangement work_arrangement, preferred_locations text[], salary_min int, salary_max int, salary_currency text,
  completed_at timestamptz, setup_skipped_at timestamptz)
where profiles.user_id = input.user_id`,
};

/** Profiles of $1 users are as old as their users. */
export const dateProfiles: Statement = {
  name: 'import_date_profiles',
  text: `
update profiles set created_at = users.created_at from users
where users.id = profiles.user_id and profiles.user_id = any($1::text[]) and profiles.created_at <> users.created_at`,
};

/** Tells whoever is subscribed to the profiles of $1 users. */
export const announceProfiles: Statement = {
  name: 'import_announce_profiles',
  text: `
with changed as (
  update profiles set revision = revision + 1 where user_id = any($1::text[]) returning user_id, revision
)
select ${announcing('profile', 'changed')}::text from changed`,
};

/** Writes the preferences of $1, a JSON array, and tells their owners' other tabs. */
export const updatePreferences: Statement = {
  name: 'import_update_preferences',
  text: `
with changed as (
  update preferences set favorite_genres = input.favorite_genres, adult_content = input.adult_content,
    language = input.language, theme = input.theme, notifications = input.notifications,
    revision = revision + 1, updated_at = now()
  from json_to_recordset($1::json) as input (
    user_id text, favorite_genres int[], adult_content boolean, language text, theme theme, notifications jsonb)
  where preferences.user_id = input.user_id
  returning preferences.user_id, preferences.revision
)
select ${announcing('preferences', 'changed')}::text from changed`,
};

/** Writes the privacy of $1, a JSON array. A profile that becomes PUBLIC accepts the requests that wait. */
export const updatePrivacy: Statement = {
  name: 'import_update_privacy',
  text: `
with changed as (
  update privacy set profile = input.profile, watch_history = input.watch_history, ratings = input.ratings,
    updated_at = now()
  from json_to_recordset($1::json) as input (
    user_id text, profile visibility, watch_history visibility, ratings visibility)
  where privacy.user_id = input.user_id
  returning privacy.user_id, privacy.profile
),
accepted as (
  delete from follow_requests using changed
  where requestee_id = changed.user_id and changed.profile = 'PUBLIC'
  returning requester_id, requestee_id
)
insert into follows (follower_id, followee_id)
select requester_id, requestee_id from accepted order by requester_id, requestee_id
on conflict do nothing`,
};

/** Audit entries of $1, a JSON array. */
export const insertAuditEntries: Statement = {
  name: 'import_audit',
  text: `
insert into audit_entries (id, user_id, action, actor, changed_fields)
select id, user_id, 'user.imported', 'SYSTEM', changed_fields
from json_to_recordset($1::json) as input (id uuid, user_id text, changed_fields text[])`,
};
