import { v7 as uuidv7 } from 'uuid';
import { FileTooLargeError, NotFoundError } from '../../errors.ts';
import { readFileBytes } from '../../platform/held-file.ts';
import type { ProcessedImage, SquareCrop } from '../../platform/images.ts';
import type { Platform } from '../../platform/platform.ts';
import { type PictureChange, retireActivePicture } from './active-picture.ts';
import { readAltText } from './input.ts';
import { trimVersions } from './retention.ts';
import { toFiles, withStoredFiles } from './stored-files.ts';
import { noSuchVersion } from './versions-service.ts';

/** Bytes of an uploaded file, at most: 10 MiB. */
export const maxFileBytes = 10 * 1024 * 1024;

type Deps = Pick<Platform, 'db' | 'images' | 'pictures' | 'mirrors' | 'pictureRetention'>;
type UploadDeps = Deps & Pick<Platform, 'scanner'>;
type RecropDeps = Deps & Pick<Platform, 'rateLimits' | 'pictureLine'>;

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
 * InvalidInputError (`crop`, `altText`), RATE_LIMITED when too many pictures wait, SERVICE_UNAVAILABLE without a scanner
 * that has to look at it first.
 */
export const uploadProfilePicture = (deps: UploadDeps, upload: Upload): Promise<MadeVersion> =>
  storeUpload(deps, upload, { userId: upload.userId, action: 'picture.uploaded' });

/** The user has, or had, a picture already. */
export class PictureThereError extends Error {}

/**
 * The same for a picture that a user brings along from another system, under an id that the caller makes of its content.
 * Throws PictureThereError too, where `onlyAsFirst` and it would not be the user's first.
 */
export const importProfilePicture = (
  deps: UploadDeps,
  upload: Upload,
  version: Required<Pick<NewVersion, 'id' | 'onlyAsFirst'>>,
): Promise<MadeVersion> =>
  storeUpload(deps, upload, { userId: upload.userId, action: 'user.imported', actor: 'SYSTEM', ...version });

async function storeUpload(
  deps: UploadDeps,
  { file, crop, altText }: Upload,
  version: Pick<NewVersion, 'userId' | 'action' | 'actor' | 'id' | 'onlyAsFirst'>,
): Promise<MadeVersion> {
  const description = readAltText(altText);
  if (file.size > maxFileBytes) throw new FileTooLargeError(file.size, maxFileBytes);
  const bytes = await readFileBytes(file);
  await deps.scanner?.assertClean({ userId: version.userId, bytes });
  const processed = await deps.images.process(bytes, crop ?? undefined);
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

/** A kept copy has a few megabytes at most. */
const placesOfRecrop = 4;

/**
 * Cuts another square out of an earlier version, a deleted one too: the user's active picture, as a new version. Counts as
 * an upload does. Throws NotFoundError, InvalidInputError (`crop`), RATE_LIMITED when too many pictures wait, or after too
 * many of this user's.
 */
export async function recropProfilePicture(deps: RecropDeps, recrop: Recrop): Promise<MadeVersion> {
  await deps.rateLimits.take('uploads', recrop.userId);
  return deps.pictureLine.run(() => cutAgain(deps, recrop), { places: placesOfRecrop, owner: recrop.userId });
}

async function cutAgain(deps: Deps, { userId, version, crop }: Recrop): Promise<MadeVersion> {
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
  const upload = { width, height, bytes: described.originalBytes };
  const processed = await deps.images.recrop(source, upload, crop);
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

async function addVersion(
  { db, pictures, mirrors, pictureRetention: { versions } }: Omit<Deps, 'images'>,
  image: ProcessedImage,
  { userId, action, actor = 'OWNER', id = uuidv7(), onlyAsFirst = false, ...described }: NewVersion,
): Promise<MadeVersion> {
  const { files, columns } = toFiles(image);
  const made = await withStoredFiles({ db, pictures }, files, async (tx) => {
    const change = { userId, action, actor, isNewVersion: true };
    const { version, revision } = await retireActivePicture(tx, { mirrors }, change);
    if (onlyAsFirst && version > 1) throw new PictureThereError('The user has or had a picture.');
    await tx.picture.createMany({
      data: [{ id, userId, version, isActive: true, ...columns, ...toColumns(image), ...described }],
    });
    // Whoever never made more versions than are kept has none too many.
    if (version > versions) await trimVersions(tx, { userId, versions });
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

/** The file's own name, without folders or what can't be stored; null where nothing is left. */
function toOriginalName(name: string): string | null {
  // What ends a quoted name, clients escape so (HTML, "multipart/form-data encoding algorithm").
  const whole = name.replace(/%(22|0A|0D)/g, (escaped) => decodeURIComponent(escaped));
  const base = whole.split(/[\\/]/).at(-1) ?? '';
  const characters = Array.from(base.replace(/\p{Cc}|\p{Cs}/gu, ''));
  return characters.slice(0, 255).join('') || null;
}
