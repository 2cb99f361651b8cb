import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { print } from 'graphql';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestApp, type TestApp } from '../support/app.ts';
import { UploadProfilePictureDocument } from '../support/operations.ts';
import { createPerson, type Person, toMultipart } from '../support/person.ts';
import { toForm } from '../support/rest.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';

const people = 20;
const limitMB = 600;
/** Of the largest files that are accepted. */
const fileBytes = 10 * 1024 * 1024;
/** As the start scripts and the image set it: glibc keeps what threads free, for each of them, and hundreds of megabytes with it. */
const allocator = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '33554432' };

let app: TestApp;
let server: ServerProcess;
let uploaders: Person[];
beforeAll(async () => {
  app = await createTestApp();
  uploaders = await Promise.all(Array.from({ length: people }, () => createPerson(app)));
  server = await startServer({
    DATABASE_URL: app.database.connectionString,
    STORAGE_URL: `file://${app.folder}`,
    CLERK_JWT_KEY: app.publicKey,
    RATE_LIMITS: 'off',
    ...allocator,
  });
});
afterAll(async () => {
  await server?.stop();
  await app?.close();
});

/** Interlaced, of 24 megapixels and as many bytes as a file may have: all of it is in memory at once, and decoded. */
async function worstPng(): Promise<Buffer> {
  const [width, height, channels] = [6000, 4000, 4] as const;
  const rowBytes = width * channels;
  const pixels = Buffer.alloc(rowBytes * height, 128);
  // Noise does not compress, so it decides how many bytes the file has; what does takes the rest.
  const noisyRows = Math.floor((fileBytes * 0.85) / rowBytes);
  const distance = Math.floor(height / noisyRows);
  for (let row = 0; row < noisyRows; row++) pixels.set(randomBytes(rowBytes), row * distance * rowBytes);
  return sharp(pixels, { raw: { width, height, channels } }).png({ progressive: true, compressionLevel: 1 }).toBuffer();
}

/** The request of an upload, by GraphQL or by REST, as bytes that are there before anything is measured. */
async function toUpload({ token }: Person, file: Buffer, by: 'graphql' | 'rest'): Promise<Request> {
  const form =
    by === 'rest'
      ? toForm(file)
      : toMultipart(print(UploadProfilePictureDocument), {}, new File([new Uint8Array(file)], 'photo.png'));
  const path = by === 'rest' ? '/api/profile/upload-picture' : '/graphql';
  const encoded = new Response(form);
  const headers = { authorization: `Bearer ${token}`, 'content-type': encoded.headers.get('content-type') ?? '' };
  return new Request(server.url + path, { method: 'POST', headers, body: await encoded.arrayBuffer() });
}

/** The most memory that the server ever had, in MB. */
async function peakMB(): Promise<number> {
  const status = await readFile(`/proc/${server.pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

/** Asks for `me` every few milliseconds, so many times or until told to stop; `times` are how long each took. */
function startAsking({ token }: Person, atMost = Number.POSITIVE_INFINITY) {
  const path = join(import.meta.dirname, '../support/asking-process.ts');
  const child = fork(path, [server.url, token ?? '', String(atMost)], { execArgv: ['--import', 'tsx'] });
  const times = once(child, 'message').then(([told]): number[] => {
    expect(told.wrong).toEqual([]);
    return told.times;
  });
  return { times, stop: () => child.send('stop') };
}

const percentile = (times: number[], share: number) =>
  Math.round(times.toSorted((a, b) => a - b)[Math.ceil(times.length * share) - 1] ?? 0);
const describeTimes = (times: number[]) =>
  `${times.length} requests, p50 ${percentile(times, 0.5)} ms, p99 ${percentile(times, 0.99)} ms`;

/** Stored, or refused with what to do: come back later, or bring a picture that takes less time. */
async function sendUpload(request: Request): Promise<'stored' | 'refused'> {
  const response = await fetch(request);
  const text = await response.text();
  if (response.status === 201 || text.includes('"__typename":"ProfilePicture"')) return 'stored';
  expect(text).toMatch(/Too many pictures are in work|within \d+ seconds/);
  return 'refused';
}

test('20 worst pictures at once fit into the memory of a small server, which goes on answering', async () => {
  const reader = await createPerson(app);
  const file = await worstPng();
  expect(file.length).toBeGreaterThan(fileBytes * 0.9);
  expect(file.length).toBeLessThanOrEqual(fileBytes);
  const requests = await Promise.all(
    uploaders.map((person, at) => toUpload(person, file, at % 2 === 0 ? 'graphql' : 'rest')),
  );
  const idleMB = await peakMB();
  const idle = await startAsking(reader, 100).times;

  const meanwhile = startAsking(reader);
  const startedAt = performance.now();
  const outcomes = await Promise.all(requests.map(sendUpload));
  const tookS = (performance.now() - startedAt) / 1000;
  meanwhile.stop();
  const busy = await meanwhile.times;
  const stored = outcomes.filter((outcome) => outcome === 'stored').length;
  process.stdout.write(`idle: ${Math.round(idleMB)} MB at most; ${describeTimes(idle)}
${stored} of ${people} stored in ${tookS.toFixed(1)} s: ${Math.round(await peakMB())} MB at most; ${describeTimes(busy)}\n`);
  expect(stored).toBeGreaterThan(0);
  expect(await app.platform.db.prisma.picture.count()).toBe(stored);
  expect(await peakMB()).toBeLessThan(limitMB);
});
