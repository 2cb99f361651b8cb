import { allSettled } from './all-settled.ts';
import { encodeMoving, type Shown } from './image-animate.ts';
import {
  cut,
  type Edges,
  type FrameRange,
  fromPixels,
  type Picture,
  type Pixels,
  shrink,
  toFrames,
  toPixels,
  toRgba,
  toSquare,
  toTurned,
} from './image-codec.ts';
import { encodeKept, encodeKeptDrawing, encodeStill } from './image-encode.ts';
import { type Moving, resize } from './image-frames.ts';
import { type SquareCrop, scaleCrop, toVariantSizes } from './image-geometry.ts';
import { isOfFewColours, toDominantColor, toThumbhash } from './image-placeholder.ts';

/** A square WebP. */
export interface ImageVariant {
  /** Its side in pixels. */
  size: number;
  bytes: Buffer;
  /** The first frame alone; only where the picture is animated. */
  still?: Buffer;
}

/** What is shown of a picture: one of its squares. */
export interface Squares {
  /** Smallest first. */
  variants: ImageVariant[];
  /** Base64, of the cropped square. */
  thumbhash: string;
  /** `#rrggbb`, of the cropped square. */
  dominantColor: string;
}

/** A thumbhash has 7 waves across at most. */
const placeholderSidePx = 32;
/** Of a drawing of 32 px. A GIF has 256 at most, whatever it shows. */
const drawingColours = 16;
/** Frames that are held decoded for several sizes: 76 of 512 px, or 150 of 364 px. */
const sharedFramesBytes = 80_000_000;
/** Frames are held decoded, 4 bytes a pixel, beside what the decoder holds of a WebP, which is as much or more. */
const heldPixelsOverAllFrames = 36_000_000;
/** Frames that must be turned are held twice for a moment. */
const turnedPixelsOverAllFrames = 20_000_000;

const largest = ({ size }: SquareCrop) => toVariantSizes(size).at(-1) ?? size;

/**
 * The largest variant's pixels: from the upright picture, decoded to a smaller size, where it has as many of them, else from
 * the file once more.
 */
export async function cutSquare(picture: Picture, crop: SquareCrop, upright?: Pixels): Promise<Pixels> {
  if (!upright) return toSquare(picture, crop, largest(crop));
  const onCopy = scaleCrop(crop, picture, upright);
  const isWhole = upright.width === picture.width;
  if (!isWhole && onCopy.size < largest(crop)) return toSquare(picture, crop, largest(crop));
  return toPixels(cut(fromPixels(upright), onCopy, largest(crop)));
}

/**
 * All sizes, and what is shown until they are there. `square` has the pixels of the largest, in the first frame; `crop` is where
 * they are in the picture.
 */
export async function toSquares(picture: Picture, crop: SquareCrop, square: Pixels): Promise<Squares> {
  const sizes = await toSizes(square, toVariantSizes(square.width));
  const sidePx = Math.min(placeholderSidePx, square.width);
  const rgba = await toRgba(isOpaque(square) ? (sizes[0] ?? square) : square, sidePx);
  const seen = { ...picture, drawing: isDrawing(picture, rgba) };
  const stills = await picture.inLane(() => encodeStills(seen, sizes));
  return {
    variants: picture.frames > 1 ? await animate(picture, crop, stills) : stills,
    thumbhash: toThumbhash(rgba, sidePx),
    dominantColor: toDominantColor(rgba),
  };
}

/** Smallest first. Each is made from the next larger one: of the largest, all would cost twice as much. */
async function toSizes(square: Pixels, sidesPx: number[]): Promise<Pixels[]> {
  const sizes = [square];
  for (const sidePx of sidesPx.slice(0, -1).reverse()) {
    const larger = isOpaque(square) ? (sizes[0] ?? square) : square;
    sizes.unshift(await toPixels(fromPixels(larger).resize(sidePx, sidePx)));
  }
  return sizes;
}

/** Where it is not, each change of size rounds colours down to what shows through: with a quarter of it, by up to 4 in 255. */
const isOpaque = ({ channels }: Pixels) => channels === 1 || channels === 3;

/** A JPEG has noise around its lines, which makes it a photo. */
const isDrawing = ({ drawing, mimeType }: Picture, rgba: Buffer) =>
  drawing || (mimeType !== 'image/jpeg' && isOfFewColours(rgba));

/** One size after another: all at once they would take every thread of Node's pool, which files and name look-ups need too. */
async function encodeStills(picture: Picture, sizes: Pixels[]): Promise<ImageVariant[]> {
  const variants: ImageVariant[] = [];
  for (const pixels of sizes) {
    variants.push({ size: pixels.width, bytes: await encodeStill(fromPixels(pixels), picture) });
  }
  return variants;
}

