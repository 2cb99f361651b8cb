import type { ImageHeader, ImageMimeType } from './image-header.ts';

/** What of a picture's header decides how much of it is decoded at once. */
export interface DecodedExtent {
  mimeType: ImageMimeType;
  width: number;
  height: number;
  frames: number;
  channels: number;
  bitsPerChannel: number;
  /** Interlaced, or progressive. */
  inPasses: boolean;
}

/** Two pictures of which each takes this much are in work at once beside 200 MB of a server, in 600 MB: decoding has spare copies. */
const bytesOfPlace = 64 * 1024 * 1024;

/**
 * How many places a picture takes among those in work. Most are decoded row by row, whatever their size: one. One that comes
 * in passes is whole only with the last of them, libvips decodes WebP and GIF a frame at a time, and all frames of an
 * animation are held.
 */
export function toPlaces(extent: DecodedExtent): number {
  const { mimeType, width, height, frames, channels, bitsPerChannel, inPasses } = extent;
  const isWhole = inPasses || mimeType === 'image/webp' || mimeType === 'image/gif';
  // Of a JPEG in passes its coefficients are held, of 16 bits each.
  const bytesPerChannel = bitsPerChannel > 8 || mimeType === 'image/jpeg' ? 2 : 1;
  return isWhole ? Math.max(1, Math.ceil((width * height * frames * channels * bytesPerChannel) / bytesOfPlace)) : 1;
}

/** An animation that takes half of the time limit, as an idle machine works it off. */
const longPixels = 20_000_000;
/** Of larger frames, two would take too much memory at once. */
const laneFramePixels = 4_000_000;

/** Is it to be worked off in two places at once, since in one it would take too long? */
export function isLong({ width, height, frames }: ImageHeader): boolean {
  return frames > 1 && width * height * frames > longPixels && width * height <= laneFramePixels;
}
