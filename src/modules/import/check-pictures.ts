import { type FieldError, FileTooLargeError, InvalidInputError, UnsupportedImageError } from '../../errors.ts';
import { createGate } from '../../platform/gate.ts';
import { readImageHeader } from '../../platform/images.ts';
import { type PictureFolder, readPictureFile } from './picture-source.ts';
import type { ImportedUser } from './record.ts';

/** Headers are read by a few threads of sharp's; each file may have 10 MiB. */
const picturesAtOnce = 4;

/** Notes which pictures that are named by a path can't be had, or are none. Addresses aren't asked before they are needed. */
export async function checkPictures(
  folder: PictureFolder,
  candidates: { user: ImportedUser | null; problems: FieldError[] }[],
): Promise<void> {
  const gate = createGate({ concurrency: picturesAtOnce, queueLimit: candidates.length });
  const check = async ({ user, problems }: (typeof candidates)[number]) => {
    const path = user?.picture?.path;
    if (path !== undefined) problems.push(...(await gate.run(() => problemsOfPicture(path, folder))));
  };
  await Promise.all(candidates.map(check));
}

async function problemsOfPicture(path: string, folder: PictureFolder): Promise<FieldError[]> {
  try {
    await readImageHeader(await readPictureFile(path, folder));
    return [];
  } catch (error) {
    return toPictureProblems(error, 'picture.path');
  }
}

/** What is wrong with a picture; what isn't the picture's fault is thrown. */
export function toPictureProblems(error: unknown, path: string): FieldError[] {
  if (error instanceof InvalidInputError) return error.fields;
  if (error instanceof FileTooLargeError || error instanceof UnsupportedImageError) {
    return [{ path, message: error.message }];
  }
  throw error;
}
