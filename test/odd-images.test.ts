import sharp from 'sharp';
import { thumbHashToAverageRGBA } from 'thumbhash';
import { afterAll, describe, expect, it } from 'vitest';
import { UnsupportedImageError } from '../src/errors.ts';
import { createImageProcessor } from '../src/platform/images.ts';
import { flatJpeg } from './support/flat-jpeg.ts';
import { colourAt, expectColour, expectUpright, filesOf, inspect, sizesOf, variantOf } from './support/looks.ts';
import { gifOfSquares, manyScans, pngWithProfile, rawPng, tagged, ycck } from './support/odd-pictures.ts';
import { drawing, orientedJpeg, photo, quarterColours, transparentPng } from './support/pictures.ts';
import { tryImages } from './support/try-images.ts';

// A busy machine takes longer for the same.
const images = createImageProcessor({ timeoutS: 60 });
afterAll(() => images.close());

const negative = (colour: readonly number[]) => colour.map((channel) => 255 - channel);
const averageOf = (thumbhash: string) => thumbHashToAverageRGBA(Buffer.from(thumbhash, 'base64'));

async function expectUnsupported(bytes: Buffer, message: RegExp) {
  const error = await images.process(bytes).catch((reason: Error) => reason);
  expect(error).toBeInstanceOf(UnsupportedImageError);
  expect((error as Error).message).toMatch(message);
}

describe('the orientation tag', () => {
  const all = [1, 2, 3, 4, 5, 6, 7, 8];

  it.each(['png', 'webp'] as const)('of a %s is minded, and its crop too', async (type) => {
    for (const orientation of all) {
      const upload = await tagged(type, orientation);
      for (const bytes of filesOf(await images.process(upload))) await expectUpright(bytes);
      const corner = await images.process(upload, { left: 80, top: 0, size: 40 });
      await expectColour(variantOf(corner, 40).bytes, [0.5, 0.5], quarterColours.topRight);
    }
  });

  it.each(all)('(%i) of an animation is minded in each frame, and times and loops stay', async (orientation) => {
    const image = await images.process(await tagged('animated webp', orientation));
    expect(image).toMatchObject({ width: 120, height: 80, animated: true });
    for (const bytes of filesOf(image)) await expectUpright(bytes);
    for (const bytes of [image.source, variantOf(image, 64).bytes]) {
      expect(await inspect(bytes)).toMatchObject({ pages: 2, loop: 3, delay: [50, 70] });
      const second = await colourAt(bytes, [0.25, 0.25], 1);
      for (const [at, channel] of negative(quarterColours.topLeft).entries()) {
        expect(Math.abs(channel - (second[at] ?? 0))).toBeLessThan(25);
      }
    }
  });

  it('is what the crop of an animation refers to', async () => {
    const image = await images.process(await tagged('animated webp', 6), { left: 80, top: 40, size: 40 });
    expect(image.crop).toEqual({ left: 80, top: 40, size: 40 });
    await expectColour(variantOf(image, 40).bytes, [0.5, 0.5], quarterColours.bottomRight);
  });

  it('of no meaning is ignored', async () => {
    for (const orientation of [0, 9, 200]) {
      const image = await images.process(await orientedJpeg(orientation, [90, 60]));
      expect([image.width, image.height]).toEqual([90, 60]);
      await expectUpright(image.source);
    }
  });
});

