import sharp, { type WebpOptions } from 'sharp';
import { fromPixels, type Image, isTimeout, type Picture, toPixels } from './image-codec.ts';

/** Effort 3 and above doubles the CPU time for 6 % fewer bytes; effort 1 saves a third of it for 15 % more. */
export const publicWebp: WebpOptions = { quality: 80, effort: 2 };
const lossless: WebpOptions = { lossless: true, effort: 2 };
/** Takes a hundred times as long, which pictures bear that consist of hardly anything. */
export const smallest: WebpOptions = { lossless: true, quality: 100, effort: 6 };
const hardlyAnythingBytes = 200;
/** For what came in fewer bytes than all that: it looks no better itself. */
export const frugalWebps: WebpOptions[] = [50, 20, 5].map((quality) => ({ quality, alphaQuality: quality, effort: 4 }));
/** Edges that were hard are soft where a drawing was made smaller; with as few colours as it had, they are hard again. */
const fewColours = [16, 8, 4, 2];
/** Of a photo that came in fewer bytes than its outlines would take: what is seen of it from afar. */
const coarse = [4, 8, 16, 32, 64, 128];
/** Seen only through variants made from it: the cheapest effort, and a quality that bears being encoded again. */
const keptWebp: WebpOptions = { quality: 85, effort: 0 };

/** The most that a drawing takes which is one: 150 frames of 632 px a second, and not much more than the upload. */
const keptDrawing = { seconds: 3, timesUpload: 4 } as const;

/** For keeping: cheap to make, good enough to be cropped and encoded again. */
export const encodeKept = (image: Image, picture: Picture): Promise<Buffer> =>
  image
    .timeout({ seconds: picture.secondsLeft() })
    .webp({ ...keptWebp, ...picture.animation })
    .toBuffer();

/**
 * For keeping a drawing that moves: without loss, which takes a fraction of the time and bytes, and lets edges be hard again.
 * Answers undefined where it takes more than that: it was no drawing between the frames that were looked at.
 */
export async function encodeKeptDrawing(image: Image, picture: Picture): Promise<Buffer | undefined> {
  const seconds = Math.min(keptDrawing.seconds, Math.ceil(picture.secondsLeft() / 2));
  try {
    const bytes = await image
      .timeout({ seconds })
      .webp({ lossless: true, effort: 1, ...picture.animation })
      .toBuffer();
    return bytes.length <= picture.limitBytes * keptDrawing.timesUpload ? bytes : undefined;
  } catch (error) {
    if (isTimeout(error)) return undefined;
    throw error;
  }
}

/** For publishing: a drawing without loss where that is smaller, and in no more bytes than were uploaded if any way leads there. */
export async function encodeStill(image: Image, picture: Picture): Promise<Buffer> {
  const encode = (options: WebpOptions) =>
    image.clone().timeout({ seconds: picture.secondsLeft() }).webp(options).toBuffer();
  let best: Buffer = await encode(publicWebp);
  if (picture.drawing) best = shorter(best, await encode(lossless));
  for (const attempt of [
    ...(best.length < hardlyAnythingBytes ? [() => encode(smallest)] : []),
    ...(picture.drawing ? fewColours.map((colours) => () => encodeFewColours(image, colours, picture)) : []),
    ...(picture.drawing ? frugalWebps : [lossless, ...frugalWebps]).map((options) => () => encode(options)),
    ...coarse.map((scale) => () => encodeCoarse(image, scale, picture)),
  ]) {
    if (best.length <= picture.limitBytes) break;
    best = shorter(best, await attempt());
  }
  return best;
}

/** Without dithering, which would be noise to keep. sharp reduces colours for PNG alone. */
async function encodeFewColours(image: Image, colours: number, picture: Picture): Promise<Buffer> {
  const seconds = () => ({ seconds: picture.secondsLeft() });
  const reduced = await image
    .clone()
    .timeout(seconds())
    .png({ palette: true, colours, dither: 0, compressionLevel: 0 })
    .toBuffer();
  return sharp(reduced).timeout(seconds()).webp({ lossless: true, effort: 6 }).toBuffer();
}

/** Made smaller by `scale`, and as large again. */
async function encodeCoarse(image: Image, scale: number, picture: Picture): Promise<Buffer> {
  const seconds = () => ({ seconds: picture.secondsLeft() });
  const pixels = await toPixels(image.clone().timeout(seconds()));
  const sidePx = Math.ceil(pixels.width / scale);
  const small = await toPixels(fromPixels(pixels).resize(sidePx, sidePx));
  return fromPixels(small)
    .resize(pixels.width, pixels.height)
    .timeout(seconds())
    .webp({ quality: 1, alphaQuality: 1, effort: 4 })
    .toBuffer();
}

const shorter = (one: Buffer, other: Buffer) => (other.length < one.length ? other : one);
