import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestApp, type TestApp } from '../support/app.ts';
import { anonymous } from '../support/person.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** What is kept of documents and of compiled operations may take half of it. */
const maxGrowthMb = 150;

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

const fields =
  'id username displayName email firstName lastName createdAt updatedAt viewerFollow followsViewer imageUrl';

/** As large as one may be that is compiled, and like no other. */
const toDocument = (number: number) =>
  `{ ${Array.from({ length: 18 }, (_, at) => `n${number}a${at}: me { ${fields} }`).join(' ')} }`;

function heapMb(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed / 1e6;
}

test('operations that come a few times and never again leave little behind', async () => {
  const client = anonymous(app);
  const askOften = async (number: number) => {
    for (let time = 0; time < 3; time++) await client.query(toDocument(number));
  };
  await askOften(0);
  const before = heapMb();
  for (let number = 1; number <= 250; number++) await askOften(number);
  expect(heapMb() - before).toBeLessThan(maxGrowthMb);
});
