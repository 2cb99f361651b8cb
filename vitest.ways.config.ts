import { defineConfig, mergeConfig } from 'vitest/config';
import shared from './vitest.config.ts';

/** What asks over GraphQL for all that the API has, but for what takes long and is about values and people, not about answers. */
const tests = [
  'administrators',
  'audit-log',
  'blocks',
  'completion',
  'errors',
  'event-lists',
  'events',
  'follow-requests',
  'follows',
  'limits',
  'profile',
  'validation',
  'view-as',
  'visibility',
];

/**
 * The tests of the API once more, by Yoga's way of answering: `npm run test:ways`. Else they take the short one, as most
 * clients do.
 */
export default mergeConfig(
  { ...shared, test: { ...shared.test, include: [] } },
  defineConfig({
    test: { include: tests.map((name) => `test/${name}.test.ts`), env: { VISAGE_TEST_WAY: 'yoga' } },
  }),
);
