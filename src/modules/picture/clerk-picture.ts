import type { ClerkPicture } from '../../platform/clerk.ts';
import type { Platform } from '../../platform/platform.ts';
import type { VariantRecord } from '../user/record.ts';

/** The user's active picture as Clerk's profile image: its largest square, which stands still. Null where there is none. */
export async function readClerkPicture(
  { db, pictures }: Pick<Platform, 'db' | 'pictures'>,
  userId: string,
): Promise<ClerkPicture | null> {
  const active = await db.prisma.picture.findFirst({ where: { userId, isActive: true }, select: { variants: true } });
  const largest = (active?.variants as VariantRecord[] | undefined)?.at(-1);
  const bytes = largest && (await pictures.read(largest.stillKey ?? largest.key));
  return bytes ? { bytes, mimeType: 'image/webp' } : null;
}
