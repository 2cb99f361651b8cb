/** What Clerk tells of one user, by the order in which it happened there. */
export const happenings = ['created', 'updated', 'updatedAgain', 'deleted'] as const;

export type Happening = (typeof happenings)[number];

/** One thing that reaches the server: a webhook, sent anew or as it was sent before, or a request of the user's. */
export type Step = { webhook: Happening; isReplay: boolean } | 'request';

const request: Step = 'request';

/** Steps that run one batch after the other, those of a batch at the same moment. */
export interface Sequence {
  /** Whose webhooks arrive, in the order in which they happened. */
  set: Happening[];
  batches: Step[][];
}

/** How a sequence reaches the server. */
type Style = 'one by one' | 'requests between' | 'some at once' | 'all at once';
const styles: Style[] = ['one by one', 'requests between', 'some at once', 'all at once'];

/**
 * So many sequences: every order of all four webhooks, and of the three without the deletion, in every style; and from there
 * on any of them once or twice, in any order and style, the same in every run.
 */
export function toSequences(count: number): Sequence[] {
  const random = createRandom(20_261_121);
  const everyOrder = [happenings, happenings.slice(0, 3)].flatMap((set) => ordersOf(set));
  const sequences = everyOrder.flatMap((order) => styles.map((style) => toSequence(order, style, random)));
  while (sequences.length < count) {
    const set = happenings.filter(() => random() < 0.65);
    const twice = set.filter(() => random() < 0.4);
    const style = styles[Math.floor(random() * styles.length)] as Style;
    if (set.length > 0) sequences.push(toSequence(shuffled([...set, ...twice], random), style, random));
  }
  return sequences;
}

function toSequence(order: readonly Happening[], style: Style, random: () => number): Sequence {
  const set = happenings.filter((happening) => order.includes(happening));
  const webhooks = order.map((webhook) => ({ webhook, isReplay: random() < 0.5 }));
  return { set, batches: toBatches(webhooks, style, random) };
}

function toBatches(webhooks: Step[], style: Style, random: () => number): Step[][] {
  if (style === 'one by one') return webhooks.map((step) => [step]);
  if (style === 'requests between') return [[request], ...webhooks.flatMap((step) => [[step], [request]])];
  if (style === 'all at once') return [shuffled([...webhooks, request, request], random)];
  const batches: Step[][] = [[]];
  for (const step of shuffled([...webhooks, request], random)) {
    if (random() < 0.5) batches.push([]);
    batches.at(-1)?.push(step);
  }
  return batches.filter((batch) => batch.length > 0);
}

function ordersOf<Item>(items: readonly Item[]): Item[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item) => ordersOf(items.filter((other) => other !== item)).map((rest) => [item, ...rest]));
}

function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  return items
    .map((item) => ({ item, key: random() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

/** Mulberry32: small, and the same everywhere. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
