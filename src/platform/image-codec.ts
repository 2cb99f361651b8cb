import sharp, { type Metadata, type Sharp, type WebpOptions } from 'sharp';
import { createGate } from './gate.ts';
import { assertAffordable } from './image-cost.ts';
import type { Countdown } from './image-countdown.ts';
import type { Size, SquareCrop } from './image-geometry.ts';
import {
  assertWithinLimits,
  damagedImage,
  type ImageHeader,
  type ImageMimeType,
  imageLimits,
  isPlainSrgb,
  isWholeGif,
  slowImage,
} from './image-header.ts';
import { isLong, toPlaces } from './image-memory.ts';
import { swapsSides, toStoredCrop, turn } from './image-turn.ts';
import { TimeLimitError } from './time-limit.ts';

/** A picture on its way through sharp; nothing is decoded before its bytes or pixels are asked for. */
export type Image = Sharp;

/** An uploaded file, and the time in which all work on it is to be done. */
export interface ImageFile extends Countdown {
  bytes: Buffer;
  mimeType: ImageMimeType;
  timeoutS: number;
  /** Nothing that is published of it may have more: the bytes of the upload. */
  limitBytes: number;
  /** How many steps of work on a long animation may go on at once. */
  lanes: number;
}

/** A picture whose header was found good. */
export interface Picture extends ImageHeader, Countdown {
  bytes: Buffer;
  /** Few colours: lossless is likely to be smaller. */
  drawing: boolean;
  /** How its pixels are to become fewer: `hard` for a drawing that moves, and nothing else. */
  edges: Edges;
  /** Its colours are those of a profile of its own, as in photos of recent phones. */
  foreignColours: boolean;
  /** What has to be done to what `open` gives, so that it is upright: 1 for nothing. EXIF 2.32, table 6. */
  orientation: number;
  /** Loop count and delays, which decoded pixels have lost; empty for a still picture. */
  animation: Pick<WebpOptions, 'loop' | 'delay'>;
  /** As `ImageFile` has it. */
  limitBytes: number;
  /** How many of those in work it counts for. */
  places: number;
  /** Runs what takes long, at most as many at once as the picture has lanes: one, or two of a long animation. */
  inLane<Result>(work: () => Promise<Result>): Promise<Result>;
  /** The picture as it is stored, in sRGB, its first frame, all of them, or some. Each call decodes anew. */
  open(frames: 'first' | 'all' | FrameRange): Image;
}

/** So many frames from one on, which is 0 for the first. */
export interface FrameRange {
  page: number;
  pages: number;
}

/** Decoded: 8 bits a channel, sRGB, not premultiplied; frames one below the other. */
export interface Pixels extends Size {
  data: Buffer;
  channels: 1 | 2 | 3 | 4;
  /** Height of one frame; only where there are several. */
  pageHeight?: number;
}

/**
 * Process-wide: only the loaders of the four types (sharp would read SVG too), no cache of decoded pictures, and one
 * thread for each picture in work, since as many are in work as there are cores.
 */
export function confineSharp(): void {
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: ['Jpeg', 'Png', 'Nsgif', 'Webp'].map((name) => `VipsForeignLoad${name}Buffer`) });
  sharp.cache(false);
  sharp.concurrency(1);
}

/**
 * Reads the header and decodes nothing. Throws `UnsupportedImageError` for what is over the limits, takes too much to decode,
 * or is cut short.
 */
export async function openPicture(file: ImageFile): Promise<Picture> {
  const { bytes, mimeType, limitBytes } = file;
  const metadata = await sharp(bytes, { limitInputPixels: false }).metadata();
  const { pages: frames = 1 } = metadata;
  const orientation = toOrientation(metadata);
  const [width, height] = swapsSides(orientation)
    ? [metadata.height, metadata.width]
    : [metadata.width, metadata.height];
  const header = { mimeType, width, height, frames };
  if (mimeType === 'image/gif' && !isWholeGif(bytes)) throw damagedImage(mimeType);
  assertWithinLimits(header);
  const bitsPerChannel = metadata.depth === 'ushort' ? 16 : 8;
  const extent = { ...header, channels: metadata.channels, bitsPerChannel, inPasses: metadata.isProgressive };
  assertAffordable(extent, bytes);
  const lanes = isLong(header) ? file.lanes : 1;
  return {
    ...header,
    bytes,
    limitBytes,
    places: Math.max(lanes, toPlaces(extent)),
    inLane: createGate({ concurrency: lanes, queueLimit: Number.POSITIVE_INFINITY }).run,
    orientation,
    msLeft: file.msLeft,
    secondsLeft: file.secondsLeft,
    drawing: metadata.isPalette || (metadata.bitsPerSample ?? 8) < 8,
    edges: 'soft',
    foreignColours: metadata.space === 'srgb' && metadata.hasProfile && !isPlainSrgb(metadata.icc),
    animation: frames > 1 ? toAnimation(metadata) : {},
    open: toOpener(file, metadata),
  };
}

/** Tags of no meaning are ignored, as sharp does. */
const toOrientation = ({ orientation = 1 }: Metadata) => (orientation >= 1 && orientation <= 8 ? orientation : 1);

/**
 * sharp takes times and loops of 16 bits, and a GIF may show a frame for eleven minutes. libvips writes 100 ms for what is at
 * most 10, as browsers show it: so these are 100 from the start, before several are added up.
 */
