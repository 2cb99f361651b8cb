import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createTestApp, type TestApp } from './support/app.ts';
import { createDatabase } from './support/database.ts';
import { createPerson } from './support/person.ts';
import { photo } from './support/pictures.ts';
import { toForm } from './support/rest.ts';
import { createS3Server } from './support/s3-server.ts';
import { startServer } from './support/server-process.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');

/** What docs/deployment.md says that a machine needs beside `dist`. */
const needed = [
  'package.json',
  'prisma/migrations',
  ...['sharp', '@img', 'detect-libc', 'semver'].map((name) => `node_modules/${name}`),
];

let folder: string;
let app: TestApp;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'visage-built-'));
  await run(process.execPath, ['--import', 'tsx', 'scripts/build.ts', join(folder, 'dist')], { cwd: root });
  for (const path of needed) await cp(join(root, path), join(folder, path), { recursive: true });
  app = await createTestApp();
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await app.close();
});

const environment = () => ({
  DATABASE_URL: app.database.connectionString,
  DATA_DIR: app.folder,
  CLERK_JWT_KEY: app.publicKey,
});

/** A command of what was built, to its end. */
const runBuilt = (args: string[], env: Record<string, string>) =>
  run(process.execPath, ['dist/main.js', ...args], { cwd: folder, env: { PATH: process.env.PATH, ...env } });

describe('what is built', () => {
  it('serves, and stores in a bucket, with nothing beside it but sharp and the migrations', async () => {
    const s3 = await createS3Server();
    onTestFinished(() => s3.close());
    const env = { ...environment(), ...s3.env, STORAGE_URL: s3.url() };
    const server = await startServer(env, { program: ['dist/main.js'], folder });
    onTestFinished(async () => void (await server.stop()));
    const ada = await createPerson(app);

    const response = await fetch(`${server.url}/api/profile/upload-picture`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ada.token}` },
      body: toForm(await photo([300, 200])),
    });
    expect(response.status, await response.text()).toBe(201);
    const { imageUrl } = await ada.me();
    const picture = await fetch(new URL(new URL(imageUrl).pathname, server.url));
    expect(picture.headers.get('content-type')).toBe('image/webp');
    expect(s3.objects.size).toBeGreaterThan(0);
  });

  it('applies the migrations', async () => {
    const empty = await createDatabase({ empty: true });
    onTestFinished(() => empty.drop());
    const env = { NODE_ENV: 'production', ...environment(), DATABASE_URL: empty.connectionString };
    const { stdout } = await runBuilt(['migrate'], env);
    expect(stdout).toMatch(/^applied 20261121000000_init\n/);
  });

  it('says in development that it has no demo data', async () => {
    const start = runBuilt([], { ...environment(), SEED_DEMO: 'true', PORT: '0' });
    await expect(start).rejects.toMatchObject({
      stderr: expect.stringMatching(/^NODE_ENV: expected production for the built server, .*\n$/),
    });
  });
});
