import type { Database } from '../../platform/database.ts';
import { completionOf } from './completion.ts';

/** How far a user's profile is, as Clerk's public metadata tell it. */
export interface ClerkMetadata {
  visage: { profileComplete: boolean; completionPercentage: number; setupSkipped: boolean };
}

/** For whoever decides by the session token where to send a user, such as to the profile setup. Null where there is none. */
export async function readClerkMetadata(
  { db }: { db: Pick<Database, 'prisma'> },
  userId: string,
): Promise<ClerkMetadata | null> {
  const user = await db.prisma.user.findFirst({
    where: { id: userId, closedAt: null },
    select: { username: true, profile: true, pictures: { where: { isActive: true }, select: { id: true } } },
  });
  if (!user?.profile) return null;
  const { username, profile, pictures } = user;
  const { percentage } = completionOf({ ...profile, username, hasPicture: pictures.length > 0 });
  return {
    visage: {
      profileComplete: profile.completedAt !== null,
      completionPercentage: percentage,
      setupSkipped: profile.setupSkippedAt !== null,
    },
  };
}
