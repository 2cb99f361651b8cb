import { createHash } from 'node:crypto';

/** Remembers on which line each text stood first. */
export interface FirstLines {
  /** The line where it stood first, which is this one if it is new. */
  note(text: string, line: number): number;
  /** 0 for one that was never noted. */
  find(text: string): number;
}

/**
 * 24 to 48 bytes for a text, so that a file of millions of users needs no more memory than it has to: of each text 64 bits
 * of its hash are kept, in a table of open addressing. That two of ten million texts have the same is one chance in 300,000.
 */
export function createFirstLines(): FirstLines {
  let hashes = new BigUint64Array(1024);
  let lines = new Uint32Array(1024);
  let count = 0;

  const slotOf = (hash: bigint) => {
    const mask = hashes.length - 1;
    let slot = Number(hash & BigInt(mask));
    while (lines[slot] !== 0 && hashes[slot] !== hash) slot = (slot + 1) & mask;
    return slot;
  };
  const grow = () => {
    const [oldHashes, oldLines] = [hashes, lines];
    hashes = new BigUint64Array(2 * oldHashes.length);
    lines = new Uint32Array(2 * oldLines.length);
    for (const [at, line] of oldLines.entries()) {
      if (line === 0) continue;
      const hash = oldHashes[at] ?? 0n;
      const slot = slotOf(hash);
      hashes[slot] = hash;
      lines[slot] = line;
    }
  };

  return {
    note(text, line) {
      if (2 * count >= hashes.length) grow();
      const hash = hashOf(text);
      const slot = slotOf(hash);
      const first = lines[slot] ?? 0;
      if (first !== 0) return first;
      hashes[slot] = hash;
      lines[slot] = line;
      count += 1;
      return line;
    },
    find: (text) => lines[slotOf(hashOf(text))] ?? 0,
  };
}

const hashOf = (text: string) => createHash('sha1').update(text).digest().readBigUInt64LE();

/** A set of line numbers: a bit for each line. */
export interface LineSet {
  add(line: number): void;
  has(line: number): boolean;
}

export function createLineSet(): LineSet {
  let bits = new Uint8Array(1024);
  return {
    add(line) {
      const at = line >> 3;
      if (at >= bits.length) {
        const larger = new Uint8Array(Math.max(2 * bits.length, at + 1));
        larger.set(bits);
        bits = larger;
      }
      bits[at] = (bits[at] ?? 0) | (1 << (line & 7));
    },
    has: (line) => ((bits[line >> 3] ?? 0) & (1 << (line & 7))) !== 0,
  };
}
