import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkScanner } from '../../src/commands/doctor/scanner-checks.ts';
import { readConfig } from '../../src/config.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { testVirus } from '../support/clamd.ts';
import { importEnv } from '../support/import.ts';
import { createPerson } from '../support/person.ts';
import { photo } from '../support/pictures.ts';
import { createRealClamd, type RealClamd } from './real-clamd.ts';

let clamd: RealClamd;
let app: TestApp;
beforeAll(async () => {
  clamd = await createRealClamd({ virus: testVirus });
  await clamd.start();
  app = await createTestApp({ env: clamd.env });
});
afterAll(async () => {
  await app.close();
  await clamd.close();
});

const checkBy = ({ env }: RealClamd) => checkScanner(readConfig({ ...importEnv(app), ...env }).clamav);

test('clamd lets a photo pass, and not one with its signature behind its end', async () => {
  const ada = await createPerson(app);
  const picture = await photo([300, 200]);
  expect(await ada.upload(picture)).toMatchObject({ version: 1 });
  expect(await ada.upload(Buffer.concat([picture, Buffer.from(testVirus)]))).toMatchObject({
    __typename: 'UnsupportedImageError',
    message: 'The file was refused by the virus scanner.',
  });
});

test('clamd reads a file of 10 MiB to its last byte', async () => {
  const ada = await createPerson(app);
  const largest = Buffer.alloc(10 * 1024 * 1024);
  expect(await ada.upload(largest)).toMatchObject({ message: expect.not.stringContaining('scanner') });
  largest.write(testVirus, largest.length - testVirus.length);
  expect(await ada.upload(largest)).toMatchObject({ message: 'The file was refused by the virus scanner.' });
});

test('clamd that was killed lets nothing pass until it is back', async () => {
  const ada = await createPerson(app);
  const picture = await photo([64, 64]);
  await clamd.stop();
  await expect(ada.upload(picture)).rejects.toThrow(/SERVICE_UNAVAILABLE/);
  await clamd.start();
  expect(await ada.upload(picture)).toMatchObject({ version: 1 });
});

test('the doctor asks clamd for its version, and whether it takes files of 10 MiB', async () => {
  expect(await checkBy(clamd)).toMatchObject({ status: 'warning', found: expect.stringMatching(/^ClamAV .*none/) });
  const small = await createRealClamd({ virus: testVirus, streamMaxLength: '1M' });
  await small.start();
  expect(await checkBy(small)).toMatchObject({ status: 'failed', found: expect.stringContaining('10 MiB') });
  await small.close();
});