describe('colours', () => {
  it.each([
    ['Adobe RGB', () => pngWithProfile('wide', [200, 60, 60]), [230, 56, 58]],
    ['greys with a profile of their own', () => pngWithProfile('linear grey', [55]), [128, 128, 128]],
    ['YCCK', ycck, [233, 0, 1]],
  ])('of %s are shown as they are meant', async (_, make, colour) => {
    const image = await images.process(make());
    for (const bytes of filesOf(image)) await expectColour(bytes, [0.5, 0.5], colour, 10);
  });

  it.each([
    [8, 1],
    [16, 2],
  ] as const)('of greys with transparency and %i bits keep both', async (bits, bytesPerSample) => {
    const pixel = [Buffer.alloc(bytesPerSample, 0x80), Buffer.alloc(bytesPerSample, 0x40)];
    const line = Buffer.concat([Buffer.from([0]), ...Array.from({ length: 80 }, () => pixel).flat()]);
    const upload = rawPng({ width: 80, height: 80, bits, colourType: 4 }, Buffer.concat(Array(80).fill(line)));
    const image = await images.process(upload);
    for (const bytes of filesOf(image)) await expectColour(bytes, [0.5, 0.5], [128, 128, 128, 64], 6);
    expect(image.dominantColor).toMatch(/^#(7[b-f]|80)\1\1$/);
    expect(averageOf(image.thumbhash).a).toBeCloseTo(0.25, 1);
  });

  it('of what is transparent do not count for the dominant one, nor for the placeholder', async () => {
    const { dominantColor, thumbhash } = await images.process(await transparentPng());
    expect(dominantColor).toMatch(/^#c[789a]1[def]1[def]$/);
    const { r, g, a } = averageOf(thumbhash);
    expect(a).toBeLessThan(0.6);
    expect(r).toBeGreaterThan(g + 0.3);
  });
});

describe('a GIF', () => {
  const red = { left: 0, top: 0, side: 16, colour: 1, disposal: 1 } as const;
  const green = { left: 8, top: 8, side: 16, colour: 2 } as const;
  const white = { left: 16, top: 0, side: 16, colour: 3, disposal: 1 } as const;

  const toName = ([r = 0, g = 0, , alpha = 0]: number[]) => (alpha < 128 ? 'nothing' : r > g ? 'red' : 'green');

  it.each([
    ['left standing', 1, 'green'],
    ['taken away', 2, 'nothing'],
    ['replaced by what was there before', 3, 'red'],
  ])('shows what becomes of a frame that is to be %s', async (_, disposal, after) => {
    const second = { ...green, disposal, transparent: 0 };
    const { variants, source } = await images.process(gifOfSquares([red, second, white], 0));
    for (const bytes of [source, ...variants.map((variant) => variant.bytes)]) {
      const shown = await Promise.all([0, 1, 2].map((page) => colourAt(bytes, [0.36, 0.36], page)));
      expect(shown.map(toName)).toEqual(['red', 'green', after]);
    }
  });

  it('that says nothing of loops runs once', async () => {
    const image = await images.process(gifOfSquares([red, { ...green, disposal: 1 }]));
    for (const bytes of [image.source, variantOf(image, 32).bytes])
      expect(await inspect(bytes)).toMatchObject({ loop: 1 });
  });

  it('may show a frame for eleven minutes, of which one remains', async () => {
    const frames = [
      { ...red, delay: 65_535 },
      { ...green, disposal: 1, delay: 3 },
    ];
    const image = await images.process(gifOfSquares(frames, 65_535));
    expect(await inspect(variantOf(image, 32).bytes)).toMatchObject({ pages: 2, loop: 65_535, delay: [65_535, 30] });
    expect(
      (await images.recrop(image.source, { ...image, bytes: 10_000 }, { left: 0, top: 0, size: 16 })).animated,
    ).toBe(true);
  });
});

describe('bytes', () => {
  it('of a drawing in full colours are lossless too', async () => {
    const upload = await sharp(await drawing())
      .png({ palette: false })
      .toBuffer();
    expect((await inspect(upload)).isPalette).toBe(false);
    const { bytes } = variantOf(await images.process(upload), 256);
    expect(bytes.subarray(12, 16).toString()).toBe('VP8L');
  });

  it('are no more than those of a very poor photo', async () => {
    const upload = await sharp(await photo([512, 512]))
      .jpeg({ quality: 15 })
      .toBuffer();
    const { variants } = await images.process(upload);
    expect(variants.at(-1)?.size).toBe(512);
    expect(variants.at(-1)?.bytes.length).toBeLessThanOrEqual(upload.length);
  });
});

describe('what is kept of a JPEG', () => {
  it.each([
    [
      [4000, 3000],
      [1333, 1000],
    ],
    [
      [3000, 4000],
      [1000, 1333],
    ],
    [
      [3600, 1200],
      [2048, 683],
    ],
    [
      [7000, 700],
      [2048, 205],
    ],
  ] as const)('of %j is %j: a third, where that is enough, or 2,048 px', async ([width, height], kept) => {
    const { source } = await images.process(flatJpeg({ width, height, colour: [90] }));
    expect(await inspect(source)).toMatchObject({ width: kept[0], height: kept[1] });
  });
});

describe('what would take too much to decode is refused before it is decoded', () => {
  it('a JPEG of very many scans', async () => {
    await expectUnsupported(manyScans(1000), /at most 100 scans, and got 1001/);
    expect(sizesOf(await images.process(manyScans(50)))).toEqual([64, 128, 256, 512]);
  });

  it('a progressive JPEG of four colours, and an interlaced PNG of 16 bits, of which very much must be held at once', async () => {
    const progressive = flatJpeg({ width: 8000, height: 6250, colour: [90, 128, 128, 90], frame: 0xc2 });
    await expectUnsupported(progressive, /at most 300 MB to decode, and this one takes 400 MB/);
    const interlaced = { width: 8000, height: 6200, bits: 16, colourType: 6, interlaced: true } as const;
    await expectUnsupported(
      rawPng(interlaced, Buffer.alloc(1000)),
      /at most 300 MB to decode, and this one takes 397 MB/,
    );
  });

  it('but no progressive JPEG of three colours', async () => {
    const progressive = flatJpeg({ width: 8000, height: 6250, colour: [90, 128, 128], frame: 0xc2 });
    expect(sizesOf(await images.process(progressive))).toEqual([64, 128, 256, 512]);
  });
});

it('hostile and odd files are stored within the limits or refused, and nothing else happens', async () => {
  const counts = { stored: 0, refused: 0 };
  const wrong: string[] = [];
  for await (const { path, outcome, detail } of tryImages('test/fixtures/images')) {
    if (outcome === 'wrong') wrong.push(`${path}: ${detail}`);
    else counts[outcome]++;
  }
  expect(wrong).toEqual([]);
  expect(counts.stored).toBeGreaterThan(80);
  expect(counts.refused).toBeGreaterThan(80);
}, 180_000);
