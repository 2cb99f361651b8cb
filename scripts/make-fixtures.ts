import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { flatJpeg } from '../test/support/flat-jpeg.ts';
import { movingDrawing } from '../test/support/moving-drawings.ts';
import * as odd from '../test/support/odd-pictures.ts';
import {
  gifOfFrames,
  interlacedPng,
  orientedJpeg,
  pngChunk,
  pngThatSays,
  quarters,
  redWithProfile,
  secretWord,
  svg,
  transparentPng,
} from '../test/support/pictures.ts';

// Makes test/fixtures/images anew: hostile and odd pictures of our own. Usage: node --import tsx scripts/make-fixtures.ts
const folder = 'test/fixtures/images';
type Fixtures = Record<string, Buffer>;

const base = quarters([96, 64]);
const png = await base.clone().png().toBuffer();
const jpeg = await base.clone().jpeg({ quality: 80 }).toBuffer();
const gif = await (await odd.blinking(png)).gif({ delay: [50, 70] }).toBuffer();
const webp = await base.clone().webp({ quality: 80 }).toBuffer();
const movingWebp = await (await odd.blinking(png)).webp({ lossless: true, delay: [50, 70] }).toBuffer();
const alpha = sharp(await transparentPng([80, 80]));

async function makeJpegs(): Promise<Fixtures> {
  const orientations = await Promise.all(
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 200].map(async (orientation) => {
      return [`orientation-${orientation}-gps.jpg`, await orientedJpeg(orientation, [90, 60])] as const;
    }),
  );
  const progressive = await base.clone().jpeg({ progressive: true }).toBuffer();
  const flat = { width: 48, height: 32, colour: [120] };
  return {
    ...Object.fromEntries(orientations),
    'progressive.jpg': progressive,
    'progressive-first-scans.jpg': progressive.subarray(0, progressive.lastIndexOf(Buffer.from([0xff, 0xda]))),
    'grey.jpg': await base.clone().greyscale().jpeg().toBuffer(),
    'full-colour-resolution.jpg': await base.clone().jpeg({ chromaSubsampling: '4:4:4' }).toBuffer(),
    'cmyk.jpg': await sharp(png).toColourspace('cmyk').jpeg().toBuffer(),
    'ycck.jpg': odd.ycck(),
    'rgb-without-conversion.jpg': flatJpeg({ ...flat, colour: [220, 40, 40], adobeTransform: 0 }),
    'two-components.jpg': flatJpeg({ ...flat, colour: [220, 40] }),
    'bits-12.jpg': flatJpeg({ ...flat, bits: 12 }),
    'lossless.jpg': flatJpeg({ ...flat, frame: 0xc3 }),
    'arithmetic.jpg': flatJpeg({ ...flat, frame: 0xc9 }),
    'hierarchical.jpg': flatJpeg({ ...flat, frame: 0xc5 }),
    'scans-60.jpg': odd.manyScans(60),
    'scans-101.jpg': odd.manyScans(101),
    'scans-1000.jpg': odd.manyScans(1000),
    'no-pixels.jpg': flatJpeg({ ...flat, width: 0 }),
    'no-lines.jpg': flatJpeg({ ...flat, height: 0 }),
    'flat-65500-wide.jpg': flatJpeg({ ...flat, width: 65_500, height: 8 }),
    'says-65500-square.jpg': patched(flatJpeg(flat), [0xff, 0xc0], 5, [0xff, 0xdc, 0xff, 0xdc]),
    'comment.jpg': odd.withJpegSegment(jpeg, 0xfe, Buffer.from(secretWord)),
    'broken-exif.jpg': odd.withJpegSegment(jpeg, 0xe1, Buffer.from('Exif\0\0MM\0*\xff\xff\xff\xff', 'latin1')),
    'broken-profile.jpg': odd.withJpegSegment(jpeg, 0xe2, Buffer.from('ICC_PROFILE\0\x01\x01no profile')),
    'no-tables.jpg': patched(jpeg, [0xff, 0xdb], 1, [0xfe]),
    'ends-in-a-page.jpg': Buffer.concat([jpeg, Buffer.from(`<html><script>${secretWord}</script>`)]),
    'twice.jpg': Buffer.concat([jpeg, jpeg]),
  };
}

