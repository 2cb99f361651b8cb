import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: {
    // vitest loads ESM for our files and CommonJS for dependencies: without this there are two graphql modules, and
    // an error made with one is a stranger to the other.
    alias: [{ find: /^graphql$/, replacement: createRequire(import.meta.url).resolve('graphql/index.js') }],
  },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/browser/**', 'test/scale/**', 'test/faults/**', 'test/redis/**', 'test/clamd/**'],
    globalSetup: ['test/support/global-setup.ts'],
    // What is waited for comes within a second on an idle machine: by default a busy one would fail after just that.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 20_000 } },
    pool: 'forks',
    // Nothing of ours keeps state in a module, and to import the server anew for each file takes a fifth of the time.
    isolate: false,
    // While one file waits for PostgreSQL, another can run: on two cores as well.
    maxWorkers: Math.max(2, availableParallelism() - 1),
  },
});
