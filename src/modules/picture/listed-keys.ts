/** Which names of the store were listed, in little memory however many there are. */
export interface ListedKeys {
  add(key: string): void;
  /** False: it was not listed. True: it most likely was. */
  mayHave(key: string): boolean;
}

/**
 * 8 MB, however much is added. Of names that were not listed it takes one in 40 million for listed with a million files, one
 * in 600 with five million.
 */
const bits = 2 ** 26;
const probes = 8;
const digits = 7;

/** A Bloom filter. The names are hashes already, so their digits are as good as any hash of them: 7 for each of 8 places. */
export function createListedKeys(): ListedKeys {
  const seen = new Uint8Array(bits / 8);
  const placesOf = (key: string) => {
    const hash = key.slice(key.indexOf('/') + 1);
    // A public file and a private one of the same content have the same hash.
    const turn = key.startsWith('source/') ? bits / 2 : 0;
    return Array.from({ length: probes }, (_, at) => {
      const place = Number.parseInt(hash.slice(at * digits, (at + 1) * digits), 16);
      return (place + turn) % bits;
    });
  };
  return {
    add(key) {
      for (const place of placesOf(key)) seen[place >> 3] = (seen[place >> 3] ?? 0) | (1 << (place & 7));
    },
    mayHave: (key) => placesOf(key).every((place) => ((seen[place >> 3] ?? 0) >> (place & 7)) & 1),
  };
}
