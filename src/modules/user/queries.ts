import type { Statement } from '../../platform/database.ts';
import { forBoth } from './reader.ts';
import type { PictureRecord, PreferencesRecord, PrivacyRecord, ProfileRecord, UserRecord } from './record.ts';
import { tombstoneOf } from './tombstone.ts';

/** The columns of a picture, for any statement that reads them from the alias `picture`. */
export const pictureColumns = `
  picture.id as "pictureId", picture.user_id as "pictureUserId", picture.version, picture.is_active as "isActive",
  picture.width, picture.height, picture.animated, picture.variants, picture.thumbhash,
  picture.dominant_color as "dominantColor", picture.alt_text as "altText", picture.original_name as "originalName",
  picture.original_mime_type as "originalMimeType", picture.original_bytes as "originalBytes",
  picture.uploaded_at as "uploadedAt", picture.deleted_at as "deletedAt"`;

/**
 * Whether the viewer stands in the one column and the user in the other, by primary key. A join, or `exists` without its
 * offset, may read all the rows of one of the two instead: the planner takes everybody for a person of a few followers.
 */
const isPair = (table: string, viewerColumn: string, userColumn: string): string =>
  `exists (select from ${table} where ${viewerColumn} = asked.viewer_id and ${userColumn} = users.id offset 0)`;

/**
 * The rows of users as their viewers may know them. `asked` names them: a table of viewer_id (null: anonymous), user_id,
 * ordinal (from 1) and since; what else of it is wanted, `columns` says, with a comma at the end. A pair of which one blocks
 * the other comes with `isBlocked`, a user who was deleted and is being erased with `isClosed`: whoever reads must drop them
 * unless `isThere` says otherwise, and still count them as read where a list goes on from there. Administrators have a
 * statement of their own, which reads preferences too. Every join is by primary key, or by the index of one active picture
 * a user.
 */
export const selectUsers = (asked: string, { asAdministrator = false, columns = '' } = {}): string => `
select asked.ordinal::int - 1 as "index", asked.since, ${columns}
  users.id, users.username, users.email, users.first_name as "firstName", users.last_name as "lastName",
  users.clerk_image_url as "clerkImageUrl", users.picture_revision as "pictureRevision",
  users.follower_count as "followerCount", users.following_count as "followingCount",
  users.follow_request_count as "followRequestCount", users.blocked_count as "blockedCount",
  users.followed_crew_member_count as "followedCrewMemberCount", users.followed_studio_count as "followedStudioCount",
  users.created_at as "createdAt", users.updated_at as "updatedAt",
  profile.display_name as "displayName", profile.bio, profile.years_of_experience as "yearsOfExperience",
  profile.experience_level as "experienceLevel", profile.education_level as "educationLevel",
  profile.field_of_study as "fieldOfStudy", profile.skills, profile.work_arrangement as "workArrangement",
  profile.preferred_locations as "preferredLocations", profile.salary_min as "salaryMin",
  profile.salary_max as "salaryMax", profile.salary_currency as "salaryCurrency",
  profile.completed_at as "completedAt", profile.setup_skipped_at as "setupSkippedAt",
  profile.revision as "profileRevision",
  profile.created_at as "profileCreatedAt", profile.updated_at as "profileUpdatedAt",
  privacy.profile as "profileVisibility", privacy.watch_history as "watchHistoryVisibility",
  privacy.ratings as "ratingsVisibility", privacy.updated_at as "privacyUpdatedAt",
  preferences.favorite_genres as "favoriteGenres", preferences.adult_content as "adultContent", preferences.language,
  preferences.theme, preferences.notifications, preferences.revision as "preferencesRevision",
  preferences.updated_at as "preferencesUpdatedAt",
  ${pictureColumns},
  users.id is not distinct from asked.viewer_id as "isOwner",
  ${isPair('follows', 'follower_id', 'followee_id')} as "viewerFollows",
  ${isPair('follow_requests', 'requester_id', 'requestee_id')} as "viewerRequested",
  ${isPair('follows', 'followee_id', 'follower_id')} as "followsViewer",
  ${isPair('blocks', 'blocker_id', 'blocked_id')} or ${isPair('blocks', 'blocked_id', 'blocker_id')} as "isBlocked",
  users.closed_at is not null as "isClosed",
  ${asAdministrator ? 'users.id <> asked.viewer_id' : 'false'} as "isAdministrator"
from ${asked}
join users on users.id = asked.user_id
join profiles profile on profile.user_id = users.id
join privacy on privacy.user_id = users.id
left join preferences on preferences.user_id = users.id ${asAdministrator ? '' : 'and users.id = asked.viewer_id'}
left join pictures picture on picture.user_id = users.id and picture.is_active`;

