/** JPEGs of one flat colour, written bit by bit so that they can be what no encoder makes. ITU-T T.81. */
export interface FlatJpeg {
  width: number;
  height: number;
  /** A value of each component from 0 to 255: 1 for grey, 3 for YCbCr, 4 for CMYK or YCCK. */
  colour: number[];
  /** 0: what three or four components are follows from their number; 2: they are YCCK. Left out: no Adobe segment. */
  adobeTransform?: 0 | 1 | 2;
  bits?: 8 | 12;
  /** Start-of-frame marker: 0xc0 baseline, 0xc2 progressive, 0xc3 lossless, 0xc9 arithmetic. */
  frame?: number;
  /** How often all the progressive scans of one component are there. */
  repeatScans?: number;
}

/** A segment with its length. */
export function jpegSegment(marker: number, content: number[] | Buffer): Buffer {
  const length = content.length + 2;
  return Buffer.concat([Buffer.from([0xff, marker, length >> 8, length & 255]), Buffer.from(content)]);
}

export function flatJpeg(options: FlatJpeg): Buffer {
  const { adobeTransform, frame = 0xc0 } = options;
  const adobe = Buffer.from([...Buffer.from('Adobe\0'), 100, 0, 0, 0, 0, adobeTransform ?? 0]);
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    ...(adobeTransform === undefined ? [] : [jpegSegment(0xee, adobe)]),
    jpegSegment(0xdb, [0, ...Array<number>(64).fill(1)]),
    jpegSegment(frame, frameHeader(options)),
    // Differences of DC: twelve codes of 4 bits. AC: a single code of 1 bit, the end of the block or of a long run of them.
    jpegSegment(0xc4, [0x00, ...codeLengths(4, 12), ...Array.from({ length: 12 }, (_, category) => category)]),
    jpegSegment(0xc4, [0x10, ...codeLengths(1, 1), frame === 0xc2 ? 0xe0 : 0]),
    ...(frame === 0xc2 ? progressiveScans(options) : [baselineScan(options)]),
    Buffer.from([0xff, 0xd9]),
  ]);
}

const codeLengths = (length: number, count: number) =>
  Array.from({ length: 16 }, (_, at) => (at + 1 === length ? count : 0));

function frameHeader({ width, height, colour, bits = 8 }: FlatJpeg): number[] {
  const components = colour.flatMap((_, at) => [at + 1, 0x11, 0]);
  return [bits, height >> 8, height & 255, width >> 8, width & 255, colour.length, ...components];
}

const blocksOf = ({ width, height }: FlatJpeg) => Math.ceil(width / 8) * Math.ceil(height / 8);

function scanHeader(components: number[], selection: [from: number, to: number]): Buffer {
  return jpegSegment(0xda, [components.length, ...components.flatMap((id) => [id, 0x00]), ...selection, 0]);
}

function baselineScan(options: FlatJpeg): Buffer {
  const { colour } = options;
  const bits = new BitWriter();
  for (let block = 0; block < blocksOf(options); block++) {
    for (const value of colour) {
      writeDc(bits, block === 0 ? toDc(value, options) : 0);
      bits.write(0, 1);
    }
  }
  const ids = colour.map((_, at) => at + 1);
  return Buffer.concat([scanHeader(ids, [0, 63]), bits.end()]);
}

/** DC of all components once; then, for the first component, all of AC as often as is asked for. */
function progressiveScans(options: FlatJpeg): Buffer[] {
  const { colour, repeatScans = 1 } = options;
  const blocks = blocksOf(options);
  const dc = new BitWriter();
  for (let block = 0; block < blocks; block++) {
    for (const value of colour) writeDc(dc, block === 0 ? toDc(value, options) : 0);
  }
  const ac = new BitWriter();
  for (let block = 0; block < blocks; block += 32_767) ac.write(0x3fff, 15);
  const repeated = Buffer.concat([scanHeader([1], [1, 63]), ac.end()]);
  const ids = colour.map((_, at) => at + 1);
  return [scanHeader(ids, [0, 0]), dc.end(), ...Array<Buffer>(repeatScans).fill(repeated)];
}

/** Of a quantization table of ones: the sum of 64 samples, divided by 8. */
const toDc = (value: number, { bits = 8 }: FlatJpeg) => (bits === 8 ? (value - 128) * 8 : (value - 128) * 8 * 2);

/** T.81, F.1.2.1: how many bits the difference has, and then those. */
function writeDc(bits: BitWriter, difference: number) {
  const category = difference === 0 ? 0 : Math.floor(Math.log2(Math.abs(difference))) + 1;
  bits.write(category, 4);
  if (category > 0) bits.write(difference > 0 ? difference : difference + 2 ** category - 1, category);
}

class BitWriter {
  readonly #bytes: number[] = [];
  #pending = 0;
  #count = 0;

  write(value: number, length: number): void {
    for (let bit = length - 1; bit >= 0; bit--) {
      this.#pending = (this.#pending << 1) | ((value >> bit) & 1);
      if (++this.#count === 8) this.#flush();
    }
  }

  #flush(): void {
    this.#bytes.push(this.#pending);
    // A byte of ones would be taken for a marker.
    if (this.#pending === 0xff) this.#bytes.push(0);
    this.#pending = 0;
    this.#count = 0;
  }

  end(): Buffer {
    while (this.#count > 0) this.write(1, 1);
    return Buffer.from(this.#bytes);
  }
}
