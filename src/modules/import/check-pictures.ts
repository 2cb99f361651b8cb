import { type FieldError, FileTooLargeError, InvalidInputError, UnsupportedImageError } from '../../errors.ts';
import { createGate } from '../../platform/gate.ts';
import { readImageHeader } from '../../platform/images.ts';
import type { Scanner } from '../../platform/scanner.ts';
import { type PictureFolder, readPictureFile } from './picture-source.ts';
import type { ImportedUser } from './record.ts';

/** Headers are read by a few threads of sharp's; each file may have 10 MiB. */
const picturesAtOnce = 4;

interface Deps {
  folder: PictureFolder;
  scanner: Scanner | null;
}

/**
 * Notes which pictures that are named by a path can't be had, are none, or are refused by the scanner. Addresses aren't
 * asked before they are needed.
 */
export async function checkPictures(
  deps: Deps,
  candidates: { user: ImportedUser | null; problems: FieldError[] }[],
): Promise<void> {
  const gate = createGate({ concurrency: picturesAtOnce, queueLimit: candidates.length });
  const check = async ({ user, problems }: (typeof candidates)[number]) => {
    const path = user?.picture?.path;
    if (!user || path === undefined) return;
    problems.push(...(await gate.run(() => problemsOfPicture(deps, { userId: user.id, path }))));
  };
  await Promise.all(candidates.map(check));
}

async function problemsOfPicture(
  { folder, scanner }: Deps,
  { userId, path }: { userId: string; path: string },
): Promise<FieldError[]> {
  try {
    const bytes = await readPictureFile(path, folder);
    await scanner?.assertClean({ userId, bytes });
    await readImageHeader(bytes);
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
