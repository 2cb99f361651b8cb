import sharp, { type Sharp } from 'sharp';
import { jpegSegment } from './flat-jpeg.ts';

/** The four quarters of `quarters()`: no two alike however the picture is turned or mirrored. */
export const quarterColours = {
  topLeft: [220, 40, 40],
  topRight: [40, 180, 60],
  bottomLeft: [40, 70, 220],
  bottomRight: [230, 210, 50],
} as const;

/** Width and height in pixels. */
type Dimensions = [width: number, height: number];

/** An upright picture of four coloured quarters, to be encoded. */
export function quarters([width, height]: Dimensions): Sharp {
  const half = { width: width >> 1, height: height >> 1 };
  const { topLeft, topRight, bottomLeft, bottomRight } = quarterColours;
  const rest = { width: width - half.width, height: height - half.height };
  const corners = [
    { left: 0, top: 0, ...half, colour: topLeft },
    { left: half.width, top: 0, width: rest.width, height: half.height, colour: topRight },
    { left: 0, top: half.height, width: half.width, height: rest.height, colour: bottomLeft },
  ].filter((corner) => corner.width > 0 && corner.height > 0);
  const layers = corners.map(({ left, top, colour, ...size }) => ({ left, top, input: plain(size, colour) }));
  return sharp(plain({ width, height }, bottomRight)).composite(layers);
}

/** What sharp makes a picture of one colour from. */
const plain = (size: { width: number; height: number }, [r = 0, g = 0, b = 0]: readonly number[]) => ({
  create: { ...size, channels: 3 as const, background: { r, g, b } },
});

/** A picture of which each pixel is computed. */
function pixels([width, height]: Dimensions, colourAt: (x: number, y: number) => readonly number[]) {
  const colours = Array.from({ length: width * height }, (_, at) => colourAt(at % width, Math.floor(at / width)));
  const channels = (colours[0]?.length ?? 3) as 3 | 4;
  return sharp(Buffer.from(colours.flat()), { raw: { width, height, channels } });
}

/** Soft shapes and grain, like a photo: it neither compresses to nothing nor defies compression. */
export async function photo(dimensions: Dimensions = [1200, 900]): Promise<Buffer> {
  const [width, height] = dimensions;
  const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const;
  const shapes = await sharp({ create: { width: 24, height: 18, channels: 3, background: '#888', noise } })
    .png()
    .toBuffer();
  const grain = { create: { width, height, channels: 3, background: '#888', noise: { ...noise, sigma: 12 } } } as const;
  return sharp(shapes)
    .resize(width, height, { fit: 'fill', kernel: 'cubic' })
    .composite([{ input: grain as never, blend: 'soft-light' }])
    .jpeg({ quality: 88 })
    .toBuffer();
}

/**
 * A JPEG that shows `quarters()` of the given upright dimensions to whoever minds its orientation tag (1 to 8), with a
 * GPS position, a camera's name, XMP and IPTC.
 */
export async function orientedJpeg(orientation: number, upright: Dimensions = [300, 200]): Promise<Buffer> {
  const stored = sharp(await storedQuarters(orientation, upright));
  return withJpegMetadata(await stored.jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer(), orientation);
}

/** A PNG of `quarters()` of the given upright dimensions as a camera that is held so would store them. */
export async function storedQuarters(orientation: number, upright: Dimensions): Promise<Buffer> {
  const { data, info } = await quarters(upright).raw().toBuffer({ resolveWithObject: true });
  return (await turnToStore(sharp(data, { raw: info }), orientation)).png().toBuffer();
}

/** The inverse of what a viewer does for each orientation (EXIF 2.32, table 6). sharp turns before it mirrors, or not: one step at a time. */
async function turnToStore(image: Sharp, orientation: number): Promise<Sharp> {
  const steps: Record<number, ((image: Sharp) => Sharp)[]> = {
    2: [(it) => it.flop()],
    3: [(it) => it.rotate(180)],
    4: [(it) => it.flip()],
    5: [(it) => it.rotate(90), (it) => it.flop()],
    6: [(it) => it.rotate(270)],
    7: [(it) => it.rotate(270), (it) => it.flop()],
    8: [(it) => it.rotate(90)],
  };
  let current = image;
  for (const step of steps[orientation] ?? []) current = sharp(await step(current).png().toBuffer());
  return current;
}

