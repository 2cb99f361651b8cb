import naughtyStrings from 'big-list-of-naughty-strings/blns.json' with { type: 'json' };

/** What a client might send as a text: the published list, and what it lacks. */
export const texts: string[] = [
  ...new Set([
    ...naughtyStrings,
    'ada',
    'EUR',
    'pt-BR',
    'first line\nsecond line\r\n\tthird line',
    'a lone\rcarriage return',
    '\u0000',
    'a\u0000b',
    '\ud800',
    'a\udfffb',
    '\udc00\ud800',
    '\u202eevil\u202c',
    '\u200fשלום\u200e',
    '\u180e\u2028\u00a0\u0085',
    'é'.repeat(60),
    'e\u0301'.repeat(61),
    '👨‍👩‍👧‍👦'.repeat(64),
    'x'.repeat(129),
    '\u0300'.repeat(129),
  ]),
];

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** How long a text may be, as a reader counts or in code points, and what of it may be out of the ordinary. */
export interface TextRules {
  graphemes?: number;
  codePoints?: number;
  isMultiline?: boolean;
  isClearable?: boolean;
  /** Whether white space at its ends counts. */
  isExact?: boolean;
}

/** Whether the rules of texts allow a text, judged apart from the server's own code. */
export function isAllowed(
  raw: string,
  { graphemes, codePoints, isMultiline, isClearable, isExact }: TextRules,
): boolean {
  const text = isExact ? raw : raw.trim();
  const line = isMultiline ? text.replaceAll('\r\n', '').replaceAll(/[\n\t]/g, '') : text;
  if (/[\p{Cs}\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(line)) return false;
  if (text === '') return isClearable ?? false;
  return (
    [...text].length <= (codePoints ?? Number.POSITIVE_INFINITY) &&
    [...segmenter.segment(text)].length <= (graphemes ?? Number.POSITIVE_INFINITY)
  );
}

/** Does some work for each text, on several sides at once, each side with a worker of its own, one text after the other. */
export async function amongWorkers<Worker>(
  createWorker: () => Promise<Worker>,
  work: (worker: Worker, text: string) => Promise<unknown>,
): Promise<void> {
  const sides = 12;
  await Promise.all(
    Array.from({ length: sides }, async (_, side) => {
      const worker = await createWorker();
      for (const [index, text] of texts.entries()) if (index % sides === side) await work(worker, text);
    }),
  );
}
