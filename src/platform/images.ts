import { rateLimited } from '../errors.ts';
import { allSettled } from './all-settled.ts';
import { createGate } from './gate.ts';
import {
  confineSharp,
  explainImageError,
  fromPixels,
  type ImageFile,
  openPicture,
  type Picture,
  toUpright,
} from './image-codec.ts';
import { encodeKept } from './image-encode.ts';
import { type Size, type SquareCrop, scaleCrop, toCrop, toKeptSide } from './image-geometry.ts';
import { detectMimeType, type ImageHeader, type ImageMimeType, slowImage } from './image-header.ts';
import { cutSquare, keepAnimation, type Squares, toSquares, toUprightAnimation } from './image-variants.ts';

export type { SquareCrop } from './image-geometry.ts';
export type { ImageVariant } from './image-variants.ts';

/** A picture made safe to publish: upright, sRGB, square, without metadata. */
export interface ProcessedImage extends Size, Squares {
  animated: boolean;
  /** Of what came, by content. */
  mimeType: ImageMimeType;
  /** The square of the upright source that the variants show. */
  crop: SquareCrop;
  /** For cropping again: an upright WebP of the whole, at most 2,048 px on its longest side, animated where the source is. */
  source: Buffer;
}

/** Turns uploads into profile pictures. */
export interface ImageProcessor {
  /**
   * `crop` refers to the upright picture; without one, the largest square in the middle. Throws `UnsupportedImageError`,
   * `InvalidInputError` at `crop`, and RATE_LIMITED where too many pictures wait already.
   */
  process(bytes: Buffer, crop?: SquareCrop): Promise<ProcessedImage>;
  /**
   * Crops a kept `source` anew. `upright` is the `ProcessedImage` (or its stored width and height) that it came from:
   * `crop` refers to that, as ever; the kept bytes stay as they are. Throws as `process` does.
   */
  recrop(source: Buffer, upright: Size, crop: SquareCrop): Promise<ProcessedImage>;
  /** Resolves when the pictures in work and those that wait are done. */
  close(): Promise<void>;
}

/** How many pictures are in work at once, how many may wait, and the seconds that each may be in work. */
export interface ImageProcessorOptions {
  concurrency?: number;
  queueLimit?: number;
  timeoutS?: number;
}

/** Defaults: as many at once as a small server has cores (a 50-megapixel PNG takes 230 MB); 10 s are ten times the usual worst. */
export function createImageProcessor(options: ImageProcessorOptions = {}): ImageProcessor {
  const { concurrency = 2, queueLimit = 64, timeoutS = 10 } = options;
  confineSharp();
  const full = (waitS: number) => rateLimited('Too many pictures are in work. Try again soon.', waitS);
  const gate = createGate({ concurrency, queueLimit, full });

  const work = async (bytes: Buffer, toResult: (picture: Picture) => Promise<ProcessedImage>) => {
    const file = toFile(bytes, timeoutS, concurrency);
    try {
      const picture = await openPicture(file);
      return await gate.run(() => toResult(picture), { places: picture.places });
    } catch (error) {
      throw explainImageError(error, file);
    }
  };

  return {
    process: (bytes, crop) => work(bytes, (picture) => processPicture(picture, crop)),
    recrop: (source, upright, crop) => work(source, (picture) => recropPicture(picture, upright, crop)),
    close: () => gate.drain(),
  };
}

/**
 * Reads what a file says of itself, and decodes nothing: whether `process` has a chance with it. An image processor must have
 * been made before. Throws `UnsupportedImageError`.
 */
export async function readImageHeader(bytes: Buffer): Promise<ImageHeader> {
  const file = toFile(bytes, 10, 1);
  try {
    const { mimeType, width, height, frames } = await openPicture(file);
    return { mimeType, width, height, frames };
  } catch (error) {
    throw explainImageError(error, file);
  }
}

const toFile = (bytes: Buffer, timeoutS: number, concurrency: number): ImageFile => ({
  bytes,
  mimeType: detectMimeType(bytes),
  timeoutS,
  lanes: Math.min(2, concurrency),
  secondsLeft: createCountdown(timeoutS),
});

/** Begins with the first decoding. libvips takes whole seconds, and 0 for any time. */
function createCountdown(timeoutS: number) {
  let endsAt: number | undefined;
  return () => {
    endsAt ??= performance.now() + timeoutS * 1000;
    const left = Math.ceil((endsAt - performance.now()) / 1000);
    if (left < 1) throw slowImage(timeoutS);
    return left;
  };
}

async function processPicture(picture: Picture, asked?: SquareCrop): Promise<ProcessedImage> {
  const crop = toCrop(picture, asked);
  const { width, height, mimeType } = picture;
  if (picture.frames > 1) return { ...(await processAnimation(picture, crop)), width, height, mimeType, crop };
  // One decode for the kept copy and the squares costs less than one each, though squares could do with a smaller one.
  const upright = await toUpright(picture, toKeptSide(picture));
  const squares = await toSquares(picture, crop, await cutSquare(picture, crop, upright));
  const source = await encodeKept(fromPixels(upright), picture);
  return { ...squares, animated: false, width, height, mimeType, crop, source };
}

async function processAnimation(picture: Picture, crop: SquareCrop) {
  const upright = picture.orientation === 1 ? picture : await toUprightAnimation(picture);
  const onUpright = scaleCrop(crop, picture, upright);
  const square = await cutSquare(upright, onUpright);
  const [squares, source] = await allSettled([
    toSquares(upright, onUpright, square),
    keepAnimation(upright, toKeptSide(picture)),
  ]);
  return { ...squares, animated: true, source };
}

async function recropPicture(kept: Picture, upright: Size, asked: SquareCrop): Promise<ProcessedImage> {
  const { width, height } = upright;
  const crop = toCrop(upright, asked);
  const onCopy = scaleCrop(crop, upright, kept);
  const squares = await toSquares(kept, onCopy, await cutSquare(kept, onCopy));
  const { mimeType, bytes: source } = kept;
  return { ...squares, animated: kept.frames > 1, width, height, mimeType, crop, source };
}
