import { type supportedMimeTypes, UnsupportedImageError } from '../errors.ts';

/** One of the four types that are accepted. */
export type ImageMimeType = (typeof supportedMimeTypes)[number];

/** What a file says of itself before a pixel is decoded. */
export interface ImageHeader {
  mimeType: ImageMimeType;
  /** Of one frame, upright, in pixels. */
  width: number;
  height: number;
  /** 1 for a still picture. */
  frames: number;
}

/** The most that is decoded. Contract, "Pictures"; a 460 kB GIF of 20,000 frames would burn 10 s. */
export const imageLimits = { pixels: 50_000_000, frames: 150, pixelsOverAllFrames: 60_000_000 } as const;

const names: Record<ImageMimeType, string> = {
  'image/jpeg': 'JPEG',
  'image/png': 'PNG',
  'image/gif': 'GIF',
  'image/webp': 'WebP',
};

const expectedTypes = 'Expected a JPEG, PNG, GIF or WebP image';

/** Finds the type by the first bytes; names and declared types are not asked. Throws `UnsupportedImageError`. */
export function detectMimeType(bytes: Uint8Array): ImageMimeType {
  if (bytes.length === 0) throw new UnsupportedImageError(`${expectedTypes}, and got an empty file.`);
  const start = Buffer.from(bytes.subarray(0, 512)).toString('latin1');
  const found = signatures.find(([signature]) => signature.test(start));
  if (!found) throw new UnsupportedImageError(`${expectedTypes}, and got ${describe(start)}.`);
  return found[1];
}

const signatures: [RegExp, ImageMimeType][] = [
  [/^\xff\xd8\xff/, 'image/jpeg'],
  [/^\x89PNG\r\n/, 'image/png'],
  [/^GIF8[79]a/, 'image/gif'],
  [/^RIFF[\s\S]{4}WEBP/, 'image/webp'],
];

const strangers: [RegExp, string][] = [
  [/^(\u00ef\u00bb\u00bf)?\s*<(svg|\?xml[\s\S]*<svg)/i, 'an SVG'],
  [/^(\u00ef\u00bb\u00bf)?\s*<(!doctype html|html)/i, 'an HTML page'],
  [/^[\s\S]{4}ftyp(avif|avis)/, 'an AVIF image'],
  [/^[\s\S]{4}ftyp(hei|hev|mif1|msf1)/, 'a HEIC image'],
  [/^[\s\S]{4}ftyp/, 'a video'],
  [/^(II\*\0|MM\0\*)/, 'a TIFF image'],
  [/^BM/, 'a BMP image'],
  [/^8BPS/, 'a Photoshop file'],
  [/^%PDF/, 'a PDF'],
  [/^PK/, 'a ZIP archive'],
  [/^(?!.*(?!\s)\p{Cc})/su, 'a text'],
];

const describe = (start: string) =>
  strangers.find(([pattern]) => pattern.test(start))?.[1] ?? 'an unknown kind of file';

/** Refuses a picture that would take too much to decode. Throws `UnsupportedImageError` with the limit and what came. */
export function assertWithinLimits({ width, height, frames }: ImageHeader): void {
  const pixels = width * height;
  const size = `${width} x ${height} px`;
  if (pixels > imageLimits.pixels) {
    throw tooMuch(`${megapixels(imageLimits.pixels)} megapixels`, `${megapixels(pixels)} (${size})`);
  }
  if (frames === 1) return;
  if (frames > imageLimits.frames) throw tooMuch(`${imageLimits.frames} frames`, `${frames}`);
  if (pixels * frames > imageLimits.pixelsOverAllFrames) {
    const limit = `${megapixels(imageLimits.pixelsOverAllFrames)} megapixels over all frames`;
    throw tooMuch(limit, `${megapixels(pixels * frames)} (${frames} frames of ${size})`);
  }
}

const megapixels = (pixels: number) => Math.ceil(pixels / 10_000) / 100;
const tooMuch = (limit: string, came: string) =>
  new UnsupportedImageError(`Expected an image of at most ${limit}, and got ${came}.`);

/** The type is right and the rest is not. */
export const damagedImage = (mimeType: ImageMimeType): UnsupportedImageError =>
  new UnsupportedImageError(`Expected a whole ${names[mimeType]} image, and got one that is damaged or cut short.`);

/** The time limit struck while it was decoded or encoded. */
export const slowImage = (timeoutS: number): UnsupportedImageError =>
  new UnsupportedImageError(
    `Expected an image that decodes within ${timeoutS} seconds, and this one takes too long to decode.`,
  );

/**
 * Does the GIF go on to its end mark? libvips takes one that was cut in the middle for a shorter animation.
 * Walks over the blocks without decoding them. Format: GIF89a, sections 17 to 27.
 */
export function isWholeGif(gif: Uint8Array): boolean {
  const colourTable = (packed: number) => (packed & 0x80 ? 3 * 2 ** ((packed & 7) + 1) : 0);
  const byte = (at: number) => gif[at] ?? 0;
  let at = 13 + colourTable(byte(10));
  while (at < gif.length) {
    const block = gif[at];
    if (block === 0x3b) return true;
    if (block === 0x2c) at += 11 + colourTable(byte(at + 9));
    else if (block === 0x21) at += 2;
    else return false;
    while (byte(at) > 0) at += 1 + byte(at);
    at++;
  }
  return false;
}

/**
 * Is the colour profile plain sRGB, so that there is nothing to convert? Judged by its description, which begins with
 * "sRGB" in every common one, and stands behind a short head, as text (ICC.1:2001) or in UTF-16 (ICC.1:2022, 9.2.41).
 */
export function isPlainSrgb(icc: Buffer = Buffer.alloc(0)): boolean {
  const at = icc.indexOf('desc', 128, 'latin1');
  if (at < 0 || at + 12 > icc.length) return false;
  const start = icc.readUInt32BE(at + 4);
  const text = icc
    .subarray(start, start + 60)
    .toString('latin1')
    .replaceAll('\0', '');
  return /^(desc|mluc.{0,4}\w{4})[\s\S]{0,2}sRGB/s.test(text);
}