async function makePngs(): Promise<Fixtures> {
  const line = (bytes: number) => Buffer.concat([Buffer.from([0]), Buffer.alloc(bytes, 0x5a)]);
  const lines = (count: number, bytes: number) => Buffer.concat(Array.from({ length: count }, () => line(bytes)));
  const animation = [
    pngChunk('acTL', Buffer.from([0, 0, 0, 2, 0, 0, 0, 0])),
    pngChunk('tEXt', Buffer.from(`Comment\0${secretWord}`)),
  ];
  const bomb = deflateSync(Buffer.alloc(20_000_000), { level: 9 });
  const palette = pngChunk('PLTE', Buffer.from([220, 40, 40, 40, 70, 220]));
  return {
    'wrong-extension.jpg': png,
    'pixel.png': await quarters([1, 1]).png().toBuffer(),
    'line-1x10000.png': odd.rawPng({ width: 1, height: 10_000, bits: 8, colourType: 2 }, lines(10_000, 3)),
    'line-10000x1.png': odd.rawPng({ width: 10_000, height: 1, bits: 8, colourType: 2 }, line(30_000)),
    'bits-1.png': odd.rawPng({ width: 80, height: 80, bits: 1, colourType: 0 }, lines(80, 10)),
    'bits-2.png': odd.rawPng({ width: 80, height: 80, bits: 2, colourType: 0 }, lines(80, 20)),
    'bits-4.png': odd.rawPng({ width: 80, height: 80, bits: 4, colourType: 0 }, lines(80, 40)),
    'grey-16.png': odd.rawPng({ width: 80, height: 80, bits: 16, colourType: 0 }, lines(80, 160)),
    'grey-alpha-16.png': odd.rawPng({ width: 80, height: 80, bits: 16, colourType: 4 }, lines(80, 320)),
    'grey-alpha.png': odd.rawPng({ width: 80, height: 80, bits: 8, colourType: 4 }, lines(80, 160)),
    'rgba-16.png': odd.rawPng({ width: 80, height: 80, bits: 16, colourType: 6 }, lines(80, 640)),
    'palette.png': odd.rawPng({ width: 80, height: 80, bits: 1, colourType: 3 }, lines(80, 10), [palette]),
    'palette-transparent.png': odd.rawPng({ width: 80, height: 80, bits: 1, colourType: 3 }, lines(80, 10), [
      palette,
      pngChunk('tRNS', Buffer.from([0, 128])),
    ]),
    'palette-missing.png': odd.rawPng({ width: 80, height: 80, bits: 1, colourType: 3 }, lines(80, 10)),
    'palette-too-short.png': odd.rawPng({ width: 80, height: 80, bits: 4, colourType: 3 }, lines(80, 40), [palette]),
    'bits-of-another-type.png': odd.rawPng({ width: 80, height: 80, bits: 4, colourType: 2 }, lines(80, 120)),
    'unknown-filter.png': odd.rawPng({ width: 80, height: 80, bits: 8, colourType: 0 }, Buffer.alloc(81 * 80, 0x77)),
    'too-few-lines.png': odd.rawPng({ width: 80, height: 80, bits: 8, colourType: 0 }, lines(40, 80)),
    'too-many-lines.png': odd.rawPng({ width: 80, height: 80, bits: 8, colourType: 0 }, lines(160, 80)),
    'interlaced.png': await sharp(await interlacedPng())
      .resize(120)
      .png({ progressive: true })
      .toBuffer(),
    'interlaced-50-megapixels-16-bits.png': odd.rawPng(
      { width: 8000, height: 6250, bits: 16, colourType: 6, interlaced: true },
      Buffer.alloc(1000),
    ),
    'adobe-rgb.png': odd.pngWithProfile('wide', [200, 60, 60]),
    'linear-grey.png': odd.pngWithProfile('linear grey', [55]),
    'profile-of-another-type.png': odd.withPngChunks(await base.clone().greyscale().png().toBuffer(), [
      pngChunk('iCCP', Buffer.concat([Buffer.from('x\0\0'), deflateSync(Buffer.from('no profile'))])),
    ]),
    'profile-bomb.png': odd.withPngChunks(png, [pngChunk('iCCP', Buffer.concat([Buffer.from('x\0\0'), bomb]))]),
    'text-bomb.png': odd.withPngChunks(png, [pngChunk('zTXt', Buffer.concat([Buffer.from('x\0\0'), bomb]))]),
    'text.png': odd.withPngChunks(png, [pngChunk('tEXt', Buffer.from(`Comment\0${secretWord}`))]),
    'animated.png': odd.withPngChunks(png, animation),
    'no-pixels.png': pngThatSays([0, 0]),
    'empty.png': pngThatSays([10, 10]),
    'says-100000x20000.png': pngThatSays([100_000, 20_000]),
    'says-2147483647-square.png': pngThatSays([2_147_483_647, 2_147_483_647]),
    'checksum-of-header.png': flipped(png, 30),
    'checksum-of-pixels.png': flipped(png, png.length - 14),
    'no-end.png': png.subarray(0, -12),
    'two-headers.png': Buffer.concat([png.subarray(0, 33), png.subarray(8)]),
    'p3-16.png': await redWithProfile('p3', 16),
    'orientation-6.png': await odd.tagged('png', 6),
    'alpha.png': await alpha.clone().png().toBuffer(),
    'transparent.png': odd.rawPng({ width: 80, height: 80, bits: 8, colourType: 6 }, Buffer.alloc(321 * 80)),
  };
}

