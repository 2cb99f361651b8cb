import type { PictureRecord, PreferencesRecord, PrivacyRecord, ProfileRecord, UserRecord } from './record.ts';

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
