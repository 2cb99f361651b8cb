import type { WebpOptions } from 'sharp';
import type { Edges } from './image-codec.ts';
import { frugalWebps, publicWebp, smallest } from './image-encode.ts';

/** A way to show an animation in fewer bytes. */
export interface Look {
  edges: Edges;
  options: WebpOptions;
  /** How many times smaller it is made, before it is made as large again. */
  scale?: number;
}

/** One look of every frame, of every second, and so on; or of two that differ. */
export interface Attempt {
  look: Look;
  stride: number | 'pair';
}

export const usual: Attempt = { look: { edges: 'soft', options: publicWebp }, stride: 1 };
const exact: Look = { edges: 'soft', options: { lossless: true, effort: 1 } };
/** A drawing made smaller without colours in between compresses as well as it did: in a third of the time, or in less by a third. */
const hard: Look = { edges: 'hard', options: { lossless: true, effort: 1 } };
const hardest: Look = { edges: 'hard', options: { lossless: true, effort: 4, minSize: true } };
/** With less effort than a still picture, which has one frame. */
const frugal: Look[] = frugalWebps.map((options) => ({ edges: 'soft', options: { ...options, effort: 2 } }));
const coarse: Look[] = [4, 8].map((scale) => ({
  edges: 'soft',
  options: { quality: 1, alphaQuality: 1, effort: 4 },
  scale,
}));
/** Nothing takes fewer bytes than flat blocks. */
const blocks: Look[] = [4, 8, 16, 32, 64, 128].map((scale) => ({ ...hardest, scale }));
const tiny: Look[] = [1, 128].map((scale) => ({ edges: 'hard', options: { ...smallest, minSize: true }, scale }));
/** Mostly odd: of two pictures in turns, both are left. */
const strides = [1, 2, 3, 5, 9, 17, 33, 65];

/** What is tried after the usual one. What looks best comes first: all frames, then fewer, then two. */
export function toAttempts(drawing: boolean): Attempt[] {
  // Whatever is no drawing is hardly ever smaller without loss, which takes the longest.
  const looks = drawing ? [exact, hard, hardest, ...frugal] : [...frugal, ...coarse, exact, hardest];
  return [
    ...strides.flatMap((stride) => looks.map((look) => ({ look, stride }))),
    ...[...looks, ...blocks, ...tiny].map((look) => ({ look, stride: 'pair' as const })),
  ];
}
