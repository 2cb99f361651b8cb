import type { Statement } from '../../platform/database.ts';
import { instant, jsonOf } from './json-sql.ts';

/** Notes, by $2 id, that $1 user takes their data along. No row where the user isn't there. By primary key. */
export const auditExport: Statement = {
  name: 'audit_export',
  text: `
insert into audit_entries (id, user_id, action, actor, changed_fields)
select $2::uuid, id, 'account.exported', 'OWNER', '{}' from users where id = $1 and closed_at is null
returning id`,
};

const user = jsonOf({
  id: 'users.id',
  username: 'users.username',
  email: 'users.email',
  firstName: 'users.first_name',
  lastName: 'users.last_name',
  clerkImageUrl: 'users.clerk_image_url',
  clerkMirroredImageUrl: 'users.clerk_mirrored_image_url',
  clerkUsername: 'users.clerk_username',
  clerkUsernameUpdatedAt: instant('users.clerk_username_updated_at'),
  clerkUpdatedAt: instant('users.clerk_updated_at'),
  pictureRevision: 'users.picture_revision',
  lastPictureVersion: 'users.last_picture_version',
  followerCount: 'users.follower_count',
  followingCount: 'users.following_count',
  followRequestCount: 'users.follow_request_count',
  followedCrewMemberCount: 'users.followed_crew_member_count',
  followedStudioCount: 'users.followed_studio_count',
  blockedCount: 'users.blocked_count',
  createdAt: instant('users.created_at'),
  updatedAt: instant('users.updated_at'),
});

const salary = jsonOf({
  min: 'profile.salary_min',
  max: 'profile.salary_max',
  currency: 'profile.salary_currency',
});

const profile = jsonOf({
  displayName: 'profile.display_name',
  searchName: 'profile.search_name',
  bio: 'profile.bio',
  yearsOfExperience: 'profile.years_of_experience',
  experienceLevel: 'profile.experience_level',
  educationLevel: 'profile.education_level',
  fieldOfStudy: 'profile.field_of_study',
  skills: 'profile.skills',
  workArrangement: 'profile.work_arrangement',
  preferredLocations: 'profile.preferred_locations',
  salary: `case when profile.salary_currency is not null then ${salary} end`,
  completedAt: instant('profile.completed_at'),
  setupSkippedAt: instant('profile.setup_skipped_at'),
  revision: 'profile.revision',
  createdAt: instant('profile.created_at'),
  updatedAt: instant('profile.updated_at'),
});

const preferences = jsonOf({
  favoriteGenres: 'preferences.favorite_genres',
  adultContent: 'preferences.adult_content',
  language: 'preferences.language',
  theme: 'preferences.theme',
  notifications: 'preferences.notifications',
  revision: 'preferences.revision',
  updatedAt: instant('preferences.updated_at'),
});

const privacy = jsonOf({
  profile: 'privacy.profile',
  watchHistory: 'privacy.watch_history',
  ratings: 'privacy.ratings',
  updatedAt: instant('privacy.updated_at'),
});

export interface AccountRow {
  account: object;
  lastPictureVersion: number;
}

/** All of which $1 user has exactly one; no row where the user isn't there. By primary keys. */
export const accountOf: Statement = {
  name: 'export_account',
  text: `
select ${jsonOf({ user, profile, preferences, privacy })} as account,
  users.last_picture_version as "lastPictureVersion"
from users
join profiles profile on profile.user_id = users.id
join preferences on preferences.user_id = users.id
join privacy on privacy.user_id = users.id
where users.id = $1 and users.closed_at is null`,
};
