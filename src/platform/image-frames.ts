import {
  type Edges,
  type FrameRange,
  fromPixels,
  type Image,
  longestDelayMs,
  type Picture,
  type Pixels,
  toFrames,
  toKernel,
  toPixels,
} from './image-codec.ts';
import type { Countdown } from './image-countdown.ts';

/** An animation at one size, not yet rendered. */
export interface Moving extends Pick<Picture, 'frames'> {
  sizePx: number;
  /** How long each frame is shown, in ms. */
  delay: number[];
  /** Its hard edges are worth more than its details. */
  drawing: boolean;
  /** Frames of `sidePx`, with colours in between at their edges or without; nothing is made of them before their bytes are asked for. */
  render(edges: Edges, sidePx: number, range: FrameRange): Image;
}

/** Frames that were taken out of it: each is shown until the next was. */
export interface Picked {
  pixels: Pixels;
  delay: number[];
}

/** What is made at once of frames that are looked at alone. */
const chunkBytes = 20_000_000;

/** The frames of the given numbers, the first of which is 0. Throws TimeLimitError where that takes too long. */
export async function pick(
  moving: Moving,
  edges: Edges,
  sidePx: number,
  starts: number[],
  { secondsLeft }: Countdown,
): Promise<Picked> {
  const size = { width: sidePx, height: sidePx * starts.length, ...(starts.length > 1 && { pageHeight: sidePx }) };
  let data = Buffer.alloc(0);
  let channels: Pixels['channels'] = 4;
  for (const [at, page] of starts.entries()) {
    const frame = await toPixels(moving.render(edges, sidePx, { page, pages: 1 }).timeout({ seconds: secondsLeft() }));
    if (at === 0) data = Buffer.allocUnsafe(frame.data.length * starts.length);
    channels = frame.channels;
    frame.data.copy(data, frame.data.length * at);
  }
  return { pixels: { ...size, data, channels }, delay: toDelays(moving, starts) };
}

const toDelays = ({ delay, frames }: Moving, starts: number[]) =>
  starts.map((start, at) => {
    const together = delay.slice(start, starts[at + 1] ?? frames).reduce((sum, ms) => sum + ms, 0);
    return Math.min(together, longestDelayMs);
  });

/** The number of every first frame of so many. */
export const toStrideStarts = ({ frames }: Moving, stride: number): number[] =>
  Array.from({ length: Math.ceil(frames / stride) }, (_, at) => at * stride);

/** The frame that first differs from the one at the start, by its number; 0 where all are the same. */
export async function findMotion(moving: Moving, edges: Edges): Promise<number> {
  let first: Buffer | undefined;
  for await (const { range, pixels } of decodeInChunks(moving, edges, moving.sizePx)) {
    // A copy, since a part would keep all of them in memory.
    first ??= Buffer.from(toFrames(pixels, { page: 0, pages: 1 }).data);
    for (let page = 0; page < range.pages; page++) {
      if (!first.equals(toFrames(pixels, { page, pages: 1 }).data)) return range.page + page;
    }
  }
  return 0;
}

async function* decodeInChunks(moving: Moving, edges: Edges, sidePx: number) {
  const atOnce = Math.max(1, Math.floor(chunkBytes / (sidePx * sidePx * 4)));
  for (let page = 0; page < moving.frames; page += atOnce) {
    const range = { page, pages: Math.min(atOnce, moving.frames - page) };
    yield { range, pixels: await toPixels(moving.render(edges, sidePx, range)) };
  }
}

/** Frames, made larger or smaller. */
export const resize = (pixels: Pixels, sidePx: number, edges: Edges): Image =>
  fromPixels(pixels).resize(sidePx, sidePx, { kernel: toKernel(edges) });
