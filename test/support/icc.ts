/** A table of the profile: a signature of four letters, and its content. */
type Tag = [signature: string, content: Buffer];

const fixed = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(Math.round(value * 65_536));
  return bytes;
};

const padded = (content: Buffer) => Buffer.concat([content, Buffer.alloc((4 - (content.length % 4)) % 4)]);
const xyz = (values: number[]) => Buffer.concat([Buffer.from('XYZ \0\0\0\0'), ...values.map(fixed)]);
const gamma = (exponent: number) => {
  const bytes = Buffer.from('curv\0\0\0\0\0\0\0\x01\0\0');
  bytes.writeUInt16BE(Math.round(exponent * 256), 12);
  return padded(bytes);
};

function description(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length + 1);
  return padded(Buffer.concat([Buffer.from('desc\0\0\0\0'), length, Buffer.from(`${text}\0`), Buffer.alloc(78)]));
}

/** A colour profile of version 2 for screens. ICC.1:2001-04. */
function profile(colourSpace: 'RGB ' | 'GRAY', tags: Tag[]): Buffer {
  const tableBytes = 4 + 12 * tags.length;
  const head = Buffer.alloc(128 + tableBytes);
  head.set([2, 0x20], 8);
  head.write(`mntr${colourSpace}XYZ `, 12);
  head.write('acsp', 36);
  head.set(Buffer.concat([0.9642, 1, 0.8249].map(fixed)), 68);
  head.writeUInt32BE(tags.length, 128);
  let offset = head.length;
  for (const [at, [signature, content]] of tags.entries()) {
    head.write(signature, 132 + 12 * at);
    head.writeUInt32BE(offset, 136 + 12 * at);
    head.writeUInt32BE(content.length, 140 + 12 * at);
    offset += content.length;
  }
  head.writeUInt32BE(offset, 0);
  return Buffer.concat([head, ...tags.map(([, content]) => content)]);
}

const copyright: Tag = ['cprt', padded(Buffer.from('text\0\0\0\0none\0'))];
const whitePoint: Tag = ['wtpt', xyz([0.9505, 1, 1.0891])];

/** Colours of Adobe RGB (1998), adapted to D50. */
export const adobeRgb = (): Buffer =>
  profile('RGB ', [
    ['desc', description('Wide colours')],
    copyright,
    whitePoint,
    ['rXYZ', xyz([0.60974, 0.31111, 0.01947])],
    ['gXYZ', xyz([0.20528, 0.62567, 0.06087])],
    ['bXYZ', xyz([0.14919, 0.06322, 0.74457])],
    ...(['rTRC', 'gTRC', 'bTRC'] as const).map((signature): Tag => [signature, gamma(2.2)]),
  ]);

/** Greys whose numbers are in proportion to light: the middle one is far darker than in sRGB's numbers. */
export const linearGrey = (): Buffer =>
  profile('GRAY', [['desc', description('Linear grey')], copyright, whitePoint, ['kTRC', gamma(1)]]);
