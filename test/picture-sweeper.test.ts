import { mkdir, unlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { sweepIfDue } from '../src/modules/picture/sweeper.ts';
import { toPictureKey, toSourceKey } from '../src/platform/picture-store.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { send } from './support/http.ts';
import { createTestLog } from './support/log.ts';
import { createPerson } from './support/person.ts';
import { neededKeys, passSettling, runSweep, storedKeys } from './support/picture-files.ts';
import { photo } from './support/pictures.ts';

const eventually = { timeout: 30_000, interval: 50 };

let apps: TestApp[] = [];
afterEach(async () => {
  for (const app of apps.toReversed()) await app.close();
  apps = [];
});

async function createServer(beside?: TestApp): Promise<TestApp> {
  const app = await createTestApp(beside && { beside });
  apps.push(app);
  return app;
}

const pathOf = ({ folder }: TestApp, key: string) => {
  const [namespace = '', name = ''] = key.split('/');
  return join(folder, namespace, name.slice(0, 2), name);
};

const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);

/** Makes files that were written so long ago. */
async function age(app: TestApp, keys: string[], minutes: number): Promise<void> {
  for (const key of keys) await utimes(pathOf(app, key), minutesAgo(minutes), minutesAgo(minutes));
}

/** Puts a file there that nobody needs, as an upload does that ends before it has its row. */
async function addOrphan(app: TestApp, text: string, { minutes = 61, toKey = toPictureKey } = {}): Promise<string> {
  const key = toKey(Buffer.from(text));
  await mkdir(dirname(pathOf(app, key)), { recursive: true });
  await writeFile(pathOf(app, key), text);
  await age(app, [key], minutes);
  return key;
}

const report = (files: number, removed: number, temporary: number, missing: number) => [
  `files                          ${files}`,
  expect.stringMatching(new RegExp(`^needed by no picture {11}${removed}( \\(|$)`)),
  `remains of interrupted writes  ${temporary}`,
  expect.stringMatching(new RegExp(`^pictures that lack a file {6}${missing}( \\(|$)`)),
];

/** A server that starts now does at once what others have asked for. */
async function finishRemovals(app: TestApp): Promise<void> {
  await passSettling(app);
  await createServer(app);
  const { prisma } = app.platform.db;
  await vi.waitFor(
    async () => expect(await prisma.fileRemoval.count({ where: { removedAt: null } })).toBe(0),
    eventually,
  );
}