/** Puts EXIF (orientation, camera, GPS), XMP and IPTC into a JPEG, after its first marker. */
export function withJpegMetadata(jpeg: Buffer, orientation: number): Buffer {
  const xmp = `http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x="adobe:ns:meta/"><secret>${secretWord}</secret></x:xmpmeta>`;
  const iptc = Buffer.concat([Buffer.from([0x1c, 2, 90, 0, secretWord.length]), Buffer.from(secretWord)]);
  const photoshop = Buffer.concat([
    Buffer.from('Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0'),
    Buffer.from([iptc.length]),
    iptc,
  ]);
  const exif = Buffer.concat([Buffer.from('Exif\0\0'), tiff(orientation)]);
  const segments = [jpegSegment(0xe1, exif), jpegSegment(0xe1, Buffer.from(xmp)), jpegSegment(0xed, photoshop)];
  const comment = jpegSegment(0xfe, Buffer.from(secretWord));
  return Buffer.concat([jpeg.subarray(0, 2), ...segments, comment, jpeg.subarray(2)]);
}

/** Stands in every metadata block of these pictures. */
export const secretWord = 'Whereabouts';

/** Big-endian TIFF: IFD0 with orientation, make and a pointer to a GPS IFD of 52° N. */
function tiff(orientation: number): Buffer {
  const make = Buffer.from(`${secretWord}\0`);
  const gpsAt = 50;
  const makeAt = gpsAt + 2 + 2 * 12 + 4;
  const latitudeAt = makeAt + make.length;
  const shorts = (tag: number, type: number, count: number) => [tag >> 8, tag & 255, 0, type, 0, 0, 0, count];
  const long = (value: number) => [0, 0, value >> 8, value & 255];
  return Buffer.concat([
    Buffer.from([...Buffer.from('MM'), 0, 42, ...long(8)]),
    Buffer.from([0, 3, ...shorts(0x010f, 2, make.length), ...long(makeAt)]),
    Buffer.from([...shorts(0x0112, 3, 1), 0, orientation, 0, 0, ...shorts(0x8825, 4, 1), ...long(gpsAt), ...long(0)]),
    Buffer.from([
      0,
      2,
      ...shorts(1, 2, 2),
      ...Buffer.from('N\0\0\0'),
      ...shorts(2, 5, 3),
      ...long(latitudeAt),
      ...long(0),
    ]),
    make,
    Buffer.from([52, 1, 31, 1, 7, 1].flatMap(long)),
  ]);
}

/** A red disc on nothing. */
export function transparentPng([width, height]: Dimensions = [200, 200]): Promise<Buffer> {
  const radius = Math.min(width, height) / 3;
  const isInside = (x: number, y: number) => Math.hypot(x - width / 2, y - height / 2) < radius;
  return pixels([width, height], (x, y) => (isInside(x, y) ? [200, 30, 30, 255] : [0, 0, 0, 0]))
    .png()
    .toBuffer();
}

/** A photo as an interlaced (Adam7) PNG. */
export const interlacedPng = async (): Promise<Buffer> =>
  sharp(await photo([300, 200]))
    .png({ progressive: true })
    .toBuffer();

/** Pure sRGB red, stored with the given profile: its numbers differ, its colour does not. */
export const redWithProfile = (profile: 'srgb' | 'p3' | 'cmyk', bits: 8 | 16 = 8, side = 80): Promise<Buffer> => {
  const red = sharp({ create: { width: side, height: side, channels: 3, background: '#e02020' } });
  if (profile === 'cmyk') return red.toColourspace('cmyk').withIccProfile('cmyk').jpeg({ quality: 98 }).toBuffer();
  return red
    .toColourspace(bits === 16 ? 'rgb16' : 'srgb')
    .withIccProfile(profile)
    .png()
    .toBuffer();
};

/** Frames of plain colours that change from one to the next. */
const frames = (count: number, [width, height]: Dimensions) =>
  Promise.all(
    Array.from({ length: count }, (_, at) =>
      sharp({ create: { width, height, channels: 3, background: { r: (at * 97) % 256, g: (at * 41) % 256, b: 90 } } })
        .png()
        .toBuffer(),
    ),
  );

