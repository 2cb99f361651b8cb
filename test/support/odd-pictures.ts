import { deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import { flatJpeg, jpegSegment } from './flat-jpeg.ts';
import { adobeRgb, linearGrey } from './icc.ts';
import { pngChunk, secretWord, storedQuarters } from './pictures.ts';

/** Small PRNG (mulberry32): the same bytes on every machine. */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    const mixed = Math.imul(state ^ (state >>> 15), state | 1);
    const more = mixed ^ (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61));
    return ((more ^ (more >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const randomBytes = (count: number, seed: number): Buffer => {
  const random = createRandom(seed);
  return Buffer.from(Array.from({ length: count }, () => Math.floor(random() * 256)));
};

const pngSignature = Buffer.from('89504e470d0a1a0a', 'hex');

/** What IHDR says of a picture. */
export interface RawPng {
  width: number;
  height: number;
  bits: 1 | 2 | 4 | 8 | 16;
  /** 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGBA. */
  colourType: 0 | 2 | 3 | 4 | 6;
  interlaced?: boolean;
}

/** A PNG of these bytes of lines, each with its filter byte first; other chunks stand before the pixels. */
export function rawPng({ width, height, bits, colourType, interlaced }: RawPng, lines: Buffer, chunks: Buffer[] = []) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([bits, colourType, 0, 0, interlaced ? 1 : 0], 8);
  const pixels = pngChunk('IDAT', deflateSync(lines, { level: 9 }));
  return Buffer.concat([pngSignature, pngChunk('IHDR', header), ...chunks, pixels, pngChunk('IEND', Buffer.alloc(0))]);
}

/** A PNG whose profile counts the given numbers of a colour its own way. */
export function pngWithProfile(profile: 'wide' | 'linear grey', colour: number[]): Buffer {
  const line = Buffer.from([0, ...Array.from({ length: 80 }, () => colour).flat()]);
  const icc = Buffer.concat([Buffer.from('profile\0\0'), deflateSync(profile === 'wide' ? adobeRgb() : linearGrey())]);
  const size = { width: 80, height: 80, bits: 8 as const };
  const lines = Buffer.concat(Array.from({ length: 80 }, () => line));
  return rawPng({ ...size, colourType: colour.length === 1 ? 0 : 2 }, lines, [pngChunk('iCCP', icc)]);
}

/** Inserts chunks behind IHDR. */
export const withPngChunks = (png: Buffer, chunks: Buffer[]): Buffer =>
  Buffer.concat([png.subarray(0, 33), ...chunks, png.subarray(33)]);

/** An animation whose frames are the same picture, then its negative. */
export const blinking = async (png: Buffer): Promise<Sharp> =>
  sharp([png, await sharp(png).negate({ alpha: false }).png().toBuffer()], { join: { animated: true } });

/**
 * Like `orientedJpeg`, of other types. An animation shows `quarters()` of 120 x 80 px, then their negative, for 50 and 70 ms,
 * three times.
 */
export async function tagged(type: 'png' | 'webp' | 'animated webp', orientation: number): Promise<Buffer> {
  const stored = await storedQuarters(orientation, [120, 80]);
  const picture = type === 'animated webp' ? await blinking(stored) : sharp(stored);
  const encoded = type === 'png' ? picture.png() : picture.webp({ lossless: true, loop: 3, delay: [50, 70] });
  return encoded.withMetadata({ orientation }).toBuffer();
}

/** A small file that libjpeg would go over for minutes. */
export const manyScans = (scans: number): Buffer =>
  flatJpeg({ width: 2000, height: 1600, colour: [100], frame: 0xc2, repeatScans: scans });

/** Red, as printers count it: inverted Y, Cb, Cr and black. */
export const ycck = (): Buffer =>
  flatJpeg({ width: 64, height: 64, colour: [255 - 76, 255 - 85, 0, 255], adobeTransform: 2 });

/** A JPEG with the given segment behind its first marker. */
export const withJpegSegment = (jpeg: Buffer, marker: number, content: Buffer): Buffer =>
  Buffer.concat([jpeg.subarray(0, 2), jpegSegment(marker, [...content]), jpeg.subarray(2)]);

/** One frame of a GIF: a square of one colour of the palette, at a place, with a way to be taken away again. */
export interface GifFrame {
  left: number;
  top: number;
  side: 8 | 16;
  colour: 0 | 1 | 2 | 3;
  /** 1: left standing; 2: to the background; 3: to what was there before. */
  disposal: number;
  delay?: number;
  /** The colour that is none. */
  transparent?: number;
}

/** A GIF of squares of black, red, green and white on a canvas of 32 x 32 px. */
export function gifOfSquares(frames: GifFrame[], loop?: number): Buffer {
  const little = (value: number) => [value & 255, value >> 8];
  const netscape = loop === undefined ? [] : [0x21, 0xff, 11, ...Buffer.from('NETSCAPE2.0'), 3, 1, ...little(loop), 0];
  const palette = [0, 0, 0, 220, 30, 30, 30, 180, 60, 255, 255, 255];
  const head = [...Buffer.from('GIF89a'), ...little(32), ...little(32), 0x91, 0, 0, ...palette];
  const written = frames.flatMap(({ left, top, side, colour, disposal, delay = 10, transparent }) => {
    const flags = (disposal << 2) | (transparent === undefined ? 0 : 1);
    const control = [0x21, 0xf9, 4, flags, ...little(delay), transparent ?? 0, 0];
    const place = [0x2c, ...little(left), ...little(top), ...little(side), ...little(side), 0];
    return [...control, ...place, 2, ...toLzwBlocks(Array<number>(side * side).fill(colour))];
  });
  return Buffer.from([...head, ...netscape, ...written, 0x3b]);
}

/** Codes of 3 bits, the table cleared before it could grow: no compression. GIF89a, appendix F. */
function toLzwBlocks(pixels: number[]): number[] {
  const codes = [...pixels.flatMap((pixel, at) => (at % 2 === 0 ? [4, pixel] : [pixel])), 5];
  const bits = codes.flatMap((code) => [code & 1, (code >> 1) & 1, (code >> 2) & 1]);
  const bytes = Array.from({ length: Math.ceil(bits.length / 8) }, (_, at) =>
    bits.slice(at * 8, at * 8 + 8).reduce((byte, bit, place) => byte | (bit << place), 0),
  );
  const blocks: number[] = [];
  for (let at = 0; at < bytes.length; at += 255)
    blocks.push(Math.min(255, bytes.length - at), ...bytes.slice(at, at + 255));
  return [...blocks, 0];
}

/** Metadata of the kinds that WebP has, and one that it doesn't. */
export function withWebpChunks(webp: Buffer, names: string[]): Buffer {
  const chunks = names.map((name) => {
    const head = Buffer.from(`${name}\0\0\0\0`);
    head.writeUInt32LE(secretWord.length, 4);
    return Buffer.concat([head, Buffer.from(secretWord), Buffer.alloc(secretWord.length % 2)]);
  });
  const whole = Buffer.concat([webp, ...chunks]);
  whole.writeUInt32LE(whole.length - 8, 4);
  return whole;
}