async function makeAnimations(): Promise<Fixtures> {
  const square = { left: 0, top: 0, side: 16 as const, colour: 1 as const, disposal: 1 };
  const disposals = [0, 1, 2, 3, 7].map(
    (disposal) =>
      [
        `disposal-${disposal}.gif`,
        odd.gifOfSquares(
          [square, { ...square, left: 8, top: 8, colour: 2, disposal }, { ...square, left: 16, colour: 3 }],
          0,
        ),
      ] as const,
  );
  return {
    ...Object.fromEntries(disposals),
    'moving.gif': gif,
    'moving-disc.gif': await movingDrawing({ motif: 'disc', side: 65, frames: 10, type: 'gif' }),
    'moving-disc-520.gif': await movingDrawing({ motif: 'disc', side: 520, frames: 4, type: 'gif' }),
    'moving-strokes.gif': await movingDrawing({ motif: 'strokes', side: 130, frames: 5, type: 'gif' }),
    'moving-pixel-150-frames.gif': await movingDrawing({ motif: 'one pixel', side: 70, frames: 150, type: 'gif' }),
    'pixel.gif': gifOfFrames(1, [1, 1]),
    'frames-150.gif': gifOfFrames(150, [20, 20]),
    'frames-151.gif': gifOfFrames(151, [20, 20]),
    'frames-3000-on-30-megapixels.gif': gifOfFrames(3000, [6000, 5000]),
    'frame-outside.gif': odd.gifOfSquares([square, { ...square, left: 200, top: 200 }]),
    'frame-over-the-edge.gif': odd.gifOfSquares([square, { ...square, left: 24, top: 24 }]),
    'transparent-frame.gif': odd.gifOfSquares([square, { ...square, colour: 2, transparent: 2 }]),
    'longest-delay.gif': odd.gifOfSquares(
      [
        { ...square, delay: 65_535 },
        { ...square, colour: 2, delay: 0 },
      ],
      65_535,
    ),
    'no-end.gif': gif.subarray(0, -1),
    'no-frames.gif': gifOfFrames(0, [20, 20]),
    'no-canvas.gif': patched(gifOfFrames(2, [20, 20]), [...Buffer.from('GIF89a')], 6, [0, 0, 0, 0]),
    'code-size-of-12.gif': patched(gifOfFrames(1, [20, 20]), [1, 0, 1, 0, 0, 2], 5, [12]),
    'comment.gif': Buffer.concat([
      gifOfFrames(1, [20, 20]).subarray(0, -1),
      Buffer.from([0x21, 0xfe, 11]),
      Buffer.from(`${secretWord}\0;`),
    ]),
    'ends-in-a-program.gif': Buffer.concat([gif, Buffer.from(`<?php echo '${secretWord}';`)]),
  };
}