describe('a sweep', () => {
  test('removes files that no picture needs, an hour after they were written, and says what it did', async () => {
    const app = await createServer();
    const ada = await createPerson(app);
    for (const width of [300, 310]) await ada.upload(await photo([width, 200]));
    const needed = await neededKeys(app);
    await age(app, needed, 600);
    const orphans = [
      await addOrphan(app, 'an old one'),
      await addOrphan(app, 'an old copy', { toKey: toSourceKey }),
      await addOrphan(app, 'a very old one', { minutes: 100_000 }),
    ];
    const young = await addOrphan(app, 'of an upload under way', { minutes: 59 });
    expect(await runSweep(app)).toEqual({ lines: report(needed.length + 4, 3, 0, 0), failure: null });
    expect(await storedKeys(app)).toEqual([...needed, ...orphans, young].toSorted());
    await finishRemovals(app);
    expect(await storedKeys(app)).toEqual([...needed, young].toSorted());
    expect(await runSweep(app)).toEqual({ lines: report(needed.length + 1, 0, 0, 0), failure: null });
    expect((await app.fetch(new Request((await ada.me()).picture?.url ?? ''))).status).toBe(200);
  });

  test('goes through thousands of files', async () => {
    const app = await createServer();
    for (let at = 0; at < 2_100; at++) await addOrphan(app, `file ${at}`);
    expect(await runSweep(app, ['--even-most'])).toEqual({ lines: report(2_100, 2_100, 0, 0), failure: null });
    expect(await app.platform.db.prisma.fileRemoval.count()).toBe(2_100);
  });

  test("removes nothing where most files are needed by nobody: the store may be another database's", async () => {
    const app = await createServer();
    for (let at = 0; at < 9; at++) await addOrphan(app, `file ${at}`);
    const failure = expect.stringMatching(/9 of 9 files .* --even-most$/);
    expect(await runSweep(app)).toEqual({ lines: [], failure });
    const { log, lines } = createTestLog();
    await app.platform.db.prisma.pictureSweep.updateMany({ data: { startedAt: null } });
    await sweepIfDue({ ...app.platform, log });
    expect(lines).toMatchObject([
      { msg: 'picture files swept', removed: 0 },
      { level: 50, msg: failure },
    ]);
    expect(await app.platform.db.prisma.fileRemoval.count()).toBe(0);
    expect(await runSweep(app, ['--most'])).toMatchObject({ failure: expect.stringMatching(/--even-most/) });
  });

  test('removes what interrupted writes left', async () => {
    const app = await createServer();
    await (await createPerson(app)).upload(await photo([100, 80]));
    const keys = await storedKeys(app);
    await writeFile(join(dirname(pathOf(app, keys[0] ?? '')), '.writing-1'), 'half');
    expect((await runSweep(app)).lines).toEqual(report(keys.length, 0, 0, 0));
    // By when its name changed last, which nobody can set: the clock is moved instead.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_700_000 });
    try {
      expect((await runSweep(app)).lines).toEqual(report(keys.length, 0, 1, 0));
    } finally {
      vi.useRealTimers();
    }
  });

  test('tells of pictures that lack a file, and leaves them alone', async () => {
    const app = await createServer();
    const [ada, grace] = [await createPerson(app), await createPerson(app)];
    for (const person of [ada, grace]) await person.upload(await photo([300, 200]));
    const [lost] = await app.platform.db.prisma.picture.findMany({ where: { userId: ada.id } });
    if (!lost) throw new Error('There is no picture.');
    await unlink(pathOf(app, lost.sourceKey));
    const { log, lines } = createTestLog();
    await sweepIfDue({ ...app.platform, log });
    expect(lines).toMatchObject([
      { msg: 'pictures lack files in the picture store', missing: 1, pictures: [lost.id] },
      { msg: 'picture files swept', removed: 0, temporary: 0, missing: 1 },
    ]);
    expect(await runSweep(app)).toMatchObject({ failure: expect.stringMatching(/backup/) });
    expect(await app.platform.db.prisma.picture.count()).toBe(2);
    const { text } = await send(app, '/metrics');
    expect(text).toMatch(/^visage_pictures_without_files 1$/m);
  });
});

describe('servers that share a store', () => {
  const sweepsOf = async (servers: TestApp[]): Promise<number> => {
    const { log, lines } = createTestLog();
    await Promise.all(servers.map(({ platform }) => sweepIfDue({ ...platform, log })));
    return lines.filter(({ msg }) => msg === 'picture files swept').length;
  };
  const lastSweep = async ({ platform }: TestApp, data: Record<string, Date | null>) =>
    void (await platform.db.prisma.pictureSweep.updateMany({ data }));

  test('sweep it once an hour between them', async () => {
    const app = await createServer();
    const servers = [app, await createServer(app), await createServer(app)];
    expect(await sweepsOf(servers)).toBe(1);
    expect(await sweepsOf(servers)).toBe(0);
    await lastSweep(app, { startedAt: minutesAgo(61), progressedAt: minutesAgo(60), finishedAt: minutesAgo(60) });
    expect(await sweepsOf(servers)).toBe(1);
    expect(await sweepsOf(servers)).toBe(0);
  });

  test('leave one that is under way alone, and take over one whose server was killed', async () => {
    const app = await createServer();
    await lastSweep(app, { startedAt: minutesAgo(120), progressedAt: minutesAgo(4), finishedAt: minutesAgo(180) });
    expect(await sweepsOf([app])).toBe(0);
    await lastSweep(app, { startedAt: minutesAgo(20), progressedAt: minutesAgo(6), finishedAt: null });
    expect(await sweepsOf([app])).toBe(1);
  });

  test('tell when it was done, and how many files they removed', async () => {
    const app = await createServer();
    expect((await send(app, '/metrics')).text).toMatch(/^visage_picture_sweep_age_seconds \+Inf$/m);
    await (await createPerson(app)).upload(await photo([300, 200]));
    const { length } = await neededKeys(app);
    await addOrphan(app, 'an orphan');
    expect(await sweepsOf([app])).toBe(1);
    await finishRemovals(app);
    const texts = await Promise.all(apps.map(async (server) => (await send(server, '/metrics')).text));
    const counts = texts.map((text) => Number(/^visage_picture_files_removed_total (\d+)$/m.exec(text)?.[1]));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1);
    expect(texts[0]).toMatch(/^visage_picture_sweep_age_seconds \d/m);
    expect(texts[0]).toMatch(new RegExp(`^visage_picture_files ${length + 1}$`, 'm'));
  });
});
