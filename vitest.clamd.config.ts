import { defineConfig, mergeConfig } from 'vitest/config';
import shared from './vitest.config.ts';

/** What needs a real clamd: `npm run test:clamd`, on a machine with Debian's clamav-daemon or the like. */
export default mergeConfig(
  { ...shared, test: { ...shared.test, include: [], exclude: [] } },
  defineConfig({ test: { include: ['test/clamd/**/*.test.ts'], fileParallelism: false } }),
);
