import { UnsupportedImageError } from '../errors.ts';
import type { DecodedExtent } from './image-memory.ts';

/**
 * What a decoder may take. Most pictures are decoded line by line, while an interlaced PNG and a progressive JPEG are held
 * in memory whole, and each scan of a JPEG goes over all of it: 50 megapixels can take 500 MB, or minutes. Beside what is
 * held, libvips takes up to 10 MB for a JPEG and 60 MB for a PNG: a picture takes 360 MB at most. Every JPEG of three colours
 * is within that, and every PNG of 8 bits or without transparency. No encoder makes more than about 20 scans.
 */
const decodingLimits = { heldBytes: 300_000_000, scans: 100 } as const;

/** Throws `UnsupportedImageError` for a file whose decoding would take too much memory, or go over it too often. */
export function assertAffordable(extent: DecodedExtent, bytes: Buffer): void {
  const { mimeType, width, height, channels, bitsPerChannel, inPasses } = extent;
  if (!inPasses) return;
  if (mimeType === 'image/png') assertHeld(width * height * channels * (bitsPerChannel / 8));
  if (mimeType !== 'image/jpeg') return;
  const { scans, samplesPerPixel } = readJpegScans(bytes);
  // Coefficients are of 16 bits. ITU-T T.81, annex G.
  assertHeld(width * height * samplesPerPixel * 2);
  if (scans > decodingLimits.scans) {
    throw new UnsupportedImageError(`Expected a JPEG of at most ${decodingLimits.scans} scans, and got ${scans}.`);
  }
}

function assertHeld(heldBytes: number) {
  if (heldBytes <= decodingLimits.heldBytes) return;
  const megabytes = (bytes: number) => `${Math.ceil(bytes / 1_000_000)} MB`;
  const expected = `Expected an image that takes at most ${megabytes(decodingLimits.heldBytes)} to decode`;
  throw new UnsupportedImageError(
    `${expected}, and this one takes ${megabytes(heldBytes)}, being interlaced or progressive.`,
  );
}

/** Walks over the markers without decoding. ITU-T T.81, annex B. */
function readJpegScans(jpeg: Buffer): { scans: number; samplesPerPixel: number } {
  const found = { scans: 0, samplesPerPixel: 0 };
  for (
    let at = findSegment(jpeg, 2);
    at + 3 < jpeg.length;
    at = findSegment(jpeg, at + 2 + jpeg.readUInt16BE(at + 2))
  ) {
    const marker = jpeg[at + 1] ?? 0;
    // What follows the end is of no concern: phones put a second picture there, for bright screens.
    if (marker === endOfImage) break;
    if (marker === startOfScan) found.scans++;
    if (isFrame(marker)) found.samplesPerPixel = toSamplesPerPixel(jpeg.subarray(at + 4));
  }
  return found;
}

const startOfScan = 0xda;
const endOfImage = 0xd9;

/** The next marker that isn't a stuffed or fill byte, a restart, or the start of the picture. */
function findSegment(jpeg: Buffer, from: number): number {
  for (let at = from; at < jpeg.length; at++) {
    const next = jpeg[at] === 0xff ? (jpeg[at + 1] ?? 0) : 0;
    if (next >= 0xc0 && next < 0xff && !(next >= 0xd0 && next <= 0xd8)) return at;
  }
  return jpeg.length;
}

/** SOF0 to SOF15, which are all of 0xc0 to 0xcf but the tables DHT and DAC, and a reserved one. */
const isFrame = (marker: number) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

/** How many coefficients are stored for each pixel: 3 where colours are as fine as brightness, 1.5 where they are halved twice. */
function toSamplesPerPixel(frame: Buffer): number {
  const components = Array.from({ length: frame[5] ?? 0 }, (_, at) => frame[7 + 3 * at] ?? 0x11);
  const across = components.map((sampling) => sampling >> 4);
  const down = components.map((sampling) => sampling & 15);
  const samples = components.reduce((sum, _, at) => sum + (across[at] ?? 1) * (down[at] ?? 1), 0);
  return samples / (Math.max(1, ...across) * Math.max(1, ...down));
}
