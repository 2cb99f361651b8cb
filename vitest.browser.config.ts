import { defineConfig, mergeConfig } from 'vitest/config';
import shared from './vitest.config.ts';

/** What needs a browser: `npx vitest run --config vitest.browser.config.ts`, on a machine with Chromium. */
export default mergeConfig(
  { ...shared, test: { ...shared.test, include: [], exclude: [] } },
  defineConfig({ test: { include: ['test/browser/**/*.test.ts'], fileParallelism: false, testTimeout: 60_000 } }),
);
