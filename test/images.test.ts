import sharp from 'sharp';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { InvalidInputError, RequestError, UnsupportedImageError } from '../src/errors.ts';
import { createImageProcessor } from '../src/platform/images.ts';
import { colourAt, expectColour, expectUpright, filesOf, inspect, sizesOf, variantOf } from './support/looks.ts';
import { filmWithBlackFrames, movingDrawing } from './support/moving-drawings.ts';
import {
  animatedGif,
  animatedWebp,
  disc,
  drawing,
  firstHalf,
  gifOfFrames,
  interlacedPng,
  orientedJpeg,
  photo,
  pngThatSays,
  polyglot,
  quarterColours,
  quarters,
  redWithProfile,
  secretWord,
  slowGif,
  stillGif,
  stillWebp,
  svg,
  transparentPng,
} from './support/pictures.ts';

const images = createImageProcessor();
afterAll(() => images.close());

const refusal = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => Promise.reject(new Error('it was accepted')),
    (error) => error,
  );

async function expectUnsupported(bytes: Buffer, message: RegExp) {
  const error = await refusal(images.process(bytes));
  expect(error).toBeInstanceOf(UnsupportedImageError);
  expect(error.message).toMatch(message);
}

describe('variants', () => {
  it('are square WebPs of 64, 128, 256 and 512 px, smallest first, cut from the middle', async () => {
    const upload = await photo([1200, 900]);
    const image = await images.process(upload);
    expect(image).toMatchObject({ width: 1200, height: 900, animated: false, mimeType: 'image/jpeg' });
    expect(image.crop).toEqual({ left: 150, top: 0, size: 900 });
    expect(sizesOf(image)).toEqual([64, 128, 256, 512]);
    for (const { size, bytes, still } of image.variants) {
      expect(await inspect(bytes)).toMatchObject({ format: 'webp', width: size, height: size });
      expect(still).toBeUndefined();
      expect(bytes.length).toBeLessThan(upload.length);
    }
  });

  it.each([
    [40, [40]],
    [1, [1]],
    [64, [64]],
    [300, [64, 128, 256]],
    [512, [64, 128, 256, 512]],
  ])('of a picture of %i px are never larger than it: %j', async (side, sizes) => {
    const image = await images.process(await quarters([side, side]).png().toBuffer());
    expect(sizesOf(image)).toEqual(sizes);
    for (const { size, bytes } of image.variants) expect((await inspect(bytes)).width).toBe(size);
  });

  it('show the square that was asked for', async () => {
    const upload = await quarters([300, 200]).png().toBuffer();
    const image = await images.process(upload, { left: 150, top: 100, size: 100 });
    expect(image.crop).toEqual({ left: 150, top: 100, size: 100 });
    expect(sizesOf(image)).toEqual([64]);
    await expectColour(variantOf(image, 64).bytes, [0.1, 0.1], quarterColours.bottomRight);
  });

  it('of a small square of a large picture are cut from the full resolution, not from the kept copy', async () => {
    const stripes = sharp(Buffer.from(Array.from({ length: 4000 }, (_, x) => (x & 2 ? 255 : 0))), {
      raw: { width: 4000, height: 1, channels: 1 },
    });
    const upload = await stripes.resize(4000, 600, { kernel: 'nearest', fit: 'fill' }).png().toBuffer();
    const image = await images.process(upload, { left: 1000, top: 0, size: 512 });
    const { dominant, channels } = await sharp(variantOf(image, 512).bytes).stats();
    expect(dominant).toBeDefined();
    // At half the resolution the stripes of 2 px blur into grey.
    expect(channels[0]?.stdev).toBeGreaterThan(110);
  });

  it('of a drawing are lossless where that is smaller, and no larger than the upload', async () => {
    const upload = await drawing();
    const { bytes } = variantOf(await images.process(upload), 256);
    expect(bytes.length).toBeLessThan(upload.length);
    expect(bytes.subarray(12, 16).toString()).toBe('VP8L');
  });

  it.each([65, 130, 300, 520, 700])(
    'of a drawing with hard edges, %i px, are no larger than the upload',
    async (side) => {
      const upload = await disc(side);
      const image = await images.process(upload);
      const { bytes } = variantOf(image, sizesOf(image).at(-1) as number);
      expect(bytes.length).toBeLessThanOrEqual(upload.length);
      // With so few colours, each is a mean of several.
      expect((await colourAt(bytes, [0.05, 0.05]))[3]).toBeLessThan(10);
      await expectColour(bytes, [0.5, 0.5], [200, 30, 30, 255]);
    },
  );

  it.each([1, 3, 6, 9])('of a photo that was saved at quality %i are no larger than the upload', async (quality) => {
    const upload = await sharp(await photo([520, 520]))
      .jpeg({ quality, mozjpeg: true })
      .toBuffer();
    const { bytes } = variantOf(await images.process(upload), 512);
    expect(bytes.length).toBeLessThanOrEqual(upload.length);
  });

  it('keep transparency', async () => {
    const image = await images.process(await transparentPng());
    for (const bytes of filesOf(image)) {
      expect((await colourAt(bytes, [0.02, 0.02]))[3]).toBe(0);
      await expectColour(bytes, [0.5, 0.5], [200, 30, 30, 255]);
    }
  });
});

