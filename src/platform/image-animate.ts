import sharp, { type WebpOptions } from 'sharp';
import { type Edges, fromPixels, type Image, type Picture } from './image-codec.ts';
import { createForecasts } from './image-forecast.ts';
import { findMotion, type Moving, pick, resize } from './image-frames.ts';
import { type Attempt, type Look, toAttempts, usual } from './image-looks.ts';

interface Encoded {
  bytes: Buffer;
  moves: boolean;
}

/** Left for the other sizes and the kept copy: of all frames or many, and of two, which are soon encoded. */
const reserveS = { many: 4, pair: 1 } as const;

/** For publishing: in no more bytes than were uploaded, if any way leads there, and still moving. */
export async function encodeMoving(moving: Moving, picture: Picture): Promise<Buffer> {
  const workshop = createWorkshop(moving, picture);
  let best: Encoded | undefined;
  for (const attempt of toAttempts(moving.drawing)) {
    if (!(await workshop.isPromising(attempt))) continue;
    const encoded = await workshop.encode(attempt);
    if (await workshop.isGood(encoded)) return encoded.bytes;
    best = best ? better(best, encoded) : encoded;
  }
  return (best ?? (await workshop.encode(usual))).bytes;
}

function better(one: Encoded, other: Encoded): Encoded {
  if (one.moves !== other.moves) return one.moves ? one : other;
  return other.bytes.length < one.bytes.length ? other : one;
}

function createWorkshop(moving: Moving, picture: Picture) {
  const { sizePx, frames } = moving;
  const forecasts = createForecasts(moving, picture);
  const found = new Map<Edges, number>();

  const findMotionOnce = async (edges: Edges) => {
    const motionAt = found.get(edges) ?? (await findMotion(moving, edges));
    found.set(edges, motionAt);
    return motionAt;
  };

  const toStarts = async ({ look, stride }: Attempt) =>
    stride === 'pair'
      ? [0, await findMotionOnce(look.edges)]
      : Array.from({ length: Math.ceil(frames / stride) }, (_, at) => at * stride);

  const open = async ({ edges, scale }: Look, starts: number[]): Promise<{ image: Image; delay: number[] }> => {
    const isWhole = starts.length === frames && scale === undefined;
    if (isWhole) return { image: moving.open(edges, sizePx, { page: 0, pages: frames }), delay: moving.delay };
    const picked = await pick(moving, edges, Math.ceil(sizePx / (scale ?? 1)), starts);
    return { image: scale ? resize(picked.pixels, sizePx, edges) : fromPixels(picked.pixels), delay: picked.delay };
  };

  return {
    async isPromising({ look, stride }: Attempt): Promise<boolean> {
      if (stride === 'pair') return picture.secondsLeft() > reserveS.pair && (await findMotionOnce(look.edges)) > 0;
      const count = Math.ceil(frames / stride);
      if (count < 2) return false;
      const withinMs = look === usual.look ? undefined : (picture.secondsLeft() - reserveS.many) * 1000;
      return forecasts.allow(look, count, withinMs);
    },

    async encode(attempt: Attempt): Promise<Encoded> {
      const { image, delay } = await open(attempt.look, await toStarts(attempt));
      return encodeWebp(image, { ...attempt.look.options, loop: picture.animation.loop ?? 0, delay }, picture);
    },

    isGood: async ({ bytes, moves }: Encoded): Promise<boolean> =>
      bytes.length <= picture.bytes.length && (moves || (await findMotionOnce('soft')) === 0),
  };
}

/** Frames without any difference between them become one. */
async function encodeWebp(image: Image, options: WebpOptions, picture: Picture): Promise<Encoded> {
  const bytes = await image.timeout({ seconds: picture.secondsLeft() }).webp(options).toBuffer();
  const { pages = 1 } = await sharp(bytes).metadata();
  return { bytes, moves: pages > 1 };
}
