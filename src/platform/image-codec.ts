import sharp, { type Metadata, type Sharp, type WebpOptions } from 'sharp';
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

/** A picture on its way through sharp; nothing is decoded before its bytes or pixels are asked for. */
export type Image = Sharp;

/** An uploaded file, and how long each decoding of it may take. */
export interface ImageFile {
  bytes: Buffer;
  mimeType: ImageMimeType;
  timeoutS: number;
}

/** A picture whose header was found good. */
export interface Picture extends ImageHeader {
  bytes: Buffer;
  /** Few colours: lossless is likely to be smaller. */
  drawing: boolean;
  /** Its colours are those of a profile of its own, as in photos of recent phones. */
  foreignColours: boolean;
  /** Loop count and delays, which decoded pixels have lost; empty for a still picture. */
  animation: Pick<WebpOptions, 'loop' | 'delay'>;
  /** The upright picture in sRGB, its first frame or all of them. Each call decodes anew. */
  open(frames: 'first' | 'all'): Image;
}

/** Decoded: 8 bits a channel, sRGB, not premultiplied; frames one below the other. */
export interface Pixels extends Size {
  data: Buffer;
  channels: 1 | 2 | 3 | 4;
  /** Height of one frame; only where there are several. */
  pageHeight?: number;
}

/** Effort 3 and above doubles the CPU time for 6 % fewer bytes. */
const publicWebp: WebpOptions = { quality: 80, effort: 2 };
/** Seen only through variants made from it: the cheapest effort, and a quality that bears being encoded again. */
const keptWebp: WebpOptions = { quality: 85, effort: 0 };
const losslessWebp: WebpOptions = { lossless: true, effort: 2 };
const frugalWebp: WebpOptions = { quality: 50, effort: 4 };

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

/** Reads the header and decodes nothing. Throws `UnsupportedImageError` for what is over the limits or cut short. */
export async function openPicture(file: ImageFile): Promise<Picture> {
  const { bytes, mimeType } = file;
  const metadata = await sharp(bytes, { limitInputPixels: false }).metadata();
  const frames = metadata.pages ?? 1;
  // libvips can't turn an animation by 90 degrees: an orientation tag in one (there are hardly any) is ignored.
  const { width, height } = frames > 1 ? metadata : metadata.autoOrient;
  const header = { mimeType, width, height, frames };
  if (mimeType === 'image/gif' && !isWholeGif(bytes)) throw damagedImage(mimeType);
  assertWithinLimits(header);
  return {
    ...header,
    bytes,
    drawing: frames === 1 && (metadata.isPalette || (metadata.bitsPerSample ?? 8) < 8),
    foreignColours: metadata.space === 'srgb' && metadata.hasProfile && !isPlainSrgb(metadata.icc),
    animation: frames > 1 ? { loop: metadata.loop ?? 0, delay: metadata.delay ?? [] } : {},
    open: toOpener(file, metadata),
  };
}

function toOpener({ bytes, timeoutS }: ImageFile, metadata: Metadata): Picture['open'] {
  // Converting colours at full size doubles the time of a photo, and from plain sRGB it changes none.
  const ignoreIcc = metadata.space === 'srgb' && isPlainSrgb(metadata.icc);
  // sharp converts 16 bits a channel to P3, and raw pixels stay in it.
  const leftInP3 = metadata.depth === 'ushort' && metadata.hasProfile && !ignoreIcc;
  const limits = { limitInputPixels: imageLimits.pixelsOverAllFrames, ignoreIcc };
  return (frames) => {
    const image = sharp(bytes, { ...limits, animated: frames === 'all' }).timeout({ seconds: timeoutS });
    if ((metadata.pages ?? 1) === 1) image.autoOrient();
    return leftInP3 ? image.withIccProfile('srgb', { attach: false }) : image;
  };
}

/** The error to show: sharp throws plain ones for what it can't read; others, and a lack of memory, aren't the file's fault. */
export function explainImageError(error: unknown, { mimeType, timeoutS }: ImageFile): unknown {
  if (!(error instanceof Error) || error.constructor !== Error || /memory/i.test(error.message)) return error;
  const told = error.message.includes('timeout') ? slowImage(timeoutS) : damagedImage(mimeType);
  return Object.assign(told, { cause: error });
}

/** The square of the picture, `sidePx` wide, of each frame. */
export const cut = (image: Image, { left, top, size }: SquareCrop, sidePx: number): Image =>
  image.extract({ left, top, width: size, height: size }).resize(sidePx, sidePx);

/** The whole picture, made smaller where it is more than `sidePx` on its longest side. */
export const shrink = (image: Image, sidePx: number): Image =>
  image.resize(sidePx, sidePx, { fit: 'inside', withoutEnlargement: true });

/** Decodes. */
export async function toPixels(image: Image): Promise<Pixels> {
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels, pageHeight } = info;
  return { data, width, height, channels, ...(pageHeight && { pageHeight }) };
}

/** Decodes the upright picture, made smaller where it is more than `sidePx` on its longest side. */
export async function toUpright(picture: Picture, sidePx: number): Promise<Pixels> {
  const image = shrink(picture.open('first'), sidePx);
  if (!picture.foreignColours || Math.max(picture.width, picture.height) <= sidePx) return toPixels(image);
  // sharp converts colours before it shrinks, which takes longer than all the rest. So it shrinks first, into a PNG, since
  // decoded pixels can't carry their profile, and converts the few that are left.
  const small = await image.keepIccProfile().png({ compressionLevel: 0 }).toBuffer();
  return toPixels(sharp(small));
}

/** A picture of pixels that were decoded before. */
export const fromPixels = ({ data, ...raw }: Pixels): Image =>
  sharp(data, { raw, animated: raw.pageHeight !== undefined });

/** RGBA of a small square, row by row. */
export const toRgba = (pixels: Pixels, sidePx: number): Promise<Buffer> =>
  fromPixels(pixels).resize(sidePx, sidePx).ensureAlpha().raw().toBuffer();

/** For keeping: cheap to make, good enough to be cropped and encoded again. */
export const encodeKept = (image: Image): Promise<Buffer> => image.webp(keptWebp).toBuffer();

/** For publishing: in no more bytes than were uploaded, where lossless or a lower quality gets there. */
export async function encodePublic(image: Image, picture: Picture, moving: boolean): Promise<Buffer> {
  const animation = moving ? picture.animation : {};
  const encode = (options: WebpOptions) =>
    image
      .clone()
      .webp({ ...options, ...animation })
      .toBuffer();
  const lossy = await encode(publicWebp);
  if (!picture.drawing && lossy.length <= picture.bytes.length) return lossy;
  const best = shorter(lossy, await encode(losslessWebp));
  return best.length <= picture.bytes.length ? best : shorter(best, await encode(frugalWebp));
}

const shorter = (one: Buffer, other: Buffer) => (other.length < one.length ? other : one);
