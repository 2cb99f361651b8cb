import { badUserInput } from '../../errors.ts';
import type { PictureRecord, UserRecord, VariantRecord } from '../user/record.ts';
import { initialsPath } from './initials.ts';

/** Which of a picture's images is wanted: a square of about that many pixels, and whether it must stand still. */
export interface ImageChoice {
  /** Default 256. */
  size?: number | null | undefined;
  /** Default false. */
  still?: boolean | null | undefined;
}

const defaultSize = 256;
const maxSize = 4096;

/** The address of the smallest stored square that is at least that many pixels, else of the largest. */
export function pictureUrl(picture: PictureRecord, choice: ImageChoice, publicUrl: string): string {
  const size = readSize(choice);
  const variant = picture.variants.find((candidate) => candidate.size >= size) ?? picture.variants.at(-1);
  if (!variant) throw new Error(`Picture ${picture.id} has no variants.`);
  return variantUrl(variant, publicUrl, choice.still === true);
}

/** The address of one stored square. */
export function variantUrl({ key, stillKey }: VariantRecord, publicUrl: string, isStill = false): string {
  return `${publicUrl}/pictures/${((isStill && stillKey) || key).replace(/^public\//, '')}`;
}

/** Where an <img> can point: the uploaded picture, else Clerk's, else initials. Never empty, and made without any I/O. */
export function imageUrl(user: UserRecord, choice: ImageChoice, publicUrl: string): string {
  if (user.picture) return pictureUrl(user.picture, choice, publicUrl);
  readSize(choice);
  const name = user.profile.displayName ?? user.username;
  return user.clerkImageUrl ?? `${publicUrl}/pictures/initials/${initialsPath(name, user.id)}`;
}

function readSize({ size }: ImageChoice): number {
  const wanted = size ?? defaultSize;
  if (wanted < 1 || wanted > maxSize)
    throw badUserInput(`Expected a size of 1 to ${maxSize} pixels, and got ${wanted}.`);
  return wanted;
}
