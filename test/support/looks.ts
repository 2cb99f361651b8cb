import sharp from 'sharp';
import { expect } from 'vitest';
import type { ProcessedImage } from '../../src/platform/images.ts';
import { quarterColours } from './pictures.ts';

/** A point, as fractions of width and height. */
type Point = [x: number, y: number];

/** Width, height and metadata of what was encoded. */
export const inspect = (bytes: Buffer) => sharp(bytes).metadata();

/** RGBA at a point of a frame, the first one if none is said. */
export async function colourAt(bytes: Buffer, [x, y]: Point, page = 0): Promise<number[]> {
  const { data, info } = await sharp(bytes, { page }).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  const at = (Math.floor(y * info.height) * info.width + Math.floor(x * info.width)) * 4;
  return [...data.subarray(at, at + 4)];
}

const distance = (one: readonly number[], other: readonly number[]) =>
  Math.max(...one.map((channel, at) => Math.abs(channel - (other[at] ?? channel))));

/** Fails unless each channel is nearer than the tolerance. */
export async function expectColour(bytes: Buffer, point: Point, colour: readonly number[], tolerance = 12) {
  const found = await colourAt(bytes, point);
  expect(distance(colour, found), `${found} at ${point}`).toBeLessThan(tolerance);
}

/** Fails unless it shows `quarters()` as they are. */
export async function expectUpright(bytes: Buffer) {
  await expectColour(bytes, [0.25, 0.25], quarterColours.topLeft);
  await expectColour(bytes, [0.75, 0.25], quarterColours.topRight);
  await expectColour(bytes, [0.25, 0.75], quarterColours.bottomLeft);
  await expectColour(bytes, [0.75, 0.75], quarterColours.bottomRight);
}

export const sizesOf = ({ variants }: ProcessedImage) => variants.map(({ size }) => size);

export function variantOf(image: ProcessedImage, size: number) {
  const found = image.variants.find((variant) => variant.size === size);
  if (!found) throw new Error(`no variant of ${size} px among ${sizesOf(image)}`);
  return found;
}

/** Every file that was made of it. */
export const filesOf = ({ variants, source }: ProcessedImage) => [
  source,
  ...variants.flatMap(({ bytes, still }) => [bytes, ...(still ? [still] : [])]),
];