async function makeWebps(): Promise<Fixtures> {
  const orientations = await Promise.all(
    [2, 3, 6, 8].map(
      async (orientation) => [`orientation-${orientation}.webp`, await odd.tagged('webp', orientation)] as const,
    ),
  );
  const moving = await Promise.all(
    [2, 3, 5, 6, 8].map(
      async (orientation) =>
        [`moving-orientation-${orientation}.webp`, await odd.tagged('animated webp', orientation)] as const,
    ),
  );
  return {
    ...Object.fromEntries([...orientations, ...moving]),
    'lossy.webp': webp,
    'lossless.webp': await base.clone().webp({ lossless: true }).toBuffer(),
    'lossy-alpha.webp': await alpha.clone().webp().toBuffer(),
    'lossless-alpha.webp': await alpha.clone().webp({ lossless: true }).toBuffer(),
    'moving.webp': movingWebp,
    'moving-disc.webp': await movingDrawing({ motif: 'disc', side: 520, frames: 10, type: 'webp' }),
    'moving-150-frames-on-60-megapixels.webp': await movingDrawing({
      motif: 'disc',
      side: 632,
      frames: 150,
      type: 'webp',
    }),
    'moving-frames-of-4-megapixels.webp': await movingDrawing({
      motif: 'one pixel',
      side: 1999,
      frames: 10,
      type: 'webp',
    }),
    'moving-strokes.webp': await movingDrawing({ motif: 'strokes', side: 300, frames: 12, type: 'webp' }),
    'moving-checkerboard.webp': await movingDrawing({ motif: 'checkerboard', side: 130, frames: 5, type: 'webp' }),
    'moving-finest-checkerboard.webp': await movingDrawing({
      motif: 'finest checkerboard',
      side: 520,
      frames: 4,
      type: 'webp',
    }),
    'moving-pixel.webp': await movingDrawing({ motif: 'one pixel', side: 100, frames: 30, type: 'webp' }),
    'one-colour.webp': await sharp({ create: { width: 520, height: 520, channels: 3, background: '#345678' } })
      .webp({ lossless: true, quality: 100, effort: 6 })
      .toBuffer(),
    'flat-48-megapixels.webp': await sharp({
      create: { width: 8000, height: 6000, channels: 3, background: '#345678' },
    })
      .webp({ lossless: true, effort: 0 })
      .toBuffer(),
    'unknown-chunks.webp': odd.withWebpChunks(movingWebp, ['EXIF', 'XMP ', 'WHAT']),
    'longer-than-it-says.webp': Buffer.concat([webp, Buffer.from(secretWord)]),
    'shorter-than-it-says.webp': patched(webp, [...Buffer.from('RIFF')], 4, [0xff, 0xff, 0xff, 0x7f]),
    'no-picture.webp': Buffer.from('RIFF\x04\0\0\0WEBP'),
    'says-16384-square.webp': patched(movingWebp, [...Buffer.from('VP8X')], 12, [0xff, 0x3f, 0, 0xff, 0x3f, 0]),
  };
}

