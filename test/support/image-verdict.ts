import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { UnsupportedImageError } from '../../src/errors.ts';
import type { ImageProcessor, ProcessedImage } from '../../src/platform/images.ts';
import { pictureChunks, readWebpChunks } from './webp-chunks.ts';

/** What came of a file: stored, refused as it should be, or what is wrong. */
export interface ImageVerdict {
  outcome: 'stored' | 'refused' | 'wrong';
  detail: string;
}

/** A picture of one colour, whatever its size. */
const leastBytes = 64;

/** Feeds a file to the real pipeline, and looks at all that would be stored. */
export async function judgeImage(images: ImageProcessor, path: string): Promise<ImageVerdict> {
  const bytes = await readFile(path);
  try {
    const image = await images.process(bytes);
    const wrong = [...toFaults(image, bytes.length), ...(await findFaultyFiles(image))];
    const detail = `${image.width} x ${image.height}${image.animated ? ' animated' : ''}`;
    return wrong.length > 0 ? { outcome: 'wrong', detail: wrong.join('; ') } : { outcome: 'stored', detail };
  } catch (error) {
    if (error instanceof UnsupportedImageError) return { outcome: 'refused', detail: error.message };
    return { outcome: 'wrong', detail: `it threw ${error}` };
  }
}

function toFaults({ variants, crop, dominantColor, thumbhash }: ProcessedImage, uploadedBytes: number): string[] {
  const sizes = variants.map(({ size }) => size);
  const expected = [64, 128, 256, 512].filter((size) => size <= crop.size);
  const largest = variants.at(-1)?.bytes.length ?? 0;
  return [
    ...(`${sizes}` === `${expected.length > 0 ? expected : [crop.size]}` ? [] : [`sizes ${sizes}`]),
    ...(largest <= Math.max(uploadedBytes, leastBytes) ? [] : [`${largest} bytes of ${uploadedBytes}`]),
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
