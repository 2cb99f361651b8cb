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
import { createCountdown } from './image-countdown.ts';
import { encodeKept } from './image-encode.ts';
import { type Size, type SquareCrop, scaleCrop, toCrop, toKeptSide } from './image-geometry.ts';
import { detectMimeType, type ImageHeader, type ImageMimeType } from './image-header.ts';
import { cutSquare, keepAnimation, type Squares, toSquares, toUprightAnimation } from './image-variants.ts';
import { within } from './time-limit.ts';

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
   * Crops a kept `source` anew. `crop` refers to the upright upload that it came from, as ever; the kept bytes stay as they
   * are. Throws as `process` does.
   */
  recrop(source: Buffer, upload: Upload, crop: SquareCrop): Promise<ProcessedImage>;
  /** Resolves when the pictures in work and those that wait are done. */
  close(): Promise<void>;
}

/** What is known of an upload whose `source` was kept: its upright size, and how many bytes it had. */
export interface Upload extends Size {
  bytes: number;
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

  const work = async (bytes: Buffer, limitBytes: number, toResult: (picture: Picture) => Promise<ProcessedImage>) => {
    const file = toFile(bytes, { limitBytes, timeoutS, lanes: Math.min(2, concurrency) });
    try {
      const picture = await openPicture(file);
      return await new Promise<ProcessedImage>((resolve, reject) => {
        const begin = () => {
          const result = toResult(picture);
          // libvips looks at the time between its steps alone, and on a busy machine one takes seconds. Whoever waits is told
          // at once; the picture keeps its place until its step is done.
          within(timeoutS * 1000, result).then(resolve, reject);
          return result;
        };
        gate.run(begin, { places: picture.places }).catch(reject);
      });
    } catch (error) {
      throw explainImageError(error, file);
    }
  };

  return {
    process: (bytes, crop) => work(bytes, bytes.length, (picture) => processPicture(picture, crop)),
    recrop: (source, upload, crop) => work(source, upload.bytes, (picture) => recropPicture(picture, upload, crop)),
    close: () => gate.drain(),
  };
}

/**
 * Reads what a file says of itself, and decodes nothing: whether `process` has a chance with it. An image processor must have
 * been made before. Throws `UnsupportedImageError`.
 */
export async function readImageHeader(bytes: Buffer): Promise<ImageHeader> {
  const file = toFile(bytes, { limitBytes: bytes.length, timeoutS: 10, lanes: 1 });
  try {
    const { mimeType, width, height, frames } = await openPicture(file);
    return { mimeType, width, height, frames };
  } catch (error) {
    throw explainImageError(error, file);
  }
}

const toFile = (bytes: Buffer, limits: Pick<ImageFile, 'limitBytes' | 'timeoutS' | 'lanes'>): ImageFile => ({
  bytes,
  mimeType: detectMimeType(bytes),
  ...createCountdown(limits.timeoutS),
  ...limits,
});

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
  const square = await cutSquare(picture, crop);
  const upright = await toUprightAnimation(picture);
  const [squares, source] = await allSettled([
    toSquares(upright, scaleCrop(crop, picture, upright), square),
    keepAnimation(upright, toKeptSide(picture)),
  ]);
  return { ...squares, animated: true, source };
}

async function recropPicture(kept: Picture, { width, height }: Size, asked: SquareCrop): Promise<ProcessedImage> {
  const crop = toCrop({ width, height }, asked);
  const square = await cutSquare(kept, scaleCrop(crop, { width, height }, kept));
  const animated = kept.frames > 1;
  const upright = animated ? await toUprightAnimation(kept) : kept;
  const squares = await toSquares(upright, scaleCrop(crop, { width, height }, upright), square);
  const { mimeType, bytes: source } = kept;
  return { ...squares, animated, width, height, mimeType, crop, source };
}
