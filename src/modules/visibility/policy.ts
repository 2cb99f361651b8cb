import type { PrivacyRecord, UserRecord } from '../user/record.ts';

/** What of a user is shown or hidden as one: the parts that privacy governs, and what is the owner's alone. */
export type Part = Exclude<keyof PrivacyRecord, 'updatedAt'> | 'own';

/** Who asks, as privacy sees them. Those who are blocked aren't among them: for them the user is not there. */
export type Audience = 'OWNER' | 'FOLLOWER' | 'ANYONE';

/** Which audience the viewer of this record belongs to. */
export function audienceOf({ relation }: Pick<UserRecord, 'relation'>): Audience {
  if (relation.isOwner) return 'OWNER';
  return relation.viewerFollows ? 'FOLLOWER' : 'ANYONE';
}

/** May the audience see the part, under these settings? */
export function canSee(audience: Audience, part: Part, privacy: Omit<PrivacyRecord, 'updatedAt'>): boolean {
  if (audience === 'OWNER') return true;
  if (part === 'own') return false;
  const visibility = privacy[part];
  return visibility === 'PUBLIC' || (visibility === 'FOLLOWERS' && audience === 'FOLLOWER');
}

/** May the viewer who read this record see that part of its owner? */
export const canViewerSee = (user: UserRecord, part: Part): boolean => canSee(audienceOf(user), part, user.privacy);
