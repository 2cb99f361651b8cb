import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = resolve(import.meta.dirname, '../..');
// By its address, since a test may start the program elsewhere.
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/**
 * What Node is to run for the program in a process of its own: the source, or, where VISAGE_TEST_PROGRAM names it, the
 * compiled program, which starts in half of the time.
 */
export const program: readonly string[] = process.env.VISAGE_TEST_PROGRAM
  ? [resolve(root, process.env.VISAGE_TEST_PROGRAM)]
  : ['--import', tsx, resolve(root, 'src/main.ts')];
