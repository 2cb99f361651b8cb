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

type Deps = Pick<Platform, 'db' | 'images' | 'pictures' | 'mirrors'>;

export interface Upload {
  userId: string;
  file: File;
  crop?: SquareCrop | null | undefined;
  altText?: string | null | undefined;
}

/** A version that was just made: the active picture, as of this revision. */
export interface MadeVersion {
  id: string;
  version: number;
  revision: number;
}

/**
 * Makes the file the user's active picture, as a new version. Throws FileTooLargeError, UnsupportedImageError,
 * InvalidInputError (`crop`, `altText`), RATE_LIMITED when too many pictures wait.
 */
export const uploadProfilePicture = (deps: Deps, upload: Upload): Promise<MadeVersion> =>
  storeUpload(deps, upload, { userId: upload.userId, action: 'picture.uploaded' });

/** The user has, or had, a picture already. */
export class PictureThereError extends Error {}

/**
 * The same for a picture that a user brings along from another system, under an id that the caller makes of its content.
 * Throws PictureThereError too, where `onlyAsFirst` and it would not be the user's first.
 */
export const importProfilePicture = (
  deps: Deps,
  upload: Upload,
  version: Required<Pick<NewVersion, 'id' | 'onlyAsFirst'>>,
): Promise<MadeVersion> =>
  storeUpload(deps, upload, { userId: upload.userId, action: 'user.imported', actor: 'SYSTEM', ...version });

async function storeUpload(
  deps: Deps,
  { file, crop, altText }: Upload,
  version: Pick<NewVersion, 'userId' | 'action' | 'actor' | 'id' | 'onlyAsFirst'>,
): Promise<MadeVersion> {
  const description = readAltText(altText);
  if (file.size > maxFileBytes) throw new FileTooLargeError(file.size, maxFileBytes);
  const processed = await deps.images.process(Buffer.from(await file.arrayBuffer()), crop ?? undefined);
  return addVersion(deps, processed, {
    ...version,
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
 * Cuts another square out of an earlier version, a deleted one too: the user's active picture, as a new version. Throws
 * NotFoundError, InvalidInputError (`crop`), RATE_LIMITED when too many pictures wait.
 */
export async function recropProfilePicture(deps: Deps, { userId, version, crop }: Recrop): Promise<MadeVersion> {
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
interface NewVersion extends Pick<PictureChange, 'userId' | 'action' | 'actor'> {
  /** A new one if left out. */
  id?: string;
  /** Whether it is to be refused where the user has or had another version. */
  onlyAsFirst?: boolean;
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
  { db, pictures, mirrors }: Pick<Deps, 'db' | 'pictures' | 'mirrors'>,
  image: ProcessedImage,
  { userId, action, actor = 'OWNER', id = uuidv7(), onlyAsFirst = false, ...described }: NewVersion,
): Promise<MadeVersion> {
  const files = await storeFiles({ pictures }, image);
  const made = await db.transaction(async (tx) => {
    const change = { userId, action, actor, isNewVersion: true };
    const { version, revision } = await retireActivePicture(tx, { mirrors }, change);
    if (onlyAsFirst && version > 1) throw new PictureThereError('The user has or had a picture.');
    await tx.picture.createMany({
      data: [{ id, userId, version, isActive: true, ...files, ...toColumns(image), ...described }],
    });
    return { version, revision };
  });
  return { id, ...made };
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
  // What ends a quoted name, clients escape so (HTML, "multipart/form-data encoding algorithm").
  const whole = name.replace(/%(22|0A|0D)/g, (escaped) => decodeURIComponent(escaped));
  const base = whole.split(/[\\/]/).at(-1) ?? '';
  const characters = Array.from(base.replace(/\p{Cc}|\p{Cs}/gu, ''));
  return characters.slice(0, 255).join('') || null;
}
