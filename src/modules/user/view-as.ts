import type { UserRecord } from './record.ts';

/** The audience as which signed-in users look at what is their own: anyone, or an accepted follower. */
export const audiences = ['PUBLIC', 'FOLLOWERS'] as const;
export type ViewAs = (typeof audiences)[number];

/** The viewer's own record as one of that audience gets it (null: as it is); anybody else's as it is. */
export function asSeenBy(viewAs: ViewAs | null, user: UserRecord): UserRecord {
  if (viewAs === null || !user.relation.isOwner) return user;
  const relation = {
    isOwner: false,
    viewerFollows: viewAs === 'FOLLOWERS',
    viewerRequested: false,
    followsViewer: false,
    isAdministrator: false,
    isBlocked: false,
  };
  return { ...user, preferences: null, relation };
}