/** How an animation is made: its frames' dimensions, how often it runs (0: for ever), and each frame's time in ms. */
export interface AnimationOptions {
  dimensions?: Dimensions;
  loop?: number;
  delay: number[];
}

const animation = async ({ dimensions = [120, 90], delay }: AnimationOptions) =>
  sharp(await frames(delay.length, dimensions), { join: { animated: true } });

export const animatedGif = async (options: AnimationOptions): Promise<Buffer> =>
  (await animation(options)).gif({ loop: options.loop ?? 0, delay: options.delay }).toBuffer();

export const animatedWebp = async (options: AnimationOptions): Promise<Buffer> =>
  (await animation(options)).webp({ loop: options.loop ?? 0, delay: options.delay }).toBuffer();

/** A GIF of pairs of frames of noise, as large as 150 of them may be: as slow to decode and encode as anything that is accepted. */
export async function slowGif(pairs: number): Promise<Buffer> {
  const noise = (mean: number) => ({
    create: {
      width: 632,
      height: 632,
      channels: 3 as const,
      background: '#888',
      noise: { type: 'gaussian' as const, mean, sigma: 80 },
    },
  });
  const two = await Promise.all([100, 150].map((mean) => sharp(noise(mean)).png().toBuffer()));
  const gif = await sharp(two, { join: { animated: true } })
    .gif({ effort: 1 })
    .toBuffer();
  const framesAt = gif.indexOf(Buffer.from([0x21, 0xf9, 4]));
  const pair = gif.subarray(framesAt, -1);
  return Buffer.concat([gif.subarray(0, framesAt), ...Array.from({ length: pairs }, () => pair), gif.subarray(-1)]);
}

export const stillGif = (): Promise<Buffer> => quarters([100, 80]).gif().toBuffer();

export const stillWebp = (): Promise<Buffer> => quarters([100, 80]).webp().toBuffer();

/** Rings of flat colours in a palette: lossless WebP beats a lossy one by far. */
export const drawing = (): Promise<Buffer> =>
  pixels([256, 256], (x, y) => (Math.hypot(x - 128, y - 100) % 50 < 25 ? [20, 20, 20] : [250, 240, 200]))
    .png({ palette: true, colours: 4 })
    .toBuffer();

/** A disc with hard edges, on nothing: a file that is small for its size. */
export const disc = (side: number): Promise<Buffer> =>
  pixels([side, side], (x, y) =>
    Math.hypot(x - side / 2, y - side / 2) < side * 0.4 ? [200, 30, 30, 255] : [0, 0, 0, 0],
  )
    .png({ palette: true, colours: 4, compressionLevel: 9 })
    .toBuffer();

/** The head of a PNG that says it has that many pixels, with nothing in it: a bomb for whoever believes it. */
export function pngThatSays([width, height]: Dimensions): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    pngChunk('IHDR', header),
    pngChunk('IDAT', Buffer.from('789c030000000001', 'hex')),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A chunk of a PNG with its length and checksum. */
export function pngChunk(type: string, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}

function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** A GIF of that many frames on a canvas of those dimensions, each frame a single pixel: 22 bytes a frame. */
export function gifOfFrames(count: number, [width, height]: Dimensions): Buffer {
  const little = (value: number) => [value & 255, value >> 8];
  const head = Buffer.from([
    ...Buffer.from('GIF89a'),
    ...little(width),
    ...little(height),
    0x80,
    0,
    0,
    0,
    0,
    0,
    255,
    255,
    255,
  ]);
  const control = [0x21, 0xf9, 4, 0, 5, 0, 0, 0];
  const image = [0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0];
  const frame = Buffer.from([...control, ...image]);
  return Buffer.concat([head, ...Array.from({ length: count }, () => frame), Buffer.from([0x3b])]);
}

/** A good JPEG with a web page behind its end. */
export const polyglot = async (): Promise<Buffer> =>
  Buffer.concat([await photo([300, 200]), Buffer.from(`<html><script>alert('${secretWord}')</script></html>`)]);

export const svg = (): Buffer =>
  Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect width="64" height="64"/></svg>');

/** The first half of a file, as a connection that broke would leave it. */
export const firstHalf = (file: Buffer): Buffer => file.subarray(0, file.length >> 1);
