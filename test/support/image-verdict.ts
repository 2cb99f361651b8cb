import { readFile } from 'node:fs/promises';
import sharp, { type Metadata } from 'sharp';
import { UnsupportedImageError } from '../../src/errors.ts';
import type { ImageProcessor, ProcessedImage, SquareCrop } from '../../src/platform/images.ts';
import { pictureChunks, readWebpChunks } from './webp-chunks.ts';

/** What came of a file: stored, refused as it should be, or what is wrong. */
export interface ImageVerdict {
  outcome: 'stored' | 'refused' | 'wrong';
  detail: string;
}

/** What WebP itself takes for 512 px of one colour, and for two frames of one each. */
const leastBytes = { still: 54, moving: 176 } as const;

/** Feeds a file to the real pipeline, and looks at all that would be stored. */
export async function judgeImage(images: ImageProcessor, path: string): Promise<ImageVerdict> {
  const bytes = await readFile(path);
  try {
    const image = await images.process(bytes);
    const wrong = [
      ...toFaults(image, bytes.length),
      ...(await findFaultyFiles(image)),
      ...(image.animated ? await findFaultyMotion(bytes, image) : []),
    ];
    const detail = `${image.width} x ${image.height}${image.animated ? ' animated' : ''}`;
    return wrong.length > 0 ? { outcome: 'wrong', detail: wrong.join('; ') } : { outcome: 'stored', detail };
  } catch (error) {
    if (error instanceof UnsupportedImageError) return { outcome: 'refused', detail: error.message };
    return { outcome: 'wrong', detail: `it threw ${error}` };
  }
}

function toFaults(
  { variants, crop, dominantColor, thumbhash, animated }: ProcessedImage,
  uploadedBytes: number,
): string[] {
  const sizes = variants.map(({ size }) => size);
  const expected = [64, 128, 256, 512].filter((size) => size <= crop.size);
  const largest = variants.at(-1)?.bytes.length ?? 0;
  return [
    ...(`${sizes}` === `${expected.length > 0 ? expected : [crop.size]}` ? [] : [`sizes ${sizes}`]),
    ...(largest <= Math.max(uploadedBytes, leastBytes[animated ? 'moving' : 'still'])
      ? []
      : [`${largest} bytes of ${uploadedBytes}`]),
    ...(/^#[0-9a-f]{6}$/.test(dominantColor) ? [] : [`dominant colour ${dominantColor}`]),
    ...(Buffer.from(thumbhash, 'base64').length >= 5 ? [] : ['no thumbhash']),
  ];
}

async function findFaultyFiles({ variants, source, animated }: ProcessedImage): Promise<string[]> {
  const squares = variants.flatMap(({ size, bytes, still }) => [
    { name: `${size} px`, bytes, widthPx: size, heightPx: size },
    ...(still ? [{ name: `still of ${size} px`, bytes: still, widthPx: size, heightPx: size }] : []),
  ]);
  const files = [...squares, { name: 'kept copy', bytes: source, widthPx: undefined, heightPx: undefined }];
  const faults = await Promise.all(
    files.map(async (file) => (await findFaults(file)).map((it) => `${file.name}: ${it}`)),
  );
  const stills = variants.filter(({ still }) => still).length;
  return [...faults.flat(), ...(stills === (animated ? variants.length : 0) ? [] : [`${stills} stills`])];
}

/** The largest variant moves where the upload does, and as long. Frames without any difference between them are one. */
async function findFaultyMotion(uploaded: Buffer, { variants, crop }: ProcessedImage): Promise<string[]> {
  const largest = variants.at(-1)?.bytes ?? uploaded;
  const [before, after] = [await sharp(uploaded).metadata(), await sharp(largest).metadata()];
  const isUpright = (before.orientation ?? 1) === 1;
  const [moved, moves] = [await doesMove(uploaded, isUpright ? crop : undefined), await doesMove(largest)];
  if (moved !== moves) return [`moved: ${moved}, moves: ${moves}`];
  const [totalMs, expectedMs] = [toTotalMs(after), toTotalMs(before)];
  return !moves || totalMs === expectedMs ? [] : [`${totalMs} ms of ${expectedMs}`];
}

/** A frame is shown for 65,535 ms at most, and for 100 where nothing is said. */
const toTotalMs = ({ delay = [] }: Metadata) => delay.reduce((sum, ms) => sum + Math.min(ms || 100, 0xffff), 0);

async function doesMove(bytes: Buffer, crop?: SquareCrop): Promise<boolean> {
  const all = sharp(bytes, { animated: true });
  const square = crop ? all.extract({ left: crop.left, top: crop.top, width: crop.size, height: crop.size }) : all;
  const { data, info } = await square.raw().toBuffer({ resolveWithObject: true });
  const frameBytes = info.width * (info.pageHeight ?? info.height) * info.channels;
  const first = data.subarray(0, frameBytes);
  const starts = Array.from({ length: data.length / frameBytes }, (_, at) => at * frameBytes);
  return starts.some((at) => !first.equals(data.subarray(at, at + frameBytes)));
}

interface StoredFile {
  bytes: Buffer;
  /** Left out: at most 2,048 px. */
  widthPx: number | undefined;
  heightPx: number | undefined;
}

async function findFaults({ bytes, widthPx, heightPx }: StoredFile): Promise<string[]> {
  const strange = readWebpChunks(bytes).filter((name) => !pictureChunks.includes(name));
  const { width, height, format } = await sharp(bytes).metadata();
  // Decoding all of it shows that it is whole.
  await sharp(bytes, { animated: true }).stats();
  const fits = width === (widthPx ?? width) && height === (heightPx ?? height) && Math.max(width, height) <= 2048;
  return [
    ...(strange.length > 0 ? [`metadata in ${strange}`] : []),
    ...(format === 'webp' && fits ? [] : [`${format} of ${width} x ${height}`]),
  ];
}
