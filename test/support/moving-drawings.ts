import { randomBytes } from 'node:crypto';
import sharp from 'sharp';

/** A drawing of few colours, each pixel of each frame. */
type Motif = (point: { x: number; y: number; frame: number }, side: number) => readonly number[];

const black = [20, 20, 20];
const white = [250, 250, 240];

/** Drawings that move: with edges that no scaled picture has, of which a file keeps little. */
export const motifs = {
  disc: ({ x, y, frame }, side) => {
    const left = side / 3 + (((frame * side) / 40) % (side / 3));
    return Math.hypot(x - left, y - side / 2) < side / 4 ? [200, 30, 30, 255] : [0, 0, 0, 0];
  },
  strokes: ({ x, y, frame }) => {
    const [column, row] = [Math.floor((x + 2 * frame) / 3), Math.floor(y / 4)];
    return row % 3 > 0 && ((column * 73_856_093) ^ (row * 19_349_663)) & 8 ? black : white;
  },
  checkerboard: ({ x, y, frame }) => (((x >> 3) + (y >> 3) + frame) % 2 ? black : white),
  'finest checkerboard': ({ x, y, frame }) => ((x + y + frame) % 2 ? black : white),
  'one pixel': ({ x, y, frame }, side) => (x === (7 * frame + 3) % side && y === side >> 1 ? black : white),
} satisfies Record<string, Motif>;

/** What moves, its side in pixels, its frames, and the file they are in. */
export interface MovingDrawing {
  motif: keyof typeof motifs;
  side: number;
  frames: number;
  type: 'gif' | 'webp';
  /** How long each frame is shown, in ms; by default 40 and 70 in turns. */
  delay?: number[];
}

/** In as few bytes as an encoder makes of it. */
export function movingDrawing({ motif, side, frames, type, ...drawing }: MovingDrawing): Promise<Buffer> {
  const draw: Motif = motifs[motif];
  const channels = draw({ x: 0, y: 0, frame: 0 }, side).length as 3 | 4;
  const data = Buffer.allocUnsafe(side * side * frames * channels);
  for (let at = 0; at < side * side * frames; at++) {
    const y = Math.floor(at / side);
    const point = { x: at % side, y: y % side, frame: Math.floor(y / side) };
    data.set(draw(point, side), at * channels);
  }
  const raw = { width: side, height: side * frames, channels, pageHeight: side };
  const delay = drawing.delay ?? Array.from({ length: frames }, (_, frame) => (frame % 2 ? 70 : 40));
  const image = sharp(data, { raw, animated: true });
  return type === 'gif'
    ? image.gif({ delay, colours: 4, effort: 7 }).toBuffer()
    : image.webp({ delay, lossless: true, effort: 6, minSize: true }).toBuffer();
}

/** A WebP of noise at a low quality, and of a few frames without anything. */
export function filmWithBlackFrames({ side, frames, black }: { side: number; frames: number; black: number[] }) {
  const frameBytes = side * side * 3;
  const data = randomBytes(frameBytes * frames);
  for (const page of black) data.fill(0, page * frameBytes, (page + 1) * frameBytes);
  const raw = { width: side, height: side * frames, channels: 3, pageHeight: side } as const;
  return sharp(data, { raw, animated: true }).webp({ quality: 1, effort: 0 }).toBuffer();
}
