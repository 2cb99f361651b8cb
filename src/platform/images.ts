import { rateLimited } from '../errors.ts';
import { createGate } from './gate.ts';
import {
  confineSharp,
  cut,
  encodeKept,
  encodePublic,
  explainImageError,
  fromPixels,
  openPicture,
  type Picture,
  type Pixels,
  shrink,
  toPixels,
  toRgba,
  toUpright,
} from './image-codec.ts';
import { type Size, type SquareCrop, scaleCrop, toCrop, toVariantSizes } from './image-geometry.ts';
import { detectMimeType, type ImageHeader, type ImageMimeType } from './image-header.ts';
import { toDominantColor, toThumbhash } from './image-placeholder.ts';

export type { SquareCrop } from './image-geometry.ts';

/** A square WebP. */
export interface ImageVariant {
  /** Its side in pixels. */
  size: number;
  bytes: Buffer;
  /** The first frame alone; only where the picture is animated. */
  still?: Buffer;
}

/** A picture made safe to publish: upright, sRGB, square, without metadata. */
export interface ProcessedImage extends Size {
  animated: boolean;
  /** Of what came, by content. */
  mimeType: ImageMimeType;
  /** The square of the upright source that the variants show. */
  crop: SquareCrop;
  /** Smallest first. */
  variants: ImageVariant[];
  /** For cropping again: an upright WebP of the whole, at most 2,048 px on its longest side, animated where the source is. */
  source: Buffer;
  /** Base64, of the cropped square. */
  thumbhash: string;
  /** `#rrggbb`, of the cropped square. */
  dominantColor: string;
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

/** How many pictures are in work at once, how many may wait, and the seconds that each decoding may take. */
export interface ImageProcessorOptions {
  concurrency?: number;
  queueLimit?: number;
  timeoutS?: number;
}

const keptSidePx = 2048;
/** 150 frames of 512 px: more would cost seconds, and gain nothing for variants of 512 px. */
const keptPixelsOverAllFrames = 40_000_000;
/** Frames up to this side are held decoded for several sizes: 150 of them take 39 MB; of 512 px they would take 157 MB. */
const sharedFrameSidePx = 256;
const placeholderSidePx = 64;

/** Defaults: as many at once as a small server has cores (a 50-megapixel PNG takes 230 MB); 10 s are ten times the usual worst. */
export function createImageProcessor(options: ImageProcessorOptions = {}): ImageProcessor {
  const { concurrency = 2, queueLimit = 64, timeoutS = 10 } = options;
  confineSharp();
  const full = (waitS: number) => rateLimited('Too many pictures are in work. Try again soon.', waitS);
  const gate = createGate({ concurrency, queueLimit, full });

  const work = async (bytes: Buffer, toResult: (picture: Picture) => Promise<ProcessedImage>) => {
    const file = { bytes, mimeType: detectMimeType(bytes), timeoutS };
    return gate.run(async () => {
      try {
        return await toResult(await openPicture(file));
      } catch (error) {
        throw explainImageError(error, file);
      }
    });
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
  const file = { bytes, mimeType: detectMimeType(bytes), timeoutS: 10 };
  try {
    const { mimeType, width, height, frames } = await openPicture(file);
    return { mimeType, width, height, frames };
  } catch (error) {
    throw explainImageError(error, file);
  }
}

async function processPicture(picture: Picture, asked?: SquareCrop): Promise<ProcessedImage> {
  const crop = toCrop(picture, asked);
  if (picture.frames > 1) {
    const squares = await toSquares(picture, crop, await cutFirst(picture, crop));
    return { ...squares, source: await keepAnimation(picture) };
  }
  // One decode for the kept copy and the squares costs less than one each, though squares could do with a smaller one.
  const upright = await toUpright(picture, keptSidePx);
  const squares = await toSquares(picture, crop, await cutSquare(picture, crop, upright));
  return { ...squares, source: await encodeKept(fromPixels(upright)) };
}

async function recropPicture(kept: Picture, upright: Size, asked: SquareCrop): Promise<ProcessedImage> {
  const { width, height } = upright;
  const crop = toCrop(upright, asked);
  const onCopy = scaleCrop(crop, upright, kept);
  const squares = await toSquares(kept, onCopy, await cutFirst(kept, onCopy));
  return { ...squares, width, height, crop, source: kept.bytes };
}

/** The largest variant's pixels: from the copy where it has as many of them, else from the file once more. */
async function cutSquare(picture: Picture, crop: SquareCrop, upright: Pixels): Promise<Pixels> {
  const onCopy = scaleCrop(crop, picture, upright);
  const enough = upright.width === picture.width || onCopy.size >= largest(crop);
  return enough ? toPixels(cut(fromPixels(upright), onCopy, largest(crop))) : cutFirst(picture, crop);
}

const cutFirst = (picture: Picture, crop: SquareCrop) => toPixels(cut(picture.open('first'), crop, largest(crop)));
const largest = ({ size }: SquareCrop) => toVariantSizes(size).at(-1) ?? size;

async function toSquares(picture: Picture, crop: SquareCrop, square: Pixels): Promise<Omit<ProcessedImage, 'source'>> {
  const { width, height, mimeType } = picture;
  const animated = picture.frames > 1;
  const variants = animated ? await animate(picture, crop, square) : await encodeStills(picture, crop, square);
  const sidePx = Math.min(placeholderSidePx, square.width);
  const rgba = await toRgba(square, sidePx);
  const placeholder = { thumbhash: toThumbhash(rgba, sidePx), dominantColor: toDominantColor(rgba) };
  return { width, height, mimeType, animated, crop, variants, ...placeholder };
}

/** One size after another: all at once they would take every thread of Node's pool, which files and name look-ups need too. */
async function encodeStills(picture: Picture, crop: SquareCrop, square: Pixels): Promise<ImageVariant[]> {
  const variants: ImageVariant[] = [];
  for (const size of toVariantSizes(crop.size)) {
    const image = fromPixels(square).resize(size, size);
    variants.push({ size, bytes: await encodePublic(image, picture, false) });
  }
  return variants;
}

async function animate(picture: Picture, crop: SquareCrop, square: Pixels): Promise<ImageVariant[]> {
  const sharedPx = Math.min(sharedFrameSidePx, largest(crop));
  const frames = await toPixels(cut(picture.open('all'), crop, sharedPx));
  const variants: ImageVariant[] = [];
  for (const { size, bytes: still } of await encodeStills(picture, crop, square)) {
    const image = size <= sharedPx ? fromPixels(frames).resize(size, size) : cut(picture.open('all'), crop, size);
    variants.push({ size, bytes: await encodePublic(image, picture, true), still });
  }
  return variants;
}

function keepAnimation(picture: Picture): Promise<Buffer> {
  const { width, height, frames } = picture;
  const scale = Math.min(1, Math.sqrt(keptPixelsOverAllFrames / (width * height * frames)));
  const sidePx = Math.max(1, Math.min(keptSidePx, Math.floor(Math.max(width, height) * scale)));
  return encodeKept(shrink(picture.open('all'), sidePx));
}
