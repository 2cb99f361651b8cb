import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { toPictureKey } from '../src/platform/picture-store.ts';
import { deleteAccount, expectErased, passRemovalDelay } from './support/account.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { send } from './support/http.ts';
import { createImportFolder, newId } from './support/import.ts';
import { asPerson, createPerson, type Person } from './support/person.ts';
import { createPictureOwner } from './support/picture-owner.ts';
import { stubKeys } from './support/picture-shelves.ts';
import { photo } from './support/pictures.ts';
import { createS3Server, type S3Server } from './support/s3-server.ts';

let s3: S3Server;
/** Two servers on one bucket: one passes pictures on, the other sends to the bucket. */
let app: TestApp;
let redirecting: TestApp;
beforeAll(async () => {
  s3 = await createS3Server();
  stubKeys(s3);
  app = await createTestApp({ env: { STORAGE_URL: s3.url() } });
  redirecting = await createTestApp({ env: { STORAGE_URL: s3.url({ delivery: 'redirect' }) }, beside: app });
});
afterEach(() => s3.recover());
afterAll(async () => {
  await redirecting.close();
  await app.close();
  await s3.close();
});

const pathOfPicture = async (person: Person) => new URL((await person.me()).imageUrl).pathname;
const nameOf = (path: string) => path.replace('/pictures/', 'pictures/public/');
const fetchFrom = (from: TestApp, path: string, init?: RequestInit) =>
  from.fetch(new Request(new URL(path, 'http://visage.test'), { redirect: 'manual', ...init }));
/** What was fetched from the bucket; beside it, servers list and delete there when they find the time. */
const fetched = () => s3.requests.filter((request) => request.startsWith('GET pictures/'));
const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer());

async function createPersonWithPicture() {
  const ada = await createPictureOwner(app);
  const before = new Set(s3.objects.keys());
  await ada.upload(await photo([120, 80 + Math.floor(Math.random() * 1_000)]));
  const names = [...s3.objects.keys()].filter((name) => !before.has(name));
  return { ada, path: await pathOfPicture(ada), names };
}

describe('a picture that was uploaded', () => {
  test('is in the bucket, each size and the private copy once', async () => {
    const { path, names } = await createPersonWithPicture();
    expect(names).toContain(nameOf(path));
    expect(names.filter((name) => name.startsWith('pictures/source/'))).toHaveLength(1);
    for (const name of names) expect(name).toMatch(/^pictures\/(public|source)\/[0-9a-f]{64}\.webp$/);
  });

  test('comes through the server, whole and in part', async () => {
    const { path } = await createPersonWithPicture();
    const whole = await fetchFrom(app, path);
    const bytes = await bytesOf(whole);
    expect([whole.status, `pictures/${toPictureKey(bytes)}`]).toEqual([200, nameOf(path)]);
    expect(whole.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    const part = await fetchFrom(app, path, { headers: { range: 'bytes=-10' } });
    expect([part.status, await bytesOf(part)]).toEqual([206, bytes.subarray(-10)]);
  });

  test('comes from the bucket where the server sends there, without a question of its own', async () => {
    const { path } = await createPersonWithPicture();
    s3.requests.length = 0;
    const sent = await fetchFrom(redirecting, path);
    expect([sent.status, fetched()]).toEqual([302, []]);
    expect(Object.fromEntries(sent.headers)).toMatchObject({
      'cache-control': 'public, max-age=240',
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
    });
    const found = await fetch(sent.headers.get('location') ?? '');
    expect(await bytesOf(found)).toEqual(await bytesOf(await fetchFrom(app, path)));
    const head = await fetchFrom(redirecting, path, { method: 'HEAD' });
    expect((await fetch(head.headers.get('location') ?? '', { method: 'HEAD' })).status).toBe(200);
  });

  test('is cropped again from its private copy', async () => {
    const { ada, path } = await createPersonWithPicture();
    expect(await ada.recrop(1, { left: 0, top: 0, size: 60 })).toMatchObject({ version: 2, isActive: true });
    const cropped = await pathOfPicture(ada);
    expect(cropped).not.toBe(path);
    expect((await fetchFrom(app, cropped)).status).toBe(200);
  });

  test('leaves the bucket with its account', async () => {
    const { ada, path, names } = await createPersonWithPicture();
    expect(names.length).toBeGreaterThan(1);
    await deleteAccount(ada);
    await expectErased(app, ada.id);
    for (const name of names) s3.makeOld(name);
    await passRemovalDelay(app);
    const left = () => names.filter((name) => s3.objects.has(name));
    await vi.waitFor(() => expect(left()).toEqual([]), { timeout: 30_000, interval: 50 });
    expect((await fetchFrom(app, path)).status).toBe(404);
  }, 60_000);
});

test('what was never stored is not there, and initials need no bucket', async () => {
  const nothing = `/pictures/${'0'.repeat(64)}.webp`;
  expect((await fetchFrom(app, nothing)).status).toBe(404);
  const location = (await fetchFrom(redirecting, nothing)).headers.get('location') ?? '';
  expect((await fetch(location)).status).toBe(404);
  const ada = await createPerson(redirecting);
  s3.requests.length = 0;
  expect((await fetchFrom(redirecting, await pathOfPicture(ada))).status).toBe(200);
  expect((await fetchFrom(redirecting, '/pictures/..%2fsource')).status).toBe(404);
  expect(fetched()).toEqual([]);
});

test('users move in with their pictures', async () => {
  const folder = await createImportFolder(app);
  await folder.add('ada.jpg', await photo([200, 200]));
  const id = newId();
  const run = await folder.run([{ id, picture: { path: 'ada.jpg' } }], { env: { STORAGE_URL: s3.url() } });
  expect(run).toMatchObject({ exitCode: 0, counts: { pictures: [1, 0, 0, 0] } });
  const ada = asPerson(app, id, await app.sign({ sub: id }));
  expect(s3.objects.has(nameOf(await pathOfPicture(ada)))).toBe(true);
});

test('a bucket that is away stops uploads and pictures and nothing else, until it is back', async () => {
  const { ada, path } = await createPersonWithPicture();
  const ready = async () => (await send(app, '/health/ready')).status;
  expect(await ready()).toBe(200);
  await s3.goAway();
  await expect(ada.upload(await photo([90, 90]))).rejects.toThrow('SERVICE_UNAVAILABLE');
  const lost = await fetchFrom(app, path);
  expect([lost.status, lost.headers.get('cache-control')]).toEqual([503, 'no-store']);
  expect(await ready()).toBe(503);
  expect((await fetchFrom(redirecting, path)).status).toBe(302);
  expect((await ada.me()).picture?.version).toBe(1);
  await s3.comeBack();
  await ada.upload(await photo([90, 90]));
  expect((await ada.me()).picture?.version).toBe(2);
  expect((await fetchFrom(app, path)).status).toBe(200);
  expect(await ready()).toBe(200);
});
