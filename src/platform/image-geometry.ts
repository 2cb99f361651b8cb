import { InvalidInputError } from '../errors.ts';

/** In pixels. */
export interface Size {
  width: number;
  height: number;
}

/** A square of an upright picture, in its pixels. */
export interface SquareCrop {
  left: number;
  top: number;
  size: number;
}

/** Sides of the squares that are stored, in pixels. Contract, "Pictures". */
export const variantSidesPx = [64, 128, 256, 512] as const;

/** The crop that was asked for, else the largest square in the middle. Throws `InvalidInputError` at `crop`. */
export function toCrop(picture: Size, asked?: SquareCrop): SquareCrop {
  if (asked) return assertInside(picture, asked);
  const size = Math.min(picture.width, picture.height);
  return { left: (picture.width - size) >> 1, top: (picture.height - size) >> 1, size };
}

function assertInside({ width, height }: Size, { left, top, size }: SquareCrop): SquareCrop {
  const whole = [left, top, size].every(Number.isInteger);
  if (whole && left >= 0 && top >= 0 && size >= 1 && left + size <= width && top + size <= height) {
    return { left, top, size };
  }
  const expected = `Expected a square of at least 1 px inside the upright picture of ${width} x ${height} px`;
  throw new InvalidInputError([
    { path: 'crop', message: `${expected}, and got left ${left}, top ${top}, size ${size}.` },
  ]);
}

/** The squares to store, smallest first: none larger than the crop, and one of its own size for a very small crop. */
export function toVariantSizes(cropSize: number): number[] {
  const sizes = variantSidesPx.filter((side) => side <= cropSize);
  return sizes.length > 0 ? sizes : [cropSize];
}

/** The same square on a smaller copy of the picture, to the nearest pixel. */
export function scaleCrop(crop: SquareCrop, from: Size, to: Size): SquareCrop {
  const scale = to.width / from.width;
  const size = Math.max(1, Math.min(Math.round(crop.size * scale), to.width, to.height));
  return {
    left: Math.min(Math.round(crop.left * scale), to.width - size),
    top: Math.min(Math.round(crop.top * scale), to.height - size),
    size,
  };
}

/** Longest side of the upright copy that is kept, at most. Contract, "Pictures". */
const keptSidePx = 2048;
/** Below it a face among others would be too small to be cropped again. */
const leastKeptSidePx = 1280;

/**
 * Longest side of the upright copy to keep. A JPEG can be decoded at half its size for much less, and sharp does so from a
 * third on: where a third is enough, it takes half the time that 2,048 px would.
 */
export function toKeptSide({ mimeType, width, height }: Size & { mimeType: string }): number {
  const third = Math.floor(Math.max(width, height) / 3);
  return mimeType === 'image/jpeg' && third >= leastKeptSidePx ? Math.min(third, keptSidePx) : keptSidePx;
}
