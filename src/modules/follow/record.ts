/** How somebody stands to what can be followed. */
export type FollowState = 'NONE' | 'REQUESTED' | 'FOLLOWING';

/** What of the catalogue can be followed; the names are those of the API's types. */
export type CatalogueKind = 'CrewMember' | 'Studio';

/** A crew member or a studio, by its id of The Movie Database; any positive id stands for one. */
export interface CatalogueRecord {
  kind: CatalogueKind;
  tmdbId: number;
  followerCount: number;
  viewerFollows: boolean;
}

/** What somebody wants to follow. A user's id is null where it can't be one. */
export type FollowTarget = { kind: 'User'; id: string | null } | { kind: CatalogueKind; tmdbId: number };

/** Who follows what, as a mutation left it. */
export interface FollowRecord {
  followerId: string;
  target: { kind: 'User'; id: string } | { kind: CatalogueKind; tmdbId: number };
  state: FollowState;
  /** When the follow or the request was made. */
  since: Date | null;
}
