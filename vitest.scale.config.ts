import { defineConfig, mergeConfig } from 'vitest/config';
import shared from './vitest.config.ts';

/** What needs a database of a real size: `npm run test:scale`. Seeding it takes a minute or two. */
export default mergeConfig(
  { ...shared, test: { ...shared.test, include: [], exclude: [] } },
  defineConfig({
    test: {
      include: ['test/scale/**/*.test.ts'],
      fileParallelism: false,
      testTimeout: 300_000,
      hookTimeout: 1_800_000,
    },
  }),
);
