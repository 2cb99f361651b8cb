import { createImageProcessor, type ImageProcessor } from '../../src/platform/images.ts';
import { judgeImage } from './image-verdict.ts';
import { createMemoryWatch } from './memory-watch.ts';

// The process in which images are tried: it is told a path at a time, and answers with what it took besides.
const images = createImageProcessor();
const memory = createMemoryWatch();
/** Of Node and the libraries, before any picture. */
const idleMb = memory.takePeakMb();

process.on('message', async (path: string) => {
  let took = { tookMs: 0, cpuMs: 0, memoryMb: 0 };
  // To judge what was made takes time and memory, too, which isn't counted.
  const watched: ImageProcessor = {
    ...images,
    async process(...upload) {
      memory.takePeakMb();
      const startedAt = performance.now();
      const cpuBefore = process.cpuUsage();
      try {
        return await images.process(...upload);
      } finally {
        const { user, system } = process.cpuUsage(cpuBefore);
        const tookMs = performance.now() - startedAt;
        took = { tookMs, cpuMs: (user + system) / 1000, memoryMb: memory.takePeakMb() - idleMb };
      }
    },
  };
  process.send?.({ ...(await judgeImage(watched, path)), ...took });
});
process.on('disconnect', () => process.exit());
