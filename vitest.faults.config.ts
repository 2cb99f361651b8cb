import { defineConfig, mergeConfig } from 'vitest/config';
import shared from './vitest.config.ts';

/** Crashes, crowds and slow consumers: `npm run test:faults`. Each has the machine to itself. */
export default mergeConfig(
  { ...shared, test: { ...shared.test, include: [], exclude: [] } },
  defineConfig({
    test: {
      include: ['test/faults/**/*.test.ts'],
      fileParallelism: false,
      testTimeout: 180_000,
      hookTimeout: 120_000,
    },
  }),
);
