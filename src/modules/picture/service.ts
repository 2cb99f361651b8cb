import { v7 as uuidv7 } from 'uuid';
import { FileTooLargeError, unauthenticated } from '../../errors.ts';
import { announce } from '../../platform/announcements.ts';
import type { Transaction } from '../../platform/database.ts';
import type { ProcessedImage, SquareCrop } from '../../platform/images.ts';
import { toPictureKey, toSourceKey } from '../../platform/picture-store.ts';
import type { Platform } from '../../platform/platform.ts';
import type { VariantRecord } from '../user/record.ts';
import { readAltText } from './input.ts';

/** Bytes of an uploaded file, at most: 10 MiB. */
export const maxFileBytes = 10 * 1024 * 1024;

export interface Upload {
  userId: string;
  file: File;
  crop?: SquareCrop | null | undefined;
  altText?: string | null | undefined;
}

/**
 * Makes the file the user's active picture, as a new version, and answers its id. All its files are durable before the database knows of the
 * version, so that a crash at any moment leaves at most files that no row needs. Throws FileTooLargeError,
 * UnsupportedImageError, InvalidInputError (`crop`, `altText`), RATE_LIMITED when too many pictures wait.
 */
export async function uploadProfilePicture(
  { db, images, pictures }: Pick<Platform, 'db' | 'images' | 'pictures'>,
  { userId, file, crop, altText }: Upload,
): Promise<string> {
  const description = readAltText(altText);
  if (file.size > maxFileBytes) throw new FileTooLargeError(file.size, maxFileBytes);
  const processed = await images.process(Buffer.from(await file.arrayBuffer()), crop ?? undefined);
  const files = await storeFiles({ pictures }, processed);
  const id = uuidv7();
  await db.transaction((tx) =>
    activateNewVersion(tx, {
      id,
      userId,
      ...files,
      width: processed.width,
      height: processed.height,
      animated: processed.animated,
      cropLeft: processed.crop.left,
      cropTop: processed.crop.top,
      cropSize: processed.crop.size,
      thumbhash: processed.thumbhash,
      dominantColor: processed.dominantColor,
      altText: description,
      originalName: toOriginalName(file.name),
      originalMimeType: processed.mimeType,
      originalBytes: file.size,
    }),
  );
  return id;
}

/** Stores what isn't stored yet; variants of the same bytes are one file. */
async function storeFiles({ pictures }: Pick<Platform, 'pictures'>, { variants, source }: ProcessedImage) {
  const files = new Map<string, Buffer>();
  const keep = (key: string, bytes: Buffer) => {
    files.set(key, bytes);
    return key;
  };
  const records: VariantRecord[] = variants.map(({ size, bytes, still }) => ({
    size,
    bytes: bytes.length,
    key: keep(toPictureKey(bytes), bytes),
    ...(still && { stillKey: keep(toPictureKey(still), still) }),
  }));
  const sourceKey = keep(toSourceKey(source), source);
  await Promise.all([...files].map(([key, bytes]) => pictures.put(key, bytes)));
  return { variants: records, sourceKey, fileKeys: [...files.keys()] };
}

type NewVersion = Omit<
  Parameters<Transaction['picture']['create']>[0]['data'],
  'version' | 'isActive' | 'variants' | 'user'
> & {
  userId: string;
  variants: VariantRecord[];
};

async function activateNewVersion(tx: Transaction, { variants, ...picture }: NewVersion): Promise<void> {
  const { userId } = picture;
  // This update locks the user's row: uploads of one user take their versions and revisions one after the other.
  const [user] = await tx.user.updateManyAndReturn({
    where: { id: userId },
    data: { lastPictureVersion: { increment: 1 }, pictureRevision: { increment: 1 }, updatedAt: new Date() },
    select: { lastPictureVersion: true, pictureRevision: true },
  });
  if (!user) throw unauthenticated('The user of this token was deleted.');
  await tx.picture.updateMany({ where: { userId, isActive: true }, data: { isActive: false } });
  await tx.picture.create({
    data: {
      ...picture,
      variants: variants.map((variant) => ({ ...variant })),
      version: user.lastPictureVersion,
      isActive: true,
    } as never,
  });
  await tx.auditEntry.create({
    data: { id: uuidv7(), userId, action: 'picture.uploaded', actor: 'OWNER', changedFields: ['picture'] },
  });
  await announce(tx, 'picture', { userId, revision: user.pictureRevision });
}

/** The file's own name, without folders or what can't be stored; null where nothing is left. */
function toOriginalName(name: string): string | null {
  const base = name.split(/[\\/]/).at(-1) ?? '';
  return base.replace(/\p{Cc}|\p{Cs}/gu, '').slice(0, 255) || null;
}
