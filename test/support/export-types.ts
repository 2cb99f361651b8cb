import { leftOut, type Place } from './export-tables.ts';

/** What the API says of its signed-in user by one type, and where that is in a file. */
export interface TypePart {
  type: string;
  /** The selection that leads to it from `me`; a connection's name for a list. */
  from: string;
  isList?: boolean;
  file: string;
  at?: string;
  fields: Record<string, Place>;
}

const computed = leftOut('Computed from what is in the export.');
const address = leftOut('An address of the server; the files themselves are in the archive.');
const aboutViewer = leftOut('How the viewer stands to somebody, and nobody follows themselves.');
const asNode = leftOut("Made of the owner's id.");
const asList = leftOut('A list: its rows are in a file of its own.');
const asObject = leftOut('An object: its fields have entries of their own.');
const ofCatalogue = leftOut('A fact of the catalogue, not of the user.');

/** What the API says of its signed-in user, written from the schema. */
export const typeParts: TypePart[] = [
  {
    type: 'User',
    from: '',
    file: 'account',
    at: 'user',
    fields: {
      id: 'id',
      username: 'username',
      email: 'email',
      firstName: 'firstName',
      lastName: 'lastName',
      pictureRevision: 'pictureRevision',
      createdAt: 'createdAt',
      updatedAt: 'updatedAt',
      displayName: computed,
      imageUrl: address,
      picture: leftOut('The version with `isActive` in pictures.json.'),
      profile: asObject,
      preferences: asObject,
      privacy: asObject,
      viewerFollow: aboutViewer,
      followsViewer: aboutViewer,
      followers: asList,
      following: asList,
      followRequests: asList,
      blockedUsers: asList,
      followedCrewMembers: asList,
      followedStudios: asList,
      events: asList,
      pictures: asList,
      syncSessions: asList,
      auditLog: asList,
    },
  },
  {
    type: 'Profile',
    from: 'profile',
    file: 'account',
    at: 'profile',
    fields: {
      id: asNode,
      user: asNode,
      displayName: 'displayName',
      bio: 'bio',
      yearsOfExperience: 'yearsOfExperience',
      experienceLevel: 'experienceLevel',
      educationLevel: 'educationLevel',
      fieldOfStudy: 'fieldOfStudy',
      skills: 'skills',
      workArrangement: 'workArrangement',
      preferredLocations: 'preferredLocations',
      salary: asObject,
      createdAt: 'createdAt',
      updatedAt: 'updatedAt',
      avatarUrl: address,
      completion: asObject,
      isComplete: computed,
    },
  },
  {
    type: 'SalaryRange',
    from: 'profile.salary',
    file: 'account',
    at: 'profile.salary',
    fields: { min: 'min', max: 'max', currency: 'currency' },
  },
  {
    type: 'ProfileCompletion',
    from: 'profile.completion',
    file: 'account',
    at: 'profile',
    fields: {
      completedAt: 'completedAt',
      setupSkippedAt: 'setupSkippedAt',
      isComplete: computed,
      missingFields: computed,
      percentage: computed,
    },
  },
  {
    type: 'Preferences',
    from: 'preferences',
    file: 'account',
    at: 'preferences',
    fields: {
      id: asNode,
      user: asNode,
      favoriteGenres: 'favoriteGenres',
      adultContent: 'adultContent',
      language: 'language',
      theme: 'theme',
      notifications: asObject,
      updatedAt: 'updatedAt',
    },
  },
  {
    type: 'NotificationSetting',
    from: 'preferences.notifications',
    file: 'account',
    at: 'preferences.notifications',
    fields: {
      name: leftOut('A name in `preferences.notifications`, which the test of the database has.'),
      enabled: leftOut('The value of that name.'),
    },
  },
  {
    type: 'Privacy',
    from: 'privacy',
    file: 'account',
    at: 'privacy',
    fields: {
      id: asNode,
      user: asNode,
      profile: 'profile',
      watchHistory: 'watchHistory',
      ratings: 'ratings',
      updatedAt: 'updatedAt',
    },
  },
  {
    type: 'Event',
    from: 'events',
    isList: true,
    file: 'events',
    fields: {
      id: 'id',
      type: 'type',
      movieId: 'movieId',
      rating: 'rating',
      review: 'review',
      occurredAt: 'occurredAt',
      createdAt: 'createdAt',
    },
  },
  {
    type: 'ProfilePicture',
    from: 'pictures',
    isList: true,
    file: 'pictures',
    fields: {
      id: 'id',
      user: asNode,
      version: 'version',
      isActive: 'isActive',
      width: 'width',
      height: 'height',
      animated: 'animated',
      altText: 'altText',
      dominantColor: 'dominantColor',
      thumbhash: 'thumbhash',
      originalBytes: 'originalBytes',
      originalMimeType: 'originalMimeType',
      originalName: 'originalName',
      uploadedAt: 'uploadedAt',
      deletedAt: 'deletedAt',
      url: address,
      variants: asObject,
    },
  },
  {
    type: 'PictureVariant',
    from: 'pictures',
    file: 'pictures',
    fields: {
      size: leftOut('Tested with the files.'),
      bytes: leftOut('Tested with the files.'),
      mimeType: leftOut('The same for all.'),
      url: address,
    },
  },
  {
    type: 'SyncSession',
    from: 'syncSessions',
    file: 'sync-sessions',
    fields: {
      id: 'id',
      userAgent: 'userAgent',
      pictureRevision: 'pictureRevision',
      acknowledgedAt: 'acknowledgedAt',
      lastSeenAt: 'lastSeenAt',
    },
  },
  {
    type: 'AuditEntry',
    from: 'auditLog',
    isList: true,
    file: 'audit-log',
    fields: { action: 'action', actor: 'actor', at: 'at', changedFields: 'changedFields' },
  },
  {
    type: 'CrewMember',
    from: 'followedCrewMembers',
    isList: true,
    file: 'followed-crew-members',
    fields: { id: computed, tmdbId: 'tmdbId', followerCount: ofCatalogue, viewerFollow: computed },
  },
  {
    type: 'Studio',
    from: 'followedStudios',
    isList: true,
    file: 'followed-studios',
    fields: { id: computed, tmdbId: 'tmdbId', followerCount: ofCatalogue, viewerFollow: computed },
  },
];

/** People on lists, as the API and the files have them. */
export const peopleLists: Record<string, string> = {
  followers: 'followers',
  following: 'following',
  followRequests: 'follow-requests-received',
  blockedUsers: 'blocked-users',
};

/** Fields of connections, edges and pages: what is behind `node` has entries of its own, `since` is tested with people. */
export const frameFields = {
  Connection: ['edges', 'pageInfo', 'totalCount'],
  Edge: ['cursor', 'node', 'since'],
  PageInfo: ['startCursor', 'endCursor', 'hasNextPage', 'hasPreviousPage'],
};
