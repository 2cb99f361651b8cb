/** Four letters of each chunk, those within frames too. Throws where lengths don't add up. WebP container specification. */
export function readWebpChunks(webp: Buffer): string[] {
  if (webp.toString('latin1', 0, 4) !== 'RIFF' || webp.readUInt32LE(4) !== webp.length - 8) {
    throw new Error('no WebP, or one of another length than it says');
  }
  return readChunks(webp.subarray(12));
}

/** Before the chunks of a frame stand its place, size and time. */
const frameHeadBytes = 16;

function readChunks(bytes: Buffer): string[] {
  const names: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const name = bytes.toString('latin1', at, at + 4);
    const length = bytes.readUInt32LE(at + 4);
    names.push(name);
    if (name === 'ANMF') names.push(...readChunks(bytes.subarray(at + 8 + frameHeadBytes, at + 8 + length)));
    at += 8 + length + (length % 2);
  }
  return names;
}

/** What a picture without metadata consists of. */
export const pictureChunks = ['VP8 ', 'VP8L', 'VP8X', 'ALPH', 'ANIM', 'ANMF'];