/** Large sizes are made from the whole, each alone; the others share frames that are held decoded. Answers the smallest first. */
async function animate(picture: Picture, crop: SquareCrop, stills: ImageVariant[]): Promise<ImageVariant[]> {
  const affordablePx = Math.floor(Math.sqrt(sharedFramesBytes / 4 / picture.frames));
  const largestPx = stills.at(-1)?.size ?? crop.size;
  const sharedPx = toVariantSizes(Math.min(largestPx, affordablePx)).at(-1) ?? affordablePx;
  const cutFrames: Moving['render'] = (edges, sidePx, range) => cut(picture.open(range), crop, sidePx, edges);
  const moving = { frames: picture.frames, delay: toDelays(picture), drawing: picture.edges === 'hard' };
  const encode = ({ size }: ImageVariant, render: Moving['render'], ofLargest?: Shown | Promise<Shown>) =>
    encodeMoving({ ...moving, sizePx: size, render }, picture, ofLargest);
  const encodeShared = async (sizes: ImageVariant[], ofLargest?: Promise<Shown>) => {
    const shared = await toPixels(cut(picture.open('all'), crop, sharedPx));
    const render: Moving['render'] = (edges, sidePx, range) =>
      edges === 'soft' ? resize(toFrames(shared, range), sidePx, edges) : cutFrames(edges, sidePx, range);
    const shown: Shown[] = [];
    for (const still of sizes) shown.push(await encode(still, render, ofLargest ?? shown[0]));
    return shown;
  };
  const [largest, ...smaller] = stills.toReversed();
  const isShared = ({ size }: ImageVariant) => size <= sharedPx;
  const ofLargest = largest && !isShared(largest) ? picture.inLane(() => encode(largest, cutFrames)) : undefined;
  const groups = await allSettled([
    ...(ofLargest ? [ofLargest.then((shown) => [shown])] : []),
    ...smaller
      .filter((still) => !isShared(still))
      .map((still) => picture.inLane(async () => [await encode(still, cutFrames, ofLargest)])),
    picture.inLane(() => encodeShared(stills.filter(isShared).reverse(), ofLargest)),
  ]);
  const bytes = groups
    .flat()
    .map((shown) => shown.bytes)
    .reverse();
  return stills.map(({ size, bytes: still }, at) => ({ size, bytes: bytes[at] as Buffer, still }));
}

/** Nine frames at most, from the first to the last. */
function toSpread(frames: number): number[] {
  const count = Math.min(9, frames);
  return Array.from({ length: count }, (_, at) => Math.round(((frames - 1) * at) / (count - 1)));
}

/** `hard` for a drawing. Asked of pixels as they are: means of them have many colours; and of several frames, of which some may be black. */
async function findEdges(picture: Picture, pages: number[]): Promise<Edges> {
  for (const page of pages) {
    const few = await shrink(picture.open({ page, pages: 1 }), placeholderSidePx, 'hard')
      .ensureAlpha()
      .raw()
      .toBuffer();
    if (!isOfFewColours(few, drawingColours)) return 'soft';
  }
  return 'hard';
}

const toDelays = ({ frames, animation: { delay = [] } }: Picture) =>
  Array.from({ length: frames }, (_, at) => [delay].flat()[at] ?? 0);

/** At most `sidePx` on its longest side. */
export const keepAnimation = (picture: Picture, sidePx: number): Promise<Buffer> =>
  picture.inLane(async () => {
    const open = () => shrink(picture.open('all'), sidePx, picture.edges);
    const drawing = picture.edges === 'hard' ? await encodeKeptDrawing(open(), picture) : undefined;
    return drawing ?? encodeKept(open(), picture);
  });

/**
 * The animation upright, and decoded once for all that is made of it; into fewer pixels where it has very many. To decode each
 * time anew would cost more than all encoding, and libvips holds all frames of a WebP while it does.
 */
export async function toUprightAnimation(picture: Picture): Promise<Picture> {
  const isUpright = picture.orientation === 1;
  const atMostPixels = isUpright ? heldPixelsOverAllFrames : turnedPixelsOverAllFrames;
  const sidePx = toSidePx(picture, Number.POSITIVE_INFINITY, atMostPixels);
  const isWhole = sidePx >= Math.max(picture.width, picture.height);
  // To look at one of the stored frames, all before it are decoded.
  const edges = isWhole ? 'hard' : await findEdges(picture, [0, picture.frames >> 1]);
  const stored = shrink(picture.open('all'), sidePx, edges);
  const frames = isUpright ? await toPixels(stored) : await toTurned(stored, picture.orientation);
  const { width, height, pageHeight = height } = frames;
  const open: Picture['open'] = (which) =>
    fromPixels(toFrames(frames, toRange(which, picture))).timeout({ seconds: picture.secondsLeft() });
  const upright = { ...picture, width, height: pageHeight, orientation: 1, open };
  return { ...upright, edges: edges === 'hard' ? await findEdges(upright, toSpread(picture.frames)) : edges };
}

const toRange = (which: 'first' | 'all' | FrameRange, { frames }: Picture): FrameRange =>
  typeof which === 'object' ? which : { page: 0, pages: which === 'all' ? frames : 1 };

function toSidePx({ width, height, frames }: Picture, atMostPx: number, pixelsOverAllFrames: number): number {
  const longest = Math.max(width, height);
  const scale = Math.min(1, Math.sqrt(pixelsOverAllFrames / (width * height * frames)));
  return Math.max(1, Math.min(atMostPx, Math.floor(longest * scale)));
}