const toAnimation = ({ loop = 0, delay = [] }: Metadata) => ({
  loop: Math.min(loop, longestDelayMs),
  delay: delay.map((ms) => (ms <= 10 ? 100 : Math.min(ms, longestDelayMs))),
});

/** And the most loops. */
export const longestDelayMs = 0xffff;

function toOpener({ bytes, secondsLeft }: ImageFile, metadata: Metadata): Picture['open'] {
  // Converting colours at full size doubles the time of a photo, and from plain sRGB it changes none.
  const ignoreIcc = metadata.space === 'srgb' && isPlainSrgb(metadata.icc);
  // sharp converts 16 bits a channel to P3, and raw pixels stay in it.
  const leftInP3 = metadata.depth === 'ushort' && metadata.hasProfile && !ignoreIcc;
  const limits = { limitInputPixels: imageLimits.pixelsOverAllFrames, ignoreIcc };
  return (frames) => {
    const which = typeof frames === 'object' ? frames : { animated: frames === 'all' };
    const image = sharp(bytes, { ...limits, ...which }).timeout({ seconds: secondsLeft() });
    return leftInP3 ? image.withIccProfile('srgb', { attach: false }) : image;
  };
}

/** The error to show: sharp throws plain ones for what it can't read; others, and a lack of memory, aren't the file's fault. */
export function explainImageError(error: unknown, { mimeType, timeoutS }: ImageFile): unknown {
  const toTold = () => {
    if (isTimeout(error)) return slowImage(timeoutS);
    const isPlain = error instanceof Error && error.constructor === Error;
    return isPlain && !/memory/i.test(error.message) ? damagedImage(mimeType) : undefined;
  };
  const told = toTold();
  return told ? Object.assign(told, { cause: error }) : error;
}

/** Whether it took longer than it was given; sharp has no type of error for it. */
export const isTimeout = (error: unknown): error is Error =>
  error instanceof TimeLimitError ||
  (error instanceof Error && error.constructor === Error && error.message.includes('timeout'));

/** How pixels become fewer: as means of several, or one of several, which adds no colours to a drawing. */
export type Edges = 'soft' | 'hard';

export const toKernel = (edges: Edges) => (edges === 'hard' ? ('nearest' as const) : ('lanczos3' as const));

/** The square of the stored picture, `sidePx` wide, of each frame. */
export const cut = (image: Image, { left, top, size }: SquareCrop, sidePx: number, edges: Edges = 'soft'): Image =>
  image.extract({ left, top, width: size, height: size }).resize(sidePx, sidePx, toResizing(edges));

/** The decoder of WebP would make edges soft. */
const toResizing = (edges: Edges) => ({ kernel: toKernel(edges), fastShrinkOnLoad: edges === 'soft' }) as const;

/** The whole picture, made smaller where it is more than `sidePx` on its longest side. */
export const shrink = (image: Image, sidePx: number, edges: Edges = 'soft'): Image =>
  image.resize(sidePx, sidePx, { fit: 'inside', withoutEnlargement: true, ...toResizing(edges) });

/** Decodes. */
export async function toPixels(image: Image): Promise<Pixels> {
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels, pageHeight } = info;
  return { data, width, height, channels, ...(pageHeight && { pageHeight }) };
}

/** Decodes the upright picture, made smaller where it is more than `sidePx` on its longest side. */
export async function toUpright(picture: Picture, sidePx: number): Promise<Pixels> {
  const image = shrink(picture.open('first').autoOrient(), sidePx);
  if (!picture.foreignColours || Math.max(picture.width, picture.height) <= sidePx) return toPixels(image);
  // sharp converts colours before it shrinks, which takes longer than all the rest. So it shrinks first, into a PNG, since
  // decoded pixels can't carry their profile, and converts the few that are left.
  const small = await image.keepIccProfile().png({ compressionLevel: 0 }).toBuffer();
  return toPixels(sharp(small));
}

/** Decodes the square of the upright picture, `sidePx` wide, of its first frame. */
export async function toSquare(picture: Picture, crop: SquareCrop, sidePx: number): Promise<Pixels> {
  const { orientation } = picture;
  const image = cut(picture.open('first'), toStoredCrop(crop, picture, orientation), sidePx);
  return orientation === 1 ? toPixels(image) : toFrames(await toTurned(image, orientation), { page: 0, pages: 1 });
}

/** Decodes what is stored otherwise, and turns it upright. */
export async function toTurned(image: Image, orientation: number): Promise<Required<Pixels>> {
  const pixels = await toPixels(image.ensureAlpha());
  return { channels: 4, ...turn({ pageHeight: pixels.height, ...pixels }, orientation) };
}

/** A picture of pixels that were decoded before. */
export const fromPixels = ({ data, ...raw }: Pixels): Image =>
  sharp(data, { raw, animated: raw.pageHeight !== undefined });

/** Some of several frames; a single one is a still picture. */
export function toFrames({ pageHeight, height, ...frames }: Pixels, { page, pages }: FrameRange): Pixels {
  const frameHeight = pageHeight ?? height;
  const frameBytes = frames.width * frameHeight * frames.channels;
  const data = frames.data.subarray(page * frameBytes, (page + pages) * frameBytes);
  return { ...frames, data, height: pages * frameHeight, ...(pages > 1 && { pageHeight: frameHeight }) };
}

/** RGBA of a small square, row by row. */
export const toRgba = (pixels: Pixels, sidePx: number): Promise<Buffer> =>
  fromPixels(pixels).resize(sidePx, sidePx).ensureAlpha().raw().toBuffer();