const pairs = `(
  select viewer_id, user_id, ordinal, null::timestamptz as since
  from json_to_recordset($1::json) as pair (viewer_id text, user_id text, ordinal int)
) as asked`;

/**
 * What of users most lists show, and nothing else of them: `cardFields`. In half the time of whole users. Whoever asks must
 * have left out those who block or are blocked.
 */
export const selectCards = (asked: string): string => `
select asked.ordinal::int - 1 as "index", asked.since,
  users.id, users.username, users.clerk_image_url as "clerkImageUrl", users.picture_revision as "pictureRevision",
  users.created_at as "createdAt", users.updated_at as "updatedAt", profile.display_name as "displayName",
  ${pictureColumns},
  users.id is not distinct from asked.viewer_id as "isOwner",
  ${isPair('follows', 'follower_id', 'followee_id')} as "viewerFollows",
  ${isPair('follow_requests', 'requester_id', 'requestee_id')} as "viewerRequested",
  users.closed_at is not null as "isClosed"
from ${asked}
join users on users.id = asked.user_id
join profiles profile on profile.user_id = users.id
left join pictures picture on picture.user_id = users.id and picture.is_active`;

/** Fields of a user that a card has. */
export const cardFields = [
  '__typename',
  'id',
  'username',
  'displayName',
  'imageUrl',
  'picture',
  'pictureRevision',
  'createdAt',
  'updatedAt',
  'viewerFollow',
] as const;

/**
 * A statement whose rows are one column each. pg reads and describes sixty of them one by one, with each answer anew, which
 * takes longer than PostgreSQL takes to write a row as JSON.
 */
const asJson = (text: string): string => `select row_to_json(record) as row from (${text}) as record`;

/** A row of a statement of `asJson`. */
export interface JsonRow {
  row: { [Key in keyof UserRow]: UserRow[Key] extends Date | null ? string | null : UserRow[Key] };
}

/** JSON knows no dates. */
export function toUserRow({ row }: JsonRow): UserRow {
  const dates = dateColumns.map((name) => [name, row[name] === null ? null : new Date(row[name])]);
  return Object.assign(row, Object.fromEntries(dates)) as unknown as UserRow;
}

const dateColumns = [
  'since',
  'createdAt',
  'updatedAt',
  'completedAt',
  'setupSkippedAt',
  'profileCreatedAt',
  'profileUpdatedAt',
  'privacyUpdatedAt',
  'preferencesUpdatedAt',
  'uploadedAt',
  'deletedAt',
] as const;

/**
 * Users by $1 pairs, as `toPairs` writes them. As JSON, since the planner takes an array of one for so much cheaper than one
 * of any length that it would plan each reading anew, which costs three times the reading.
 */
export const usersByPair = forBoth('users_for_viewers', (reader) => asJson(selectUsers(pairs, reader)));

export const toPairs = (pairs: readonly { viewerId: string | null; userId: string }[]): string =>
  JSON.stringify(
    pairs.map(({ viewerId, userId }, index) => ({ viewer_id: viewerId, user_id: userId, ordinal: index + 1 })),
  );

const named = `(
  select $1::text as viewer_id, 1 as ordinal, null::timestamptz as since, coalesce(
    (select id from users where username = $2),
    (select user_id from username_history where username = $2 and released_at is not null
     order by released_at desc limit 1)) as user_id
) as asked`;

/**
 * The user whom $2 username finds for $1 viewer: who has it, else the last who had it. By unique index, then by history.
 */
export const userByUsername = forBoth('user_by_username', (reader) => asJson(selectUsers(named, reader)));

export type PictureRow = Omit<PictureRecord, 'id' | 'userId'> & { pictureId: string; pictureUserId: string };

type Timestamps<Prefix extends string> = { [Key in `${Prefix}UpdatedAt`]: Date };
type Revisions<Prefix extends string> = { [Key in `${Prefix}Revision`]: number };

export type UserRow = Omit<UserRecord, 'profile' | 'privacy' | 'preferences' | 'picture' | 'relation'> &
  Omit<ProfileRecord, 'revision' | 'createdAt' | 'updatedAt'> &
  Omit<PreferencesRecord, 'revision' | 'updatedAt'> & {
    [Part in Exclude<keyof PrivacyRecord, 'updatedAt'> as `${Part}Visibility`]: PrivacyRecord[Part];
  } & Timestamps<'profile' | 'privacy' | 'preferences'> &
  Revisions<'profile' | 'preferences'> &
  PictureRow &
  UserRecord['relation'] & { index: number; since: Date | null; isClosed: boolean; profileCreatedAt: Date };

