import type { EventType, Visibility } from '../../src/generated/prisma/enums.ts';

/**
 * Who sees what, written from the documentation and not from the code: a row for every field of the API.
 *
 * - `always`: whoever may know of the user.
 * - `own`: the owner and administrators.
 * - `secret`: the owner and nobody else.
 * - `profile`: whom `Privacy.profile` lets see the profile and the owner's own lists.
 * - `events`: the list of which each event goes by its type; `event`: what such an event says.
 * - `version`: what a picture says: anyone's while it is active, the owner's otherwise.
 * - `relation`: depends on who asks.
 * - `page`: the frame of a list; the list's own row says who sees it.
 * - `nobody`: about no person.
 * - `answer`: what a change, or a live update, says of itself.
 * - `path`: an entry that leads to users or their things; the test has to go it.
 */
export type Rule =
  | 'always'
  | 'own'
  | 'secret'
  | 'profile'
  | 'events'
  | 'event'
  | 'version'
  | 'relation'
  | 'page'
  | 'nobody'
  | 'answer'
  | 'path';

const rows = <Name extends string>(rule: Rule, names: string): Record<Name, Rule> =>
  Object.fromEntries(names.split(' ').map((name) => [name, rule])) as Record<Name, Rule>;

const connection = rows('page', 'totalCount edges pageInfo');
const edge = rows('page', 'cursor node since');

export const model: Record<string, Record<string, Rule>> = {
  Query: {
    ...rows('path', 'me user users node nodes'),
    ...rows('nobody', 'usernameAvailability crewMember studio profileStats'),
  },
  Mutation: {
    ...rows('path', 'follow unfollow acceptFollowRequest declineFollowRequest removeFollower blockUser unblockUser'),
    ...rows('path', 'upsertProfile markProfileComplete skipProfileSetup upsertPreferences upsertPrivacy'),
    ...rows('path', 'recordEvent recordEvents changePictureAltText restoreProfilePicture deleteProfilePicture'),
    ...rows('path', 'uploadProfilePicture recropProfilePicture acknowledgePictureRevision'),
    ...rows('nobody', 'deleteEvent deleteEvents deleteAccount'),
  },
  Subscription: rows('path', 'profilePictureUpdated profileUpdated preferencesUpdated'),
  User: {
    ...rows('always', 'id username displayName imageUrl picture pictureRevision createdAt updatedAt'),
    ...rows('relation', 'viewerFollow followsViewer'),
    ...rows('own', 'email firstName lastName preferences privacy pictures'),
    ...rows('own', 'followRequests blockedUsers syncSessions auditLog'),
    ...rows('profile', 'profile followers following followedCrewMembers followedStudios'),
    events: 'events',
  },
  Profile: {
    ...rows('profile', 'id user displayName bio avatarUrl yearsOfExperience experienceLevel educationLevel'),
    ...rows('profile', 'fieldOfStudy skills workArrangement preferredLocations isComplete createdAt updatedAt'),
    salary: 'secret',
    completion: 'own',
  },
  SalaryRange: rows('secret', 'min max currency'),
  ProfileCompletion: rows('own', 'percentage missingFields isComplete completedAt setupSkippedAt'),
  Preferences: rows('own', 'id user favoriteGenres adultContent language theme notifications updatedAt'),
  NotificationSetting: rows('own', 'name enabled'),
  Privacy: rows('own', 'id user profile watchHistory ratings updatedAt'),
  ProfilePicture: {
    ...rows('version', 'id user version isActive url variants width height animated thumbhash dominantColor altText'),
    ...rows('version', 'uploadedAt deletedAt'),
    ...rows('secret', 'originalName originalMimeType originalBytes'),
  },
  PictureVariant: rows('page', 'size mimeType bytes url'),
  Event: rows('event', 'id type movieId rating review occurredAt createdAt'),
  SyncSession: rows('own', 'id userAgent pictureRevision acknowledgedAt lastSeenAt'),
  AuditEntry: rows('own', 'action actor at changedFields'),
  CrewMember: { ...rows('nobody', 'id tmdbId followerCount'), viewerFollow: 'relation' },
  Studio: { ...rows('nobody', 'id tmdbId followerCount'), viewerFollow: 'relation' },

  PageInfo: rows('page', 'hasNextPage hasPreviousPage startCursor endCursor'),
  UserConnection: connection,
  UserEdge: edge,
  CrewMemberConnection: connection,
  CrewMemberEdge: edge,
  StudioConnection: connection,
  StudioEdge: edge,
  EventConnection: rows('page', 'edges pageInfo'),
  EventEdge: rows('page', 'cursor node'),
  ProfilePictureConnection: rows('page', 'edges pageInfo'),
  ProfilePictureEdge: rows('page', 'cursor node'),
  AuditEntryConnection: rows('page', 'edges pageInfo'),
  AuditEntryEdge: rows('page', 'cursor node'),

  Follow: rows('answer', 'follower state target since'),
  ProfilePictureUpdate: rows('answer', 'userId user revision picture imageUrl updatedAt'),
  RecordedEvents: rows('answer', 'events'),
  DeletedEvent: rows('nobody', 'id'),
  DeletedEvents: rows('nobody', 'count'),
  DeletedAccount: rows('nobody', 'userId'),

  UsernameAvailability: rows('nobody', 'username available reason suggestions'),
  ProfileStats: rows('nobody', 'users completeProfiles completionHistogram missingFields signUps completions'),
  FieldCount: rows('nobody', 'field users'),
  DayCount: rows('nobody', 'day count'),
  FieldError: rows('nobody', 'path message'),
  InvalidInputError: rows('nobody', 'message fields'),
  UsernameTakenError: rows('nobody', 'message suggestions'),
  ProfileIncompleteError: rows('nobody', 'message missingFields'),
  NotFoundError: rows('nobody', 'message'),
  FileTooLargeError: rows('nobody', 'message limitBytes'),
  UnsupportedImageError: rows('nobody', 'message supportedMimeTypes'),
  WrongConfirmationError: rows('nobody', 'message'),
};

