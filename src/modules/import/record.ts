import type { EventInput } from '../event/input.ts';
import type { PreferencesPatch } from '../preferences/input.ts';
import type { PrivacyPatch } from '../privacy/input.ts';
import type { ProfilePatch } from '../profile/input.ts';

/** A user, and from when on they are followed or blocked; null where the file doesn't say. */
export interface UserTie {
  userId: string;
  since: Date | null;
}

/** A crew member or studio that is followed. */
export interface CatalogueTie {
  tmdbId: number;
  since: Date | null;
}

export interface ImportedPicture {
  /** One of the two is there. A path is relative to the file's folder. */
  path?: string | undefined;
  url?: string | undefined;
  altText: string | null;
}

/** What connects a user to others, and their picture. */
export interface ImportedTies {
  id: string;
  follows: UserTie[];
  blocks: UserTie[];
  crewMembers: CatalogueTie[];
  studios: CatalogueTie[];
  picture: ImportedPicture | null;
}

export type ImportedEvent = EventInput;

/** A user's own row, as far as it is brought along. */
export interface Account {
  username?: string;
  email?: string | null;
  firstName?: string | null;
  lastName?: string | null;
  createdAt?: Date;
}

/** A user as a line describes them; what is left out is absent. */
export interface ImportedUser extends ImportedTies {
  account: Account;
  profile: ProfilePatch;
  completedAt: Date | null | undefined;
  setupSkippedAt: Date | null | undefined;
  preferences: PreferencesPatch;
  privacy: PrivacyPatch;
  events: ImportedEvent[];
}

/** What the file has of users, each counted on its own. */
export const kinds = ['users', 'events', 'follows', 'crew members', 'studios', 'blocks', 'pictures'] as const;
export type Kind = (typeof kinds)[number];

/** What became of it. Left out: refused, or not brought back since its user removed it here. */
export type Outcome = 'created' | 'changed' | 'unchanged' | 'left out';

export type Counts = Record<Kind, Record<Outcome, number>>;