/** Whether the user of a row is there for who asked: blocks hide nobody from an administrator. */
export const isThere = ({ isClosed, isBlocked, isAdministrator }: UserRow): boolean =>
  !isClosed && (!isBlocked || isAdministrator);

export const toUserRecord = (row: UserRow): UserRecord => ({
  id: row.id,
  username: row.username,
  email: row.email,
  firstName: row.firstName,
  lastName: row.lastName,
  clerkImageUrl: row.clerkImageUrl,
  pictureRevision: row.pictureRevision,
  followerCount: row.followerCount,
  followingCount: row.followingCount,
  followRequestCount: row.followRequestCount,
  blockedCount: row.blockedCount,
  followedCrewMemberCount: row.followedCrewMemberCount,
  followedStudioCount: row.followedStudioCount,
  createdAt: row.createdAt,
  updatedAt: row.updatedAt,
  profile: toProfileRecord(row),
  privacy: {
    profile: row.profileVisibility,
    watchHistory: row.watchHistoryVisibility,
    ratings: row.ratingsVisibility,
    updatedAt: row.privacyUpdatedAt,
  },
  preferences: row.isOwner || row.isAdministrator ? toPreferencesRecord(row) : null,
  picture: row.pictureId ? toPictureRecord(row) : null,
  relation: {
    isOwner: row.isOwner,
    viewerFollows: row.viewerFollows,
    viewerRequested: row.viewerRequested,
    followsViewer: row.followsViewer,
    isAdministrator: row.isAdministrator,
    isBlocked: row.isBlocked,
  },
});

const toProfileRecord = (row: UserRow): ProfileRecord => ({
  displayName: row.displayName,
  bio: row.bio,
  yearsOfExperience: row.yearsOfExperience,
  experienceLevel: row.experienceLevel,
  educationLevel: row.educationLevel,
  fieldOfStudy: row.fieldOfStudy,
  skills: row.skills,
  workArrangement: row.workArrangement,
  preferredLocations: row.preferredLocations,
  salaryMin: row.salaryMin,
  salaryMax: row.salaryMax,
  salaryCurrency: row.salaryCurrency,
  completedAt: row.completedAt,
  setupSkippedAt: row.setupSkippedAt,
  revision: row.profileRevision,
  createdAt: row.profileCreatedAt,
  updatedAt: row.profileUpdatedAt,
});

const toPreferencesRecord = (row: UserRow): PreferencesRecord => ({
  favoriteGenres: row.favoriteGenres,
  adultContent: row.adultContent,
  language: row.language,
  theme: row.theme,
  notifications: row.notifications,
  revision: row.preferencesRevision,
  updatedAt: row.preferencesUpdatedAt,
});

export const toPictureRecord = (row: PictureRow): PictureRecord => ({
  id: row.pictureId,
  userId: row.pictureUserId,
  version: row.version,
  isActive: row.isActive,
  width: row.width,
  height: row.height,
  animated: row.animated,
  variants: row.variants,
  thumbhash: row.thumbhash,
  dominantColor: row.dominantColor,
  altText: row.altText,
  originalName: row.originalName,
  originalMimeType: row.originalMimeType,
  originalBytes: row.originalBytes,
  uploadedAt: row.uploadedAt,
  deletedAt: row.deletedAt,
});

/** Which of $1 user ids are those of deleted users, by primary key. */
export const deletedAmong: Statement = {
  name: 'deleted_among',
  text: `
select id as "userId" from unnest($1::text[]) as id
where exists (select from tombstones where id_hash = ${tombstoneOf('id')})`,
};

/** The picture revisions of $1 user ids, by primary key. */
export const pictureRevisions: Statement = {
  name: 'picture_revisions',
  text: 'select id as "userId", picture_revision as revision from users where id = any($1::text[])',
};

/** The profile revisions of $1 user ids, by primary key. */
export const profileRevisions: Statement = {
  name: 'profile_revisions',
  text: 'select user_id as "userId", revision from profiles where user_id = any($1::text[])',
};

/** The preferences revisions of $1 user ids, by primary key. */
export const preferencesRevisions: Statement = {
  name: 'preferences_revisions',
  text: 'select user_id as "userId", revision from preferences where user_id = any($1::text[])',
};
