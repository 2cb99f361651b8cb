import { type Columns, type Selection, selectArrays } from '../../platform/array-rows.ts';
import type { Statement } from '../../platform/database.ts';

const pictureValues = {
  pictureId: 'picture.id',
  pictureUserId: 'picture.user_id',
  version: 'picture.version',
  isActive: 'picture.is_active',
  width: 'picture.width',
  height: 'picture.height',
  animated: 'picture.animated',
  variants: 'picture.variants',
  thumbhash: 'picture.thumbhash',
  dominantColor: 'picture.dominant_color',
  altText: 'picture.alt_text',
  originalName: 'picture.original_name',
  originalMimeType: 'picture.original_mime_type',
  originalBytes: 'picture.original_bytes',
  uploadedAt: 'picture.uploaded_at',
  deletedAt: 'picture.deleted_at',
} satisfies Columns;

const named = (columns: Columns): string =>
  Object.entries(columns)
    .map(([name, sql]) => `${sql} as "${name}"`)
    .join(', ');

/** The columns of a picture, for any statement that reads them from the alias `picture`. */
export const pictureColumns = named(pictureValues);

const userValues = {
  id: 'users.id',
  username: 'users.username',
  email: 'users.email',
  firstName: 'users.first_name',
  lastName: 'users.last_name',
  clerkImageUrl: 'users.clerk_image_url',
  pictureRevision: 'users.picture_revision',
  followerCount: 'users.follower_count',
  followingCount: 'users.following_count',
  followRequestCount: 'users.follow_request_count',
  blockedCount: 'users.blocked_count',
  followedCrewMemberCount: 'users.followed_crew_member_count',
  followedStudioCount: 'users.followed_studio_count',
  createdAt: 'users.created_at',
  updatedAt: 'users.updated_at',
  displayName: 'profile.display_name',
  bio: 'profile.bio',
  yearsOfExperience: 'profile.years_of_experience',
  experienceLevel: 'profile.experience_level',
  educationLevel: 'profile.education_level',
  fieldOfStudy: 'profile.field_of_study',
  skills: 'profile.skills',
  workArrangement: 'profile.work_arrangement',
  preferredLocations: 'profile.preferred_locations',
  salaryMin: 'profile.salary_min',
  salaryMax: 'profile.salary_max',
  salaryCurrency: 'profile.salary_currency',
  completedAt: 'profile.completed_at',
  setupSkippedAt: 'profile.setup_skipped_at',
  profileRevision: 'profile.revision',
  profileCreatedAt: 'profile.created_at',
  profileUpdatedAt: 'profile.updated_at',
  profileVisibility: 'privacy.profile',
  watchHistoryVisibility: 'privacy.watch_history',
  ratingsVisibility: 'privacy.ratings',
  privacyUpdatedAt: 'privacy.updated_at',
  favoriteGenres: 'preferences.favorite_genres',
  adultContent: 'preferences.adult_content',
  language: 'preferences.language',
  theme: 'preferences.theme',
  notifications: 'preferences.notifications',
  preferencesRevision: 'preferences.revision',
  preferencesUpdatedAt: 'preferences.updated_at',
  ...pictureValues,
  isClosed: 'users.closed_at is not null',
} satisfies Columns;

/** Of these and what is read with them. */
const times = new Set([
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
]);

const ofAsked = { index: 'asked.ordinal::int - 1', since: 'asked.since' } satisfies Columns;

/**
 * Whether the viewer stands in the one column and the user in the other, by primary key. A join, or `exists` without its
 * offset, may read all the rows of one of the two instead: the planner takes everybody for a person of a few followers.
 */
const isPair = (table: string, viewerColumn: string, userColumn: string): string =>
  `exists (select from ${table} where ${viewerColumn} = asked.viewer_id and ${userColumn} = users.id offset 0)`;

const isBlocked = `${isPair('blocks', 'blocker_id', 'blocked_id')} or ${isPair('blocks', 'blocked_id', 'blocker_id')}`;
const isOwner = 'users.id is not distinct from asked.viewer_id';
const viewerFollows = isPair('follows', 'follower_id', 'followee_id');
const viewerRequested = isPair('follow_requests', 'requester_id', 'requestee_id');

export interface UserSelection extends Pick<Selection, 'before' | 'after'> {
  asAdministrator?: boolean;
  /** What else of `asked` is wanted. */
  columns?: Columns;
}

/**
 * The rows of users as their viewers may know them. `asked` names them: a table of viewer_id (null: anonymous), user_id,
 * ordinal (from 1) and since. A pair of which one blocks the other comes with `isBlocked`, a user who was deleted and is
 * being erased with `isClosed`: whoever reads must drop them unless `isThere` says otherwise, and still count them as read
 * where a list goes on from there. Administrators have a statement of their own, which reads preferences too. Every join is
 * by primary key, or by the index of one active picture a user.
 */
export const selectUsers = (
  asked: string,
  { asAdministrator = false, columns = {}, ...around }: UserSelection = {},
): Omit<Statement, 'name'> =>
  selectArrays({
    columns: {
      ...ofAsked,
      ...userValues,
      isOwner,
      viewerFollows,
      viewerRequested,
      followsViewer: isPair('follows', 'followee_id', 'follower_id'),
      isBlocked,
      isAdministrator: asAdministrator ? 'users.id <> asked.viewer_id' : 'false',
      ...columns,
    },
    ...around,
    asked,
    times,
    from: `from users
  join profiles profile on profile.user_id = users.id
  join privacy on privacy.user_id = users.id
  left join preferences on preferences.user_id = users.id ${asAdministrator ? '' : 'and users.id = asked.viewer_id'}
  left join pictures picture on picture.user_id = users.id and picture.is_active
  where users.id = asked.user_id`,
  });

/**
 * The rows of users as they see themselves: what most requests begin with, and what needs to look at nobody else. `asked`
 * names them: a table of user_id and ordinal (from 1).
 */
export const selectOneself = (asked: string): Omit<Statement, 'name'> =>
  selectArrays({
    columns: {
      index: 'asked.ordinal - 1',
      since: 'null',
      ...userValues,
      isOwner: 'true',
      viewerFollows: 'false',
      viewerRequested: 'false',
      followsViewer: 'false',
      isBlocked: 'false',
      isAdministrator: 'false',
    },
    asked,
    times,
    from: `from users
  join profiles profile on profile.user_id = users.id
  join privacy on privacy.user_id = users.id
  left join preferences on preferences.user_id = users.id
  left join pictures picture on picture.user_id = users.id and picture.is_active
  where users.id = asked.user_id`,
  });

/**
 * What of users most lists show, and nothing else of them: `cardFields`. In half the time of whole users. Whoever asks must
 * have left out those who block or are blocked, and say of each viewer whether they have asked to follow anybody at all, as
 * `has_requested`.
 */
export const selectCards = (asked: string, after: string): Omit<Statement, 'name'> =>
  selectArrays({
    columns: {
      ...ofAsked,
      id: userValues.id,
      username: userValues.username,
      clerkImageUrl: userValues.clerkImageUrl,
      pictureRevision: userValues.pictureRevision,
      createdAt: userValues.createdAt,
      updatedAt: userValues.updatedAt,
      displayName: userValues.displayName,
      ...pictureValues,
      isClosed: userValues.isClosed,
      isOwner,
      viewerFollows,
      viewerRequested: `asked.has_requested and ${viewerRequested}`,
    },
    asked,
    times,
    from: `from users
  join profiles profile on profile.user_id = users.id
  left join pictures picture on picture.user_id = users.id and picture.is_active
  where users.id = asked.user_id`,
    after,
  });

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
