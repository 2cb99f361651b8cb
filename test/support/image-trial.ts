import { createImageProcessor } from '../../src/platform/images.ts';
import { judgeImage } from './image-verdict.ts';
import { createMemoryWatch } from './memory-watch.ts';

// The process in which images are tried: it is told a path at a time, and answers with what it took besides.
const images = createImageProcessor();
const memory = createMemoryWatch();
/** Of Node and the libraries, before any picture. */
const idleMb = memory.takePeakMb();

process.on('message', async (path: string) => {
  const startedAt = process.cpuUsage();
  const verdict = await judgeImage(images, path);
  const { user, system } = process.cpuUsage(startedAt);
  process.send?.({ ...verdict, cpuMs: (user + system) / 1000, memoryMb: memory.takePeakMb() - idleMb });
});
process.on('disconnect', () => process.exit());
