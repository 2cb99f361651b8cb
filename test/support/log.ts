import { createLog } from '../../src/platform/log.ts';

/** A log whose lines a test can read. */
export function createTestLog(level = 'info') {
  const lines: (Record<string, unknown> & { level: number; msg: string })[] = [];
  const log = createLog(level, { write: (line) => void lines.push(JSON.parse(line)) });
  return { log, lines };
}
