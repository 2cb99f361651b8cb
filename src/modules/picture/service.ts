import { v7 as uuidv7 } from 'uuid';
import { FileTooLargeError, NotFoundError } from '../../errors.ts';
import type { ProcessedImage, SquareCrop } from '../../platform/images.ts';
import { toPictureKey, toSourceKey } from '../../platform/picture-store.ts';
import type { Platform } from '../../platform/platform.ts';
import type { VariantRecord } from '../user/record.ts';
import { type PictureChange, retireActivePicture } from './active-picture.ts';
import { readAltText } from './input.ts';
import { noSuchVersion } from './versions-service.ts';

/** Bytes of an uploaded file, at most: 10 MiB. */
export const maxFileBytes = 10 * 1024 * 1024;

type Deps = Pick<Platform, 'db' | 'images' | 'pictures'>;

export interface Upload {
  userId: string;
  file: File;
  crop?: SquareCrop | null | undefined;
  altText?: string | null | undefined;
}

/**
 * Makes the file the user's active picture, as a new version, and answers its id. Throws FileTooLargeError,
 * UnsupportedImageError, InvalidInputError (`crop`, `altText`), RATE_LIMITED when too many pictures wait.
 */
export async function uploadProfilePicture(deps: Deps, { userId, file, crop, altText }: Upload): Promise<string> {
  const description = readAltText(altText);
  if (file.size > maxFileBytes) throw new FileTooLargeError(file.size, maxFileBytes);
  const processed = await deps.images.process(Buffer.from(await file.arrayBuffer()), crop ?? undefined);
  return addVersion(deps, processed, {
    userId,
    action: 'picture.uploaded',
    altText: description,
    originalName: toOriginalName(file.name),
    originalMimeType: processed.mimeType,
    originalBytes: file.size,
  });
}

export interface Recrop {
  userId: string;
  version: number;
  /** In pixels of the upright source as it was uploaded. */
  crop: SquareCrop;
}

/**
 * Cuts another square out of an earlier version, a deleted one too: the user's active picture, as a new version. Answers its
 * id. Throws NotFoundError, InvalidInputError (`crop`), RATE_LIMITED when too many pictures wait.
 */
export async function recropProfilePicture(deps: Deps, { userId, version, crop }: Recrop): Promise<string> {
  const earlier = await deps.db.prisma.picture.findUnique({
    where: { userId_version: { userId, version } },
    select: {
      sourceKey: true,
      width: true,
      height: true,
      altText: true,
      originalName: true,
      originalMimeType: true,
      originalBytes: true,
    },
  });
  if (!earlier) throw noSuchVersion(version);
  const { sourceKey, width, height, ...described } = earlier;
  const source = await deps.pictures.read(sourceKey);
  // Trying again would not bring it back, while uploading the picture again would.
  if (!source) throw new NotFoundError(`The image of version ${version} was not kept. Upload it again.`);
  const processed = await deps.images.recrop(source, { width, height }, crop);
  return addVersion(deps, processed, { userId, action: 'picture.recropped', ...described });
}

/** What a version has besides its image. */
interface NewVersion extends Pick<PictureChange, 'userId' | 'action'> {
  altText: string | null;
  originalName: string | null;
  originalMimeType: string;
  originalBytes: number;
}

/**
 * All files are durable before the database knows of the version, so that a crash at any moment leaves at most files that
 * no row needs.
 */
async function addVersion(
  { db, pictures }: Pick<Deps, 'db' | 'pictures'>,
  image: ProcessedImage,
  { userId, action, ...described }: NewVersion,
): Promise<string> {
  const files = await storeFiles({ pictures }, image);
  const id = uuidv7();
  await db.transaction(async (tx) => {
    const { version } = await retireActivePicture(tx, { userId, action, isNewVersion: true });
    await tx.picture.createMany({
      data: [{ id, userId, version, isActive: true, ...files, ...toColumns(image), ...described }],
    });
  });
  return id;
}

const toColumns = ({ width, height, animated, thumbhash, dominantColor, crop }: ProcessedImage) => ({
  width,
  height,
  animated,
  thumbhash,
  dominantColor,
  cropLeft: crop.left,
  cropTop: crop.top,
  cropSize: crop.size,
});

/** Stores what isn't stored yet; variants of the same bytes are one file. */
async function storeFiles({ pictures }: Pick<Platform, 'pictures'>, { variants, source }: ProcessedImage) {
  const files = new Map<string, Buffer>();
  const keep = (key: string, bytes: Buffer) => {
    files.set(key, bytes);
    return key;
  };
  const records = variants.map(({ size, bytes, still }) => ({
    size,
    bytes: bytes.length,
    key: keep(toPictureKey(bytes), bytes),
    ...(still && { stillKey: keep(toPictureKey(still), still) }),
  })) satisfies VariantRecord[];
  const sourceKey = keep(toSourceKey(source), source);
  await Promise.all([...files].map(([key, bytes]) => pictures.put(key, bytes)));
  return { variants: records, sourceKey, fileKeys: [...files.keys()] };
}

/** The file's own name, without folders or what can't be stored; null where nothing is left. */
function toOriginalName(name: string): string | null {
  const base = name.split(/[\\/]/).at(-1) ?? '';
  return base.replace(/\p{Cc}|\p{Cs}/gu, '').slice(0, 255) || null;
}
