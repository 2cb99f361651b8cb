import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { fromPixels, type ImageFile, openPicture, type Picture, toUpright } from '../src/platform/image-codec.ts';
import { createCountdown } from '../src/platform/image-countdown.ts';
import { encodeKept } from '../src/platform/image-encode.ts';
import { type SquareCrop, toCrop, toKeptSide } from '../src/platform/image-geometry.ts';
import { detectMimeType } from '../src/platform/image-header.ts';
import { cutSquare, keepAnimation, toSquares } from '../src/platform/image-variants.ts';
import { createImageProcessor } from '../src/platform/images.ts';
import { createMemoryWatch } from '../test/support/memory-watch.ts';
import { photo } from '../test/support/pictures.ts';

// What pictures cost, in CPU time and memory, beside one full decode by sharp, in turns. Usage: npm run bench:pictures [-- rounds]
const rounds = Number(process.argv[2] ?? 9);

const samples: Record<string, () => Promise<Buffer>> = {
  'JPEG, 12 megapixels': () => photo([4000, 3000]),
  // Its grain is still there when it is small.
  'the same of coarse grain': async () =>
    sharp(await photo([1000, 750]))
      .resize(4000, 3000)
      .jpeg({ quality: 88 })
      .toBuffer(),
  'the same in Display P3': async () =>
    sharp(await photo([4000, 3000]))
      .withIccProfile('p3')
      .jpeg({ quality: 88 })
      .toBuffer(),
  'PNG, 24 megapixels': async () =>
    sharp(await photo([1500, 1000]))
      .resize(6000, 4000, { kernel: 'nearest' })
      .png({ compressionLevel: 6 })
      .toBuffer(),
  'GIF, 30 frames of 500 x 500 px': makeGif,
};

async function makeGif(): Promise<Buffer> {
  const picture = await photo([600, 500]);
  const frames = Array.from({ length: 30 }, (_, at) =>
    sharp(picture)
      .extract({ left: at * 3, top: 0, width: 500, height: 500 })
      .png({ compressionLevel: 1 })
      .toBuffer(),
  );
  return sharp(await Promise.all(frames), { join: { animated: true } })
    .gif({ effort: 1 })
    .toBuffer();
}

/** The pipeline's own steps, each alone. What the full decode leaves to be freed, the whole that follows it pays. */
function toWork(bytes: Buffer): Record<string, () => Promise<unknown>> {
  const images = createImageProcessor({ timeoutS: 60 });
  return {
    'the four variants': async () => {
      const { picture, crop } = await open(bytes);
      // As many pixels as the largest of them needs.
      const sidePx = Math.ceil((512 * Math.max(picture.width, picture.height)) / crop.size);
      const upright = picture.frames > 1 ? undefined : await toUpright(picture, sidePx);
      await toSquares(picture, crop, await cutSquare(picture, crop, upright));
    },
    ...(detectMimeType(bytes) !== 'image/gif' && { 'the same by sharp alone': () => encodeByHand(bytes) }),
    'the kept copy': async () => {
      const { picture } = await open(bytes);
      const sidePx = toKeptSide(picture);
      if (picture.frames > 1) await keepAnimation(picture, sidePx);
      else await encodeKept(fromPixels(await toUpright(picture, sidePx)), picture);
    },
    'one full decode': () => sharp(bytes, { animated: true }).raw().toBuffer(),
    'the whole, decoded once': () => images.process(bytes),
  };
}

/** The least that four squares of a still picture take: one decoding to the largest, the others from its pixels. */
async function encodeByHand(bytes: Buffer): Promise<void> {
  const square = { fit: 'cover', withoutEnlargement: true } as const;
  const { data, info } = await sharp(bytes)
    .rotate()
    .resize(512, 512, square)
    .raw()
    .toBuffer({ resolveWithObject: true });
  for (const size of [512, 256, 128, 64]) {
    await sharp(data, { raw: info }).resize(size, size).webp({ quality: 80, effort: 2 }).toBuffer();
  }
}

const timing = { timeoutS: 60, lanes: 1, ...createCountdown(3600) };

async function open(bytes: Buffer): Promise<{ picture: Picture; crop: SquareCrop }> {
  const file: ImageFile = { bytes, mimeType: detectMimeType(bytes), limitBytes: bytes.length, ...timing };
  const picture = await openPicture(file);
  return { picture, crop: toCrop(picture) };
}

const median = (values: number[]) => values.sort((one, other) => one - other)[values.length >> 1] ?? 0;

async function takeCpuMs(work: () => Promise<unknown>): Promise<number> {
  const startedAt = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(startedAt);
  return (user + system) / 1000;
}

/** A server's code has long been compiled. */
async function warmUp(bytes: Buffer) {
  const steps = Object.values(toWork(bytes));
  for (let round = 0; round < 40; round++) for (const run of steps) await run();
}

/** Runs in a process that does nothing else: its memory at most, before and after. */
async function answerPeak() {
  const [path] = await once(process, 'message');
  const bytes = await readFile(path);
  const images = createImageProcessor({ timeoutS: 60 });
  const memory = createMemoryWatch();
  const beforeMb = memory.takePeakMb();
  await images.process(bytes);
  process.send?.({ beforeMb, peakMb: memory.takePeakMb() });
}

async function readPeak(bytes: Buffer): Promise<{ beforeMb: number; peakMb: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'visage-bench-'));
  const path = join(folder, 'picture');
  await writeFile(path, bytes);
  const child = fork(fileURLToPath(import.meta.url), ['peak'], { execArgv: ['--import', 'tsx'] });
  child.send(path);
  const [peak] = await once(child, 'message');
  child.disconnect();
  await rm(folder, { recursive: true });
  return peak;
}

async function printTable(name: string, bytes: Buffer) {
  const work = Object.entries(toWork(bytes));
  const taken = new Map(work.map(([step]) => [step, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const [step, run] of work) taken.get(step)?.push(await takeCpuMs(run));
  }
  const medians = new Map([...taken].map(([step, values]) => [step, median(values)]));
  const unit = medians.get('one full decode') ?? 1;
  const { beforeMb, peakMb } = await readPeak(bytes);
  const memory = `memory from ${beforeMb.toFixed(0)} to ${peakMb.toFixed(0)} MB`;
  process.stdout.write(`\n${name}, a file of ${(bytes.length / 1e6).toFixed(1)} MB; ${memory}\n`);
  for (const [step, ms] of medians) {
    process.stdout.write(
      `  ${step.padEnd(26)}${ms.toFixed(0).padStart(6)} ms CPU${(ms / unit).toFixed(2).padStart(8)}\n`,
    );
  }
}

if (process.argv[2] === 'peak') await answerPeak();
else {
  // Made before loaders are confined.
  const made = await Promise.all(Object.entries(samples).map(async ([name, make]) => [name, await make()] as const));
  await warmUp(await photo([300, 200]));
  for (const [name, bytes] of made) await printTable(name, bytes);
}
