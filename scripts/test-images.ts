import { relative } from 'node:path';
import { tryImages } from '../test/support/try-images.ts';

// Usage: npm run test:images -- [folder]. For each file below it: either a stored picture within the limits, or a typed error.
const folder = process.argv[2] ?? 'test/fixtures/images';
const counts = { stored: 0, refused: 0, wrong: 0 };
const most = { tookMs: 0, cpuMs: 0, memoryMb: 0 };

for await (const { path, outcome, detail, tookMs, cpuMs, memoryMb } of tryImages(folder)) {
  counts[outcome]++;
  most.tookMs = Math.max(most.tookMs, tookMs);
  most.cpuMs = Math.max(most.cpuMs, cpuMs);
  most.memoryMb = Math.max(most.memoryMb, memoryMb);
  if (outcome === 'wrong') process.stdout.write(`${relative(folder, path)}: ${detail}\n`);
}

const took = `at most ${Math.ceil(most.tookMs)} ms for one, ${Math.ceil(most.cpuMs)} of CPU, ${Math.ceil(most.memoryMb)} MB`;
process.stdout.write(`${counts.stored} stored, ${counts.refused} refused, ${counts.wrong} wrong; ${took}\n`);
if (counts.wrong > 0 || counts.stored + counts.refused === 0) process.exitCode = 1;