describe('the upright picture', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('is what orientation %i says, in every file', async (orientation) => {
    const upload = await orientedJpeg(orientation);
    expect((await inspect(upload)).orientation).toBe(orientation);
    const image = await images.process(upload);
    expect([image.width, image.height]).toEqual([300, 200]);
    for (const bytes of filesOf(image)) await expectUpright(bytes);
    expect(await inspect(image.source)).toMatchObject({ width: 300, height: 200 });
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('is what a crop refers to, in orientation %i', async (orientation) => {
    const image = await images.process(await orientedJpeg(orientation), { left: 200, top: 0, size: 100 });
    await expectColour(variantOf(image, 64).bytes, [0.5, 0.5], quarterColours.topRight);
  });

  it.each([3, 6])('is what a small crop of a large one refers to, in orientation %i', async (orientation) => {
    const upload = await orientedJpeg(orientation, [3000, 2000]);
    const image = await images.process(upload, { left: 1600, top: 1100, size: 512 });
    await expectColour(variantOf(image, 512).bytes, [0.5, 0.5], quarterColours.bottomRight);
  });

  it('is kept at 2,048 px at most', async () => {
    const { source, width } = await images.process(await photo([3000, 1500]));
    expect(width).toBe(3000);
    expect(await inspect(source)).toMatchObject({ format: 'webp', width: 2048, height: 1024 });
  });
});

describe('metadata', () => {
  it('is gone: position, camera, XMP, IPTC, comments and profile', async () => {
    const upload = await orientedJpeg(6);
    const before = await inspect(upload);
    expect(before.exif && before.xmp && before.iptc).toBeTruthy();
    expect(upload.includes(secretWord)).toBe(true);
    for (const bytes of filesOf(await images.process(upload))) {
      const { exif, xmp, iptc, icc, orientation } = await inspect(bytes);
      expect({ exif, xmp, iptc, icc, orientation }).toEqual({});
      expect(bytes.includes(secretWord)).toBe(false);
    }
  });

  it('and a foreign part behind the picture are gone', async () => {
    for (const bytes of filesOf(await images.process(await polyglot()))) expect(bytes.includes(secretWord)).toBe(false);
  });
});

describe('colours', () => {
  it.each([
    ['sRGB', () => redWithProfile('srgb')],
    ['Display P3', () => redWithProfile('p3')],
    ['Display P3 with 16 bits a channel', () => redWithProfile('p3', 16)],
    ['a large picture in Display P3', () => redWithProfile('p3', 8, 2100)],
    ['a large picture in Display P3 with 16 bits a channel', () => redWithProfile('p3', 16, 2100)],
    ['CMYK', () => redWithProfile('cmyk')],
  ])('of %s are shown as they are meant, in sRGB', async (_, make) => {
    const upload = await make();
    expect((await inspect(upload)).hasProfile).toBe(true);
    const image = await images.process(upload);
    for (const bytes of filesOf(image)) {
      await expectColour(bytes, [0.5, 0.5], [224, 32, 32], 16);
      expect(await inspect(bytes)).toMatchObject({ hasProfile: false, space: 'srgb' });
    }
  });

  it('of greys and of one bit are accepted', async () => {
    const grey = quarters([100, 100]).greyscale();
    for (const upload of [
      await grey.clone().jpeg().toBuffer(),
      await grey.png({ palette: true, colours: 2 }).toBuffer(),
    ]) {
      expect(sizesOf(await images.process(upload))).toEqual([64]);
    }
  });

  it('give a dominant one and a placeholder, of the square that is shown', async () => {
    const upload = await quarters([300, 200]).png().toBuffer();
    const image = await images.process(upload, { left: 0, top: 100, size: 100 });
    expect(image.dominantColor).toBe('#2846dc');
    expect(Buffer.from(image.thumbhash, 'base64').length).toBeGreaterThan(4);
    const other = await images.process(upload, { left: 200, top: 0, size: 100 });
    expect(other.thumbhash).not.toBe(image.thumbhash);
  });

  it('of a wholly transparent picture give white', async () => {
    const nothing = sharp({
      create: { width: 64, height: 64, channels: 4, background: { r: 9, g: 9, b: 9, alpha: 0 } },
    });
    expect((await images.process(await nothing.png().toBuffer())).dominantColor).toBe('#ffffff');
  });
});

describe('an animated picture', () => {
  const toTotal = (delay: number[] = []) => delay.reduce((sum, ms) => sum + ms, 0);
  const delay = [40, 200, 90, 90];
  it.each([
    ['GIF', animatedGif, 3],
    ['GIF that runs for ever', animatedGif, 0],
    ['WebP', animatedWebp, 2],
  ] as const)(
    '(%s) keeps frames, times and loops in each size and in the kept copy, and has stills',
    async (_, make, loop) => {
      const image = await images.process(await make({ delay, loop, dimensions: [900, 600] }));
      expect(image).toMatchObject({ width: 900, height: 600, animated: true });
      expect(sizesOf(image)).toEqual([64, 128, 256, 512]);
      for (const { bytes, still = Buffer.alloc(0), size } of image.variants) {
        expect(await inspect(bytes)).toMatchObject({
          format: 'webp',
          pages: 4,
          delay,
          loop,
          width: size,
          height: size,
        });
        expect((await inspect(still)).pages ?? 1).toBe(1);
        await expectColour(still, [0.5, 0.5], [0, 0, 90]);
      }
      expect(await inspect(image.source)).toMatchObject({ pages: 4, delay, loop, width: 900, height: 600 });
    },
  );

  it('is cropped in each frame', async () => {
    const image = await images.process(await animatedGif({ delay, dimensions: [300, 200] }), {
      left: 10,
      top: 20,
      size: 130,
    });
    expect(await inspect(variantOf(image, 128).bytes)).toMatchObject({ pages: 4, width: 128, height: 128 });
  });

  describe('of a drawing with hard edges', () => {
    // A busy machine takes longer for the same.
    const patient = createImageProcessor({ timeoutS: 60 });
    afterAll(() => patient.close());

    it.each([
      ['disc', 65, 10, 'gif'],
      ['disc', 65, 10, 'webp'],
      ['disc', 130, 150, 'gif'],
      ['disc', 520, 10, 'webp'],
      ['disc', 632, 20, 'gif'],
      ['strokes', 40, 30, 'gif'],
      ['strokes', 100, 40, 'webp'],
      ['strokes', 300, 12, 'gif'],
      ['strokes', 632, 6, 'webp'],
      ['checkerboard', 30, 2, 'gif'],
      ['checkerboard', 30, 2, 'webp'],
      ['checkerboard', 130, 5, 'webp'],
      ['checkerboard', 520, 10, 'gif'],
      ['finest checkerboard', 65, 150, 'gif'],
      ['finest checkerboard', 300, 7, 'webp'],
      ['finest checkerboard', 520, 4, 'gif'],
      ['one pixel', 40, 20, 'webp'],
      ['one pixel', 100, 150, 'gif'],
      ['one pixel', 632, 20, 'webp'],
    ] as const)(
      '%s, %i px, %i frames (%s), is no larger than the upload, and moves as long',
      async (motif, side, frames, type) => {
        const upload = await movingDrawing({ motif, side, frames, type });
        const { variants, animated } = await patient.process(upload);
        const { bytes = upload, still = Buffer.alloc(0) } = variants.at(-1) ?? {};
        expect(animated).toBe(true);
        expect(bytes.length).toBeLessThanOrEqual(upload.length);
        const { pages, delay } = await inspect(bytes);
        expect(pages).toBeGreaterThanOrEqual(2);
        expect(toTotal(delay)).toBe(toTotal((await inspect(upload)).delay));
        expect((await inspect(still)).pages ?? 1).toBe(1);
      },
      60_000,
    );
  });

  describe('of which frames are left out', () => {
    /** 40 random drawings in as few bytes as can be: smaller ones take more. */
    const upload = (ms: number) => {
      const delay = Array<number>(40).fill(ms);
      return movingDrawing({ motif: 'strokes', side: 100, frames: 40, type: 'webp', delay });
    };

    it.each([
      [10, 100],
      [20, 20],
    ])('moves as long in each size where a frame is to be shown for %i ms, which is %i', async (asked, shown) => {
      const image = await images.process(await upload(asked));
      for (const bytes of [image.source, ...image.variants.map(({ bytes }) => bytes)])
        expect(toTotal((await inspect(bytes)).delay)).toBe(40 * shown);
    });
  });

  it('of a film with black frames is no drawing, of which the kept copy would be many times as large', async () => {
    const upload = await filmWithBlackFrames({ side: 200, frames: 21, black: [0, 10] });
    const { source } = await images.process(upload);
    expect((await inspect(source)).pages).toBe(21);
    expect(source.length).toBeLessThan(upload.length * 4);
  });

  it('does not flicker where a fine pattern moves', async () => {
    const upload = await movingDrawing({ motif: 'finest checkerboard', side: 520, frames: 4, type: 'gif' });
    const { variants } = await images.process(upload);
    for (const { bytes } of variants) {
      const { pages = 1 } = await inspect(bytes);
      for (let page = 0; page < pages; page++) {
        const { channels } = await sharp(await sharp(bytes, { page }).png().toBuffer()).stats();
        // The mean of black and white, whichever field has which.
        expect(Math.abs((channels[0]?.mean ?? 0) - 135)).toBeLessThan(40);
      }
    }
  });

  it('of a single frame is a still', async () => {
    for (const upload of [await stillGif(), await stillWebp(), gifOfFrames(1, [20, 20])]) {
      const image = await images.process(upload);
      expect(image.animated).toBe(false);
      expect(image.variants.every(({ still }) => still === undefined)).toBe(true);
    }
  });
});

describe('cropping a kept copy again', () => {
  it('takes the crop in pixels of the original and keeps the copy as it is', async () => {
    const upload = await quarters([3000, 2000]).png().toBuffer();
    const first = await images.process(upload);
    const crop = { left: 1600, top: 1100, size: 800 };
    const again = await images.recrop(first.source, { ...first, bytes: upload.length }, crop);
    expect(again).toMatchObject({ width: 3000, height: 2000, crop });
    expect(again.source).toBe(first.source);
    await expectColour(variantOf(again, 512).bytes, [0.05, 0.05], quarterColours.bottomRight);
  });

  it('of an animated picture gives an animated one', async () => {
    const upload = await animatedGif({ delay: [50, 70], dimensions: [200, 100] });
    const first = await images.process(upload);
    const again = await images.recrop(first.source, { ...first, bytes: upload.length }, { left: 0, top: 0, size: 64 });
    expect(again.animated).toBe(true);
    expect(await inspect(variantOf(again, 64).bytes)).toMatchObject({ pages: 2, delay: [50, 70] });
  });

  it('of a drawing that moves gives what the upload did, in no more bytes', async () => {
    const upload = await movingDrawing({ motif: 'strokes', side: 632, frames: 6, type: 'webp' });
    const first = await images.process(upload);
    expect(first.source.length).toBeLessThan(2 * upload.length);
    const again = await images.recrop(first.source, { ...first, bytes: upload.length }, first.crop);
    const { bytes } = variantOf(again, 512);
    expect(bytes.length).toBeLessThanOrEqual(upload.length);
    expect(bytes.equals(variantOf(first, 512).bytes)).toBe(true);
  });
});

describe('a crop', () => {
  it.each([
    { left: -1, top: 0, size: 10 },
    { left: 0, top: -1, size: 10 },
    { left: 0, top: 0, size: 0 },
    { left: 0, top: 0, size: 201 },
    { left: 250, top: 0, size: 51 },
    { left: 0, top: 150, size: 51 },
    { left: 0.5, top: 0, size: 10 },
  ])('outside the upright picture is refused by its path: %j', async (crop) => {
    const error = await refusal(orientedJpeg(6).then((upload) => images.process(upload, crop)));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect((error as InvalidInputError).fields).toEqual([
      { path: 'crop', message: expect.stringContaining('inside the upright picture of 300 x 200 px') },
    ]);
  });
});

describe('a file is refused with what was expected and what came', () => {
  it.each([
    ['an empty file', Buffer.alloc(0), /JPEG, PNG, GIF or WebP .* an empty file/],
    ['an SVG', svg(), /an SVG/],
    ['an SVG after an XML declaration', Buffer.concat([Buffer.from('<?xml version="1.0"?>\n'), svg()]), /an SVG/],
    ['a page', Buffer.from('<!DOCTYPE html><title>x</title>'), /an HTML page/],
    ['a text', Buffer.from('I am photo.jpg, believe me.\n'), /a text/],
    ['an AVIF', Buffer.from('\0\0\0\x20ftypavif\0\0\0\0'), /an AVIF/],
    ['a PDF', Buffer.from('%PDF-1.7\n\0\x01'), /a PDF/],
    ['random bytes', Buffer.from('00017f80ff0003', 'hex'), /an unknown kind of file/],
    ['a bare signature', Buffer.from('ffd8ffe0', 'hex'), /a whole JPEG image, .* damaged or cut short/],
    ['too many pixels', pngThatSays([100_000, 20_000]), /50 megapixels, and got 2000 \(100000 x 20000 px\)/],
    ['a little over the limit', pngThatSays([10_000, 5_001]), /50 megapixels, and got 50.01 /],
    ['too many frames', gifOfFrames(20_000, [10, 10]), /150 frames, and got 20000/],
    [
      'too many pixels over all frames',
      gifOfFrames(100, [1000, 601]),
      /60 megapixels over all frames, and got 60.1 \(100 /,
    ],
    ['a PNG without a picture in it', pngThatSays([10, 10]), /a whole PNG image/],
  ])('%s', async (_, bytes, message) => {
    await expectUnsupported(bytes, message);
  });

  it.each([
    ['JPEG', () => photo([600, 400])],
    ['PNG', interlacedPng],
    ['GIF', () => animatedGif({ delay: [50, 50, 50, 50] })],
    ['WebP', () => animatedWebp({ delay: [50, 50, 50, 50] })],
  ])('a %s that was cut in the middle', async (name, make) => {
    await expectUnsupported(firstHalf(await make()), new RegExp(`a whole ${name} image, .* cut short`));
  });

  it('a GIF that was cut between two frames', async () => {
    const whole = gifOfFrames(10, [20, 20]);
    const frameBytes = (whole.length - 20) / 10;
    expect((await images.process(whole)).animated).toBe(true);
    await expectUnsupported(whole.subarray(0, 19 + 5 * frameBytes), /a whole GIF image/);
  });
});

describe('limits', () => {
  it('take a picture of just as many frames as are allowed', async () => {
    expect((await images.process(gifOfFrames(150, [20, 20]))).animated).toBe(true);
  });

  it('refuse a bomb before it is decoded', async () => {
    const startedAt = process.cpuUsage();
    await expectUnsupported(gifOfFrames(20_000, [3000, 3000]), /150 frames/);
    const { user, system } = process.cpuUsage(startedAt);
    expect((user + system) / 1000).toBeLessThan(500);
  });

  it('of time end what takes too long in all, though each of its steps does not', async () => {
    const hasty = createImageProcessor({ timeoutS: 1 });
    const error = await refusal(hasty.process(await slowGif(10)));
    expect(error).toBeInstanceOf(UnsupportedImageError);
    expect(error.message).toMatch(/within 1 seconds, .* takes too long to decode/);
    await hasty.close();
  });

  it('of time are told at once, while the picture keeps its place until libvips is done', async () => {
    const hasty = createImageProcessor({ timeoutS: 0.001 });
    const upload = await slowGif(10);
    const inWorkAtTheEnd: number[] = [];
    // Once more where the machine held this process up until the step was done: then there was nothing to be told before.
    await vi.waitFor(async () => {
      const error = await refusal(hasty.process(upload));
      const inWork = sharp.counters().process;
      await hasty.close();
      inWorkAtTheEnd.push(sharp.counters().process);
      expect(error.message).toMatch(/takes too long to decode/);
      expect(inWork).toBeGreaterThan(0);
    }, 20_000);
    expect(new Set(inWorkAtTheEnd)).toEqual(new Set([0]));
  });

  it('of work at once make others wait, and of those that wait make others come again later', async () => {
    const narrow = createImageProcessor({ concurrency: 1, queueLimit: 1 });
    const upload = await photo([300, 200]);
    const settled = await Promise.allSettled([1, 2, 3].map(() => narrow.process(upload)));
    const made = settled.flatMap((one) => (one.status === 'fulfilled' ? [sizesOf(one.value)] : []));
    const refused = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    expect(made).toEqual([
      [64, 128],
      [64, 128],
    ]);
    expect(refused).toEqual([expect.any(RequestError)]);
    expect(refused[0]).toMatchObject({ code: 'RATE_LIMITED' });
    expect(refused[0].retryAfter).toBeGreaterThanOrEqual(1);
    expect(sizesOf(await narrow.process(upload))).toEqual([64, 128]);
  });
});
