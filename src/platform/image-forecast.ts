import { type Edges, fromPixels, type Picture, type Pixels, toFrames, toPixels } from './image-codec.ts';
import { type Moving, resize } from './image-frames.ts';
import { type Look, usual } from './image-looks.ts';

/** What a sample tells of a look: bytes of a first frame and of each further one, and the time for one. */
interface Forecast {
  firstBytes: number;
  nextBytes: number;
  frameMs: number;
}

/** To encode all of a long animation in each way would take longer than it has. */
const sampleFrames = 8;
/** What the first frame of several takes more than a still picture: VP8X, ANIM and ANMF. WebP container specification. */
const movingBytes = 18 + 14 + 24;
/** What came in more bytes for each pixel is hardly ever larger as it is usually encoded: a sample would be in vain. */
const frugalBytesPerPixel = 0.1;

/** Tells which looks of a long animation are worth trying. */
export function createForecasts(moving: Moving, picture: Picture) {
  const { frames, sizePx } = moving;
  const limitBytes = picture.bytes.length;
  const isShort = frames <= 2 * sampleFrames;
  const isFrugal = limitBytes < sizePx * sizePx * frames * frugalBytesPerPixel;
  const samples = new Map<Edges, Promise<Pixels>>();
  const forecasts = new Map<Look, Promise<Forecast>>();

  const decodeSample = (edges: Edges) => {
    const range = { page: (frames - sampleFrames) >> 1, pages: sampleFrames };
    const sample = samples.get(edges) ?? toPixels(moving.open(edges, sizePx, range));
    samples.set(edges, sample);
    return sample;
  };

  const encode = async (pixels: Pixels, look: Look) => {
    const shown = look.scale ? await toCoarse(pixels, sizePx, look) : fromPixels(pixels);
    return (await shown.timeout({ seconds: picture.secondsLeft() }).webp(look.options).toBuffer()).length;
  };

  const toForecast = async (look: Look): Promise<Forecast> => {
    const sample = await decodeSample(look.edges);
    const firstBytes = movingBytes + (await encode(toFrames(sample, { page: 0, pages: 1 }), look));
    const startedAt = performance.now();
    const bytes = await encode(sample, look);
    const frameMs = (performance.now() - startedAt) / sampleFrames;
    return { firstBytes, nextBytes: (bytes - firstBytes) / (sampleFrames - 1), frameMs };
  };

  return {
    /** May so many frames be within the limit of bytes, and encoded within that time? */
    async allow(look: Look, count: number, withinMs = Number.POSITIVE_INFINITY): Promise<boolean> {
      if (withinMs <= 0) return false;
      if (isShort || (look === usual.look && !isFrugal)) return true;
      const forecast = forecasts.get(look) ?? toForecast(look);
      forecasts.set(look, forecast);
      const { firstBytes, nextBytes, frameMs } = await forecast;
      return firstBytes + nextBytes * (count - 1) <= limitBytes && frameMs * count <= withinMs;
    },
  };
}

async function toCoarse(pixels: Pixels, sizePx: number, { edges, scale = 1 }: Look) {
  const sidePx = Math.ceil(sizePx / scale);
  return resize(await toPixels(resize(pixels, sidePx, edges)), sizePx, edges);
}
