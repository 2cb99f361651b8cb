import { type Edges, fromPixels, isTimeout, type Picture, type Pixels, toFrames, toPixels } from './image-codec.ts';
import { type Moving, resize } from './image-frames.ts';
import { type Look, usual } from './image-looks.ts';

/** What a sample tells of a look: bytes of a first frame and of each further one, and the time for one. */
interface Forecast {
  firstBytes: number;
  nextBytes: number;
  frameMs: number;
}

/** To encode all of an animation in each way would take longer than it has. Of the few frames of a short one, fewer. */
const sampleFrames = { short: 2, long: 8 } as const;
/** And they tell less of the others: what may be so many times too large is tried all the same. */
const doubt = { short: 2, long: 1 } as const;
/** In all frames: what is tried in half a second needs no forecast. Two frames of 512 px are below it. */
const smallPixels = 600_000;
const hopeless: Forecast = { firstBytes: Infinity, nextBytes: 0, frameMs: Infinity };
/** What the first frame of several takes more than a still picture: VP8X, ANIM and ANMF. WebP container specification. */
const movingBytes = 18 + 14 + 24;
/** What came in more bytes for each pixel is hardly ever larger as it is usually encoded: a sample would be in vain. */
const frugalBytesPerPixel = 0.1;

/** Tells which looks of a long animation are worth trying. */
export function createForecasts(moving: Moving, picture: Picture) {
  const { frames, sizePx } = moving;
  const { limitBytes } = picture;
  const length = frames <= 2 * sampleFrames.long ? 'short' : 'long';
  const pages = sampleFrames[length];
  const isSmall = sizePx * sizePx * frames <= smallPixels;
  const isFrugal = limitBytes < sizePx * sizePx * frames * frugalBytesPerPixel;
  const samples = new Map<Edges, Promise<Pixels>>();
  const forecasts = new Map<Look, Promise<Forecast>>();

  const decodeSample = (edges: Edges) => {
    const sample = samples.get(edges) ?? toPixels(moving.render(edges, sizePx, { page: (frames - pages) >> 1, pages }));
    samples.set(edges, sample);
    return sample;
  };

  const encode = async (pixels: Pixels, look: Look, seconds: number) => {
    const shown = look.scale ? await toCoarse(pixels, sizePx, look) : fromPixels(pixels);
    return (await shown.timeout({ seconds }).webp(look.options).toBuffer()).length;
  };

  /** `withinMs` is what all frames may take: what the sample alone takes so long for is given up. */
  const toForecast = async (look: Look, withinMs: number): Promise<Forecast> => {
    const seconds = Math.min(picture.secondsLeft(), Math.ceil((withinMs / 1000) * (pages / frames)));
    const sample = await decodeSample(look.edges);
    try {
      const firstBytes = movingBytes + (await encode(toFrames(sample, { page: 0, pages: 1 }), look, seconds));
      const startedAt = performance.now();
      const bytes = await encode(sample, look, seconds);
      const frameMs = (performance.now() - startedAt) / pages;
      return { firstBytes, nextBytes: (bytes - firstBytes) / (pages - 1), frameMs };
    } catch (error) {
      if (isTimeout(error)) return hopeless;
      throw error;
    }
  };

  return {
    /** May so many frames be within the limit of bytes, and encoded within that time? */
    async allow(look: Look, count: number, withinMs = Number.POSITIVE_INFINITY): Promise<boolean> {
      if (withinMs <= 0) return false;
      if (isSmall || (look === usual.look && !isFrugal)) return true;
      const forecast = forecasts.get(look) ?? toForecast(look, withinMs);
      forecasts.set(look, forecast);
      const { firstBytes, nextBytes, frameMs } = await forecast;
      const bytes = firstBytes + nextBytes * (count - 1);
      return bytes <= limitBytes * doubt[length] && frameMs * count <= withinMs;
    },
  };
}

async function toCoarse(pixels: Pixels, sizePx: number, { edges, scale = 1 }: Look) {
  const sidePx = Math.ceil(sizePx / scale);
  return resize(await toPixels(resize(pixels, sidePx, edges)), sizePx, edges);
}
