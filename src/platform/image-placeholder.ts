import { rgbaToThumbHash } from 'thumbhash';

/** Base64 of a thumbhash of a square picture of at most 100 px, given as RGBA. */
export const toThumbhash = (rgba: Uint8Array, sidePx: number): string =>
  Buffer.from(rgbaToThumbHash(sidePx, sidePx, rgba)).toString('base64');

interface Bin {
  weight: number;
  sums: [red: number, green: number, blue: number];
}

/**
 * The colour that most of the picture has, as `#rrggbb`: of 512 boxes of similar colours the fullest one's average.
 * Pixels count as much as they are opaque; a picture that is wholly transparent gives white.
 */
export function toDominantColor(rgba: Uint8Array): string {
  const bins = new Map<number, Bin>();
  for (let at = 0; at + 3 < rgba.length; at += 4) count(bins, [...rgba.subarray(at, at + 4)]);
  const [fullest] = [...bins.values()].sort((one, other) => other.weight - one.weight);
  if (!fullest?.weight) return '#ffffff';
  return `#${fullest.sums.map((sum) => hex(sum / fullest.weight)).join('')}`;
}

const hex = (channel: number) => Math.round(channel).toString(16).padStart(2, '0');

function count(bins: Map<number, Bin>, [red = 0, green = 0, blue = 0, alpha = 0]: number[]) {
  const key = ((red >> 5) << 6) | ((green >> 5) << 3) | (blue >> 5);
  const bin = bins.get(key) ?? { weight: 0, sums: [0, 0, 0] };
  bins.set(key, bin);
  bin.weight += alpha;
  bin.sums[0] += red * alpha;
  bin.sums[1] += green * alpha;
  bin.sums[2] += blue * alpha;
}

/** Are there fewer colours than half of the pixels, as in drawings, and in no photo, or at most as many as said? */
export function isOfFewColours(rgba: Uint8Array, atMost = rgba.length / 8 - 1): boolean {
  const colours = new Set<number>();
  const view = new DataView(rgba.buffer, rgba.byteOffset, rgba.byteLength);
  for (let at = 0; at < rgba.length; at += 4) colours.add(view.getUint32(at));
  return colours.size <= atMost;
}