/** Who gets a thing by its own id. */
export const nodeRules: Record<string, Rule> = {
  User: 'always',
  Profile: 'profile',
  Preferences: 'own',
  Privacy: 'own',
  ProfilePicture: 'version',
  Event: 'event',
};

/** The three parts that are set each on its own. */
export interface Settings {
  profile: Visibility;
  watchHistory: Visibility;
  ratings: Visibility;
}

/** How somebody who asks stands to the owner of what they ask for. */
export interface Standing {
  isOwner: boolean;
  /** As an accepted follower. */
  follows: boolean;
  /** One of the two blocks the other, and this is one of the few places that name the other all the same. */
  isNamedOnly: boolean;
  /** One of the two blocks the other, and an administrator looks. */
  isBlocked: boolean;
  isAdministrator: boolean;
}

/** What of a thing decides who sees it. */
export interface Thing {
  type?: EventType;
  isActive?: boolean;
}

const partOf: Record<EventType, keyof Settings> = {
  VIEW: 'watchHistory',
  WATCHLIST_ADD: 'watchHistory',
  WATCHLIST_REMOVE: 'watchHistory',
  RATING: 'ratings',
  REVIEW: 'ratings',
};

const isOpen = (visibility: Visibility, { follows }: Standing) =>
  ({ PUBLIC: true, FOLLOWERS: follows, PRIVATE: false })[visibility];

/** How somebody who asks stands to something of somebody's. */
interface Case {
  standing: Standing;
  settings: Settings;
  thing: Thing;
}

/** Is this shown, to whom the user is there at all? */
export function isShown(rule: Rule, { standing, settings, thing }: Case): boolean {
  if (standing.isOwner) return true;
  if (standing.isAdministrator && rule !== 'secret') return true;
  const isHidden = standing.isNamedOnly || standing.isBlocked;
  const isGoverned = (part: keyof Settings) => !isHidden && isOpen(settings[part], standing);
  switch (rule) {
    case 'own':
    case 'secret':
      return false;
    case 'profile':
      return isGoverned('profile');
    case 'event':
      return thing.type !== undefined && isGoverned(partOf[thing.type]);
    case 'version':
      return thing.isActive === true;
    default:
      return true;
  }
}

const partsOf = (rule: Rule, { type }: Thing): string[] => {
  if (rule === 'version') return ['own'];
  if (rule === 'event') return type ? [partOf[type]] : [];
  return rule === 'events' ? ['watchHistory', 'ratings'] : [rule];
};

/** The parts of a user that an administrator reads here, and could not read as anybody else: they are in the audit log. */
export function readsOf(rule: Rule, { standing, settings, thing }: Case): string[] {
  if (!standing.isAdministrator || standing.isOwner || rule === 'secret') return [];
  const isOpenToAll = (part: string) => {
    // By whichever path: where a block has a path show less, it is the block that counts.
    const asAnybody = { standing: { ...standing, isAdministrator: false, isNamedOnly: false }, settings, thing };
    if (part === 'watchHistory' || part === 'ratings') {
      return isShown('event', { ...asAnybody, thing: { type: part === 'ratings' ? 'RATING' : 'VIEW' } });
    }
    return isShown(rule, asAnybody);
  };
  return partsOf(rule, thing).filter((part) => !isOpenToAll(part));
}