const makeStrangers = (): Fixtures => ({
  'empty.jpg': Buffer.alloc(0),
  'drawing.svg': svg(),
  'drawing-named.png': svg(),
  'page.gif': Buffer.from('<!DOCTYPE html><script>1</script>'),
  'document.jpg': Buffer.from('%PDF-1.7\n\0\x01'),
  'archive.png': Buffer.from('PK\x03\x04'),
  'phone.jpg': Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic'),
  'film.jpg': Buffer.from('\0\0\0\x18ftypisom\0\0\0\0mp42'),
  'small.avif': Buffer.from('\0\0\0\x1cftypavif\0\0\0\0'),
  'layers.jpg': Buffer.from('II*\0\x08\0\0\0'),
  'magick.jpg': Buffer.from('push graphic-context\nfill "url(https://example.com)"\n'),
  'random.jpg': odd.randomBytes(4000, 1),
  'random-after-signature.png': Buffer.concat([png.subarray(0, 33), odd.randomBytes(2000, 2)]),
  'gif-then-script.gif': Buffer.from('GIF89a=1;alert(1)//'),
});

/** Cut at several places, and with some bytes changed: what a broken connection, a broken disk and a fuzzer leave. */
function makeDamaged(): Fixtures {
  const wholes = { jpg: jpeg, png, gif, webp, 'moving.webp': movingWebp };
  const cut = Object.entries(wholes).flatMap(([name, whole]) =>
    [0.01, 0.05, 0.2, 0.5, 0.8, 0.99].map(
      (part) => [`cut/${part * 100}-percent.${name}`, whole.subarray(0, Math.ceil(whole.length * part))] as const,
    ),
  );
  const mutated = Object.entries(wholes).flatMap(([name, whole]) =>
    Array.from(
      { length: 12 },
      (_, seed) => [`mutated/${String(seed).padStart(2, '0')}.${name}`, mutate(whole, seed)] as const,
    ),
  );
  return Object.fromEntries([...cut, ...mutated]);
}

function mutate(whole: Buffer, seed: number): Buffer {
  const random = odd.createRandom(seed);
  const mutated = Buffer.from(whole);
  // The first bytes decide the type; the rest of the header is hit more often than chance would.
  const reach = seed % 2 === 0 ? Math.min(whole.length, 120) : whole.length;
  for (let change = 0; change <= seed % 6; change++) {
    mutated[12 + Math.floor(random() * (reach - 12))] = Math.floor(random() * 256);
  }
  return mutated;
}

/** Other bytes at some distance from where a pattern first is. */
function patched(whole: Buffer, pattern: number[], distance: number, bytes: number[]): Buffer {
  const changed = Buffer.from(whole);
  changed.set(bytes, whole.indexOf(Buffer.from(pattern)) + distance);
  return changed;
}

const flipped = (whole: Buffer, at: number) => patched(whole, [...whole.subarray(0, 8)], at, [(whole[at] ?? 0) ^ 0xff]);

await rm(folder, { recursive: true, force: true });
const all = [await makeJpegs(), await makePngs(), await makeAnimations(), await makeWebps(), makeStrangers()];
const names = ['jpeg', 'png', 'gif', 'webp', 'strangers'];
const files = Object.entries(
  Object.assign(
    {},
    ...all.map((made, at) => withFolder(names[at] ?? '', made)),
    withFolder('damaged', makeDamaged()),
  ) as Fixtures,
);
for (const [name, bytes] of files) {
  await mkdir(dirname(join(folder, name)), { recursive: true });
  await writeFile(join(folder, name), bytes);
}
const total = files.reduce((sum, [, { length }]) => sum + length, 0);
process.stdout.write(`${files.length} files, ${Math.ceil(total / 1000)} kB\n`);

function withFolder(name: string, fixtures: Fixtures): Fixtures {
  return Object.fromEntries(Object.entries(fixtures).map(([file, bytes]) => [join(name, file), bytes]));
}
