import type { PrivacyRecord, UserRecord } from '../user/record.ts';

/**
 * What of a user is shown or hidden as one: the parts that privacy governs; `own`, which is the owner's but for
 * administrators; and `secret`, which is nobody's but the owner's.
 */
export type Part = Exclude<keyof PrivacyRecord, 'updatedAt'> | 'own' | 'secret';

/** Who asks, as privacy sees them. To those who are blocked the user is not there at all, unless they administrate. */
export type Audience = 'OWNER' | 'FOLLOWER' | 'ANYONE' | 'BLOCKED';

/** Which audience the viewer of this record belongs to, leaving aside that they may administrate. */
export function audienceOf({ relation }: Pick<UserRecord, 'relation'>): Audience {
  if (relation.isOwner) return 'OWNER';
  if (relation.isBlocked) return 'BLOCKED';
  return relation.viewerFollows ? 'FOLLOWER' : 'ANYONE';
}

/** May the audience see the part, under these settings? */
export function canSee(audience: Audience, part: Part, privacy: Omit<PrivacyRecord, 'updatedAt'>): boolean {
  if (audience === 'OWNER') return true;
  if (audience === 'BLOCKED' || part === 'own' || part === 'secret') return false;
  const visibility = privacy[part];
  return visibility === 'PUBLIC' || (visibility === 'FOLLOWERS' && audience === 'FOLLOWER');
}

/** What an administrator sees of anybody: everything but secrets. */
export const canAdministratorSee = (part: Part): boolean => part !== 'secret';

/** May whoever asks see that part of the user? */
export type CanSee = (owner: UserRecord, part: Part) => boolean;

/** What the viewer who read this record may see, and as whom: `ADMINISTRATOR` where it is hidden from them otherwise. */
export type Sight = 'VIEWER' | 'ADMINISTRATOR' | null;

/** As whom the viewer who read this record may see that part of its owner; null: not at all. */
export function sightOf(user: UserRecord, part: Part): Sight {
  if (canSee(audienceOf(user), part, user.privacy)) return 'VIEWER';
  return user.relation.isAdministrator && canAdministratorSee(part) ? 'ADMINISTRATOR' : null;
}
