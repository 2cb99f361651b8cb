import type {
  EducationLevel,
  ExperienceLevel,
  Theme,
  Visibility,
  WorkArrangement,
} from '../../generated/prisma/enums.ts';

/**
 * A user with all that pages ask for, as one viewer's statement read it. Nobody who is blocked or blocks gets one, but an
 * administrator.
 */
export interface UserRecord {
  id: string;
  username: string | null;
  email: string | null;
  firstName: string | null;
  lastName: string | null;
  clerkImageUrl: string | null;
  pictureRevision: number;
  followerCount: number;
  followingCount: number;
  followRequestCount: number;
  blockedCount: number;
  followedCrewMemberCount: number;
  followedStudioCount: number;
  createdAt: Date;
  updatedAt: Date;
  profile: ProfileRecord;
  privacy: PrivacyRecord;
  /** Read for the owner and for administrators alone. */
  preferences: PreferencesRecord | null;
  /** The active picture. */
  picture: PictureRecord | null;
  relation: Relation;
}

/** How viewer and owner stand to each other. */
export interface Relation {
  isOwner: boolean;
  viewerFollows: boolean;
  viewerRequested: boolean;
  followsViewer: boolean;
  /** The viewer reads what is somebody else's as an administrator. */
  isAdministrator: boolean;
  /** One of the two blocks the other; of an administrator's records alone, since nobody else gets these. */
  isBlocked: boolean;
}

export interface ProfileRecord {
  displayName: string | null;
  bio: string | null;
  yearsOfExperience: number;
  experienceLevel: ExperienceLevel;
  educationLevel: EducationLevel;
  fieldOfStudy: string | null;
  skills: string[];
  workArrangement: WorkArrangement;
  preferredLocations: string[];
  salaryMin: number | null;
  salaryMax: number | null;
  /** Null means that no salary is given at all. */
  salaryCurrency: string | null;
  completedAt: Date | null;
  setupSkippedAt: Date | null;
  /** Counts the changes of the profile, of its user's username, and of who may see it. */
  revision: number;
  createdAt: Date;
  updatedAt: Date;
}

export interface PrivacyRecord {
  profile: Visibility;
  watchHistory: Visibility;
  ratings: Visibility;
  updatedAt: Date;
}

export interface PreferencesRecord {
  favoriteGenres: number[];
  adultContent: boolean;
  language: string;
  theme: Theme;
  notifications: Record<string, boolean>;
  /** Counts the changes. */
  revision: number;
  updatedAt: Date;
}

export interface PictureRecord {
  id: string;
  userId: string;
  version: number;
  isActive: boolean;
  width: number;
  height: number;
  animated: boolean;
  /** Smallest first. */
  variants: VariantRecord[];
  thumbhash: string;
  dominantColor: string;
  altText: string | null;
  originalName: string | null;
  originalMimeType: string;
  originalBytes: number;
  uploadedAt: Date;
  deletedAt: Date | null;
  /** Where the viewer may know of the picture's owner here and nowhere else: on the list of those whom they block. */
  owner?: UserRecord;
}

export interface VariantRecord {
  /** Pixels of a side. */
  size: number;
  bytes: number;
  /** The file in the picture store. */
  key: string;
  /** The first frame's file; only where the picture is animated. */
  stillKey?: string;
}
