/** Why something of a user is in no file of the export. */
export interface LeftOut {
  why: string;
}

/** Where in its file a value stands, as a dotted path; or why it doesn't. */
export type Place = string | LeftOut;

export const leftOut = (why: string): LeftOut => ({ why });

const ownId = leftOut('The id of the owner, which account.json and the manifest have.');
const counted = leftOut('Kept by triggers for statistics: what it is made of is in account.json.');
const serverOnly = (what: string) => leftOut(`For the server's own use: ${what}.`);

/** Rows of a table that are a user's, and where their columns are in a file. */
export interface TablePart {
  table: string;
  /** The column that has the owner's id. */
  owner: string;
  file: string;
  /** Where in the file; the whole of it if left out. */
  at?: string;
  columns: Record<string, Place>;
}

const pairs = (table: string, owner: string, other: string, file: string): TablePart => ({
  table,
  owner,
  file,
  columns: { [owner]: ownId, [other]: 'id', created_at: 'since' },
});

const catalogue = (table: string, file: string): TablePart => ({
  table,
  owner: 'user_id',
  file,
  columns: { user_id: ownId, tmdb_id: 'tmdbId', created_at: 'since' },
});

/** Every table that has rows of users, written from the database and not from the export's code. */
export const tableParts: TablePart[] = [
  {
    table: 'users',
    owner: 'id',
    file: 'account',
    at: 'user',
    columns: {
      id: 'id',
      username: 'username',
      email: 'email',
      first_name: 'firstName',
      last_name: 'lastName',
      clerk_image_url: 'clerkImageUrl',
      clerk_mirrored_image_url: 'clerkMirroredImageUrl',
      clerk_username: 'clerkUsername',
      clerk_username_updated_at: 'clerkUsernameUpdatedAt',
      clerk_updated_at: 'clerkUpdatedAt',
      picture_revision: 'pictureRevision',
      last_picture_version: 'lastPictureVersion',
      follower_count: 'followerCount',
      following_count: 'followingCount',
      follow_request_count: 'followRequestCount',
      followed_crew_member_count: 'followedCrewMemberCount',
      followed_studio_count: 'followedStudioCount',
      blocked_count: 'blockedCount',
      created_at: 'createdAt',
      updated_at: 'updatedAt',
      closed_at: leftOut('An account that has it is deleted, and gets no export.'),
    },
  },
  {
    table: 'profiles',
    owner: 'user_id',
    file: 'account',
    at: 'profile',
    columns: {
      user_id: ownId,
      display_name: 'displayName',
      search_name: 'searchName',
      bio: 'bio',
      years_of_experience: 'yearsOfExperience',
      experience_level: 'experienceLevel',
      education_level: 'educationLevel',
      field_of_study: 'fieldOfStudy',
      skills: 'skills',
      work_arrangement: 'workArrangement',
      preferred_locations: 'preferredLocations',
      salary_min: 'salary.min',
      salary_max: 'salary.max',
      salary_currency: 'salary.currency',
      completed_at: 'completedAt',
      setup_skipped_at: 'setupSkippedAt',
      revision: 'revision',
      created_at: 'createdAt',
      updated_at: 'updatedAt',
    },
  },
  {
    table: 'preferences',
    owner: 'user_id',
    file: 'account',
    at: 'preferences',
    columns: {
      user_id: ownId,
      favorite_genres: 'favoriteGenres',
      adult_content: 'adultContent',
      language: 'language',
      theme: 'theme',
      notifications: 'notifications',
      revision: 'revision',
      updated_at: 'updatedAt',
    },
  },
  {
    table: 'privacy',
    owner: 'user_id',
    file: 'account',
    at: 'privacy',
    columns: {
      user_id: ownId,
      profile: 'profile',
      watch_history: 'watchHistory',
      ratings: 'ratings',
      updated_at: 'updatedAt',
    },
  },
  {
    table: 'completion_states',
    owner: 'user_id',
    file: 'account',
    columns: { user_id: ownId, filled: counted, signed_up_on: counted, completed_on: counted },
  },
  {
    table: 'removals',
    owner: 'user_id',
    file: 'account',
    columns: {
      user_id: ownId,
      kind: serverOnly('of which kind something was taken away'),
      at: serverOnly('when that was last, so that an import brings nothing older back'),
    },
  },
  pairs('follows', 'followee_id', 'follower_id', 'followers'),
  pairs('follows', 'follower_id', 'followee_id', 'following'),
  pairs('follow_requests', 'requestee_id', 'requester_id', 'follow-requests-received'),
  pairs('follow_requests', 'requester_id', 'requestee_id', 'follow-requests-sent'),
  pairs('blocks', 'blocker_id', 'blocked_id', 'blocked-users'),
  catalogue('crew_member_follows', 'followed-crew-members'),
  catalogue('studio_follows', 'followed-studios'),
  {
    table: 'events',
    owner: 'user_id',
    file: 'events',
    columns: {
      id: 'id',
      user_id: ownId,
      type: 'type',
      movie_id: 'movieId',
      rating: 'rating',
      review: 'review',
      occurred_at: 'occurredAt',
      created_at: 'createdAt',
      idempotency_key: 'idempotencyKey',
    },
  },
  {
    table: 'pictures',
    owner: 'user_id',
    file: 'pictures',
    columns: {
      id: 'id',
      user_id: ownId,
      version: 'version',
      is_active: 'isActive',
      width: 'width',
      height: 'height',
      animated: 'animated',
      crop_left: 'crop.left',
      crop_top: 'crop.top',
      crop_size: 'crop.size',
      variants: leftOut('With names of files in the archive instead of those in the store; tested with the files.'),
      source_key: leftOut('The file itself is in the archive; tested with the files.'),
      file_keys: leftOut('The files themselves are in the archive; tested with the files.'),
      thumbhash: 'thumbhash',
      dominant_color: 'dominantColor',
      alt_text: 'altText',
      original_name: 'originalName',
      original_mime_type: 'originalMimeType',
      original_bytes: 'originalBytes',
      uploaded_at: 'uploadedAt',
      deleted_at: 'deletedAt',
    },
  },
  {
    table: 'sync_sessions',
    owner: 'user_id',
    file: 'sync-sessions',
    columns: {
      user_id: ownId,
      session_id: 'id',
      user_agent: 'userAgent',
      picture_revision: 'pictureRevision',
      acknowledged_at: 'acknowledgedAt',
      last_seen_at: 'lastSeenAt',
    },
  },
  {
    table: 'username_history',
    owner: 'user_id',
    file: 'username-history',
    columns: {
      id: serverOnly('it tells rows apart'),
      user_id: ownId,
      username: 'username',
      taken_at: 'takenAt',
      released_at: 'releasedAt',
    },
  },
  {
    table: 'webhook_deliveries',
    owner: 'user_id',
    file: 'webhook-deliveries',
    columns: { id: 'id', type: 'type', user_id: ownId, outcome: 'outcome', received_at: 'receivedAt' },
  },
  {
    table: 'clerk_outbox',
    owner: 'user_id',
    file: 'clerk-outbox',
    columns: {
      id: serverOnly('it tells rows apart'),
      user_id: ownId,
      kind: 'kind',
      payload: 'payload',
      attempts: 'attempts',
      next_attempt_at: 'nextAttemptAt',
      leased_until: serverOnly('which process sends it'),
      last_error: serverOnly('what went wrong between it and Clerk'),
      created_at: 'createdAt',
    },
  },
  {
    table: 'audit_entries',
    owner: 'user_id',
    file: 'audit-log',
    columns: {
      id: serverOnly('it tells rows apart'),
      user_id: ownId,
      action: 'action',
      actor: 'actor',
      changed_fields: 'changedFields',
      at: 'at',
    },
  },
];

/** Tables without a row of anybody who could ask for an export. */
export const tablesOfNobody: Record<string, string> = {
  _prisma_migrations: 'Which migrations were applied.',
  crew_members: 'How many follow each crew member.',
  studios: 'How many follow each studio.',
  announcements: 'That something of somebody changed, until the other processes were told.',
  tombstones: 'Hashes of the ids of users who were deleted.',
  file_removals: 'Names of files that are about to be removed, or just were, without an owner.',
  picture_sweeps: 'When the picture store was last looked through, and how much was found.',
  profile_counts: 'Totals of all users.',
  profile_count_changes: 'Changes of those totals, without their cause.',
  reconciliations: 'How far a comparison with Clerk came, and how much it found.',
};
