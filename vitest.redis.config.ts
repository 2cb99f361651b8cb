import { defineConfig, mergeConfig } from 'vitest/config';
import shared from './vitest.config.ts';

/** What needs a real Redis: `npm run test:redis`, on a machine with redis-server. */
export default mergeConfig(
  { ...shared, test: { ...shared.test, include: [], exclude: [] } },
  defineConfig({ test: { include: ['test/redis/**/*.test.ts'], fileParallelism: false } }),
);
