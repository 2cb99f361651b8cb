import sharp, { type WebpOptions } from 'sharp';
import { type Edges, fromPixels, type Image, isTimeout, type Picture, toPixels, toRgba } from './image-codec.ts';
import { type Countdown, createCountdown } from './image-countdown.ts';
import { createForecasts } from './image-forecast.ts';
import { findMotion, type Moving, pick, resize, toStrideStarts } from './image-frames.ts';
import { type Attempt, type Look, toAttempts, usual } from './image-looks.ts';

interface Encoded {
  bytes: Buffer;
  moves: boolean;
}

/** An animation as it is shown, and what led there. */
export interface Shown {
  bytes: Buffer;
  attempt: Attempt;
}

/** Left by what the largest size is tried with, for the other sizes and the kept copy; and by what takes little. */
const reserveS = { largest: 4, others: 1 } as const;
/** Of 255: by how much the mean of a frame may change with its edges. */
const unseenChange = 32;

/**
 * For publishing: in no more bytes than were uploaded, if any way leads there, and still moving. As many frames as the largest
 * size has are tried early for the others, which then move alike.
 */
export async function encodeMoving(
  moving: Moving,
  picture: Picture,
  ofLargest?: Shown | Promise<Shown>,
): Promise<Shown> {
  const workshop = createWorkshop(moving, picture, ofLargest ? reserveS.others : reserveS.largest);
  let best: (Encoded & Shown) | undefined;
  try {
    for await (const attempt of inOrder(moving, ofLargest)) {
      const encoded = (await workshop.isPromising(attempt)) && (await workshop.tryIt(attempt));
      if (!encoded) continue;
      const tried = { ...encoded, attempt };
      best = best ? better(best, tried) : tried;
      if (await workshop.isGood(encoded)) return tried;
    }
  } catch (error) {
    if (!best || !isTimeout(error)) throw error;
  }
  return best ?? { bytes: (await workshop.encode(usual)).bytes, attempt: usual };
}

async function* inOrder({ drawing }: Moving, ofLargest: Shown | Promise<Shown> | undefined): AsyncGenerator<Attempt> {
  yield usual;
  const attempts = toAttempts(drawing);
  if (!ofLargest) return yield* attempts;
  const { stride } = (await ofLargest).attempt;
  yield* attempts.filter((attempt) => attempt.stride === stride);
  yield* attempts.filter((attempt) => attempt.stride !== stride);
}

function better<Made extends Encoded>(one: Made, other: Made): Made {
  if (one.moves !== other.moves) return one.moves ? one : other;
  return other.bytes.length < one.bytes.length ? other : one;
}

function createWorkshop(moving: Moving, picture: Picture, reserveOfManyS: number) {
  const { sizePx, frames } = moving;
  const forecasts = createForecasts(moving, picture);
  const found = new Map<Edges, number>();

  const findMotionOnce = async (edges: Edges) => {
    const motionAt = found.get(edges) ?? (await findMotion(moving, edges));
    found.set(edges, motionAt);
    return motionAt;
  };

  const toStarts = async ({ look, stride }: Attempt) =>
    stride === 'pair' ? [0, await findMotionOnce(look.edges)] : toStrideStarts(moving, stride);

  const prepare = async (
    look: Look,
    starts: number[],
    within: Countdown,
  ): Promise<{ image: Image; delay: number[] }> => {
    const { edges, scale } = look;
    const isWhole = starts.length === frames && scale === undefined;
    if (isWhole) return { image: moving.render(edges, sizePx, { page: 0, pages: frames }), delay: moving.delay };
    const picked = await pick(moving, edges, Math.ceil(sizePx / (scale ?? 1)), starts, within);
    return { image: scale ? resize(picked.pixels, sizePx, edges) : fromPixels(picked.pixels), delay: picked.delay };
  };

  const encode = async (attempt: Attempt, within: Countdown = picture): Promise<Encoded> => {
    const { image, delay } = await prepare(attempt.look, await toStarts(attempt), within);
    return encodeWebp(image.timeout({ seconds: within.secondsLeft() }), {
      ...attempt.look.options,
      loop: picture.animation.loop ?? 0,
      delay,
    });
  };

  /** Fine patterns flicker where each pixel is one of several: frames are all of the one colour in turns with the other. */
  const isFaithful = async ({ bytes }: Encoded, starts: number[]) => {
    const { pages = 1 } = await sharp(bytes).metadata();
    const [shown, meant] = await Promise.all([
      Promise.all([0, pages - 1].map((page) => toMean(sharp(bytes, { page })))),
      Promise.all([0, starts.at(-1) ?? 0].map((page) => toMean(moving.render('soft', sizePx, { page, pages: 1 })))),
    ]);
    return shown.every((mean, at) =>
      mean.every((value, channel) => Math.abs(value - (meant[at]?.[channel] ?? 0)) <= unseenChange),
    );
  };

  return {
    async isPromising({ look, stride }: Attempt): Promise<boolean> {
      if (stride === 'pair') return picture.msLeft() > 2000 * reserveS.others && (await findMotionOnce(look.edges)) > 0;
      const count = Math.ceil(frames / stride);
      if (count < 2) return false;
      const withinMs = look === usual.look ? undefined : picture.msLeft() - reserveOfManyS * 1000;
      return forecasts.allow(look, count, withinMs);
    },

    encode,

    /** Answers undefined where that takes longer than there is time for, or becomes something else. */
    async tryIt(attempt: Attempt): Promise<Encoded | undefined> {
      if (attempt === usual) return encode(attempt);
      const seconds = picture.msLeft() / 1000 - (attempt.stride === 'pair' ? reserveS.others : reserveOfManyS);
      const within = createCountdown(Math.floor(seconds));
      try {
        const encoded = await encode(attempt, within);
        const isSure = attempt.look.edges === 'soft' || (await isFaithful(encoded, await toStarts(attempt)));
        return isSure ? encoded : undefined;
      } catch (error) {
        if (isTimeout(error)) return;
        throw error;
      }
    },

    isGood: async ({ bytes, moves }: Encoded): Promise<boolean> =>
      bytes.length <= picture.limitBytes && (moves || (await findMotionOnce('soft')) === 0),
  };
}

/** The mean of all pixels, as one. */
const toMean = async (frame: Image) => toRgba(await toPixels(frame), 1);

/** Frames without any difference between them become one. */
async function encodeWebp(image: Image, options: WebpOptions): Promise<Encoded> {
  const bytes = await image.webp(options).toBuffer();
  const { pages = 1 } = await sharp(bytes).metadata();
  return { bytes, moves: pages > 1 };
}
