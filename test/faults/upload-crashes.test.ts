import { createHash, randomInt } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createFileRemover } from '../../src/modules/picture/file-remover.ts';
import { deleteAccount, listFiles, passRemovalDelay } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { createTestLog } from '../support/log.ts';
import { createPerson } from '../support/person.ts';
import { deleteAtAnyAge, neededKeys, passSettling, runSweep, storedKeys } from '../support/picture-files.ts';
import { createPictureOwner, type PictureOwner } from '../support/picture-owner.ts';
import { photo } from '../support/pictures.ts';
import { type Acknowledged, bundleUploadProcess, startUploads } from '../support/upload-processes.ts';

const eventually = { timeout: 60_000, interval: 100 };
const range = (length: number) => Array.from({ length }, (_, at) => at + 1);

/** Numbers from 0 to below 1 that a seed decides (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function createFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'visage-crashes-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Every file that a row names is there, and is what its name says. */
async function expectFilesWhole({ platform }: TestApp, why: string): Promise<void> {
  const rows = await platform.db.prisma.picture.findMany();
  for (const { fileKeys, variants, sourceKey } of rows) {
    const shown = (variants as { key: string }[]).map(({ key }) => key);
    expect(fileKeys, why).toEqual(expect.arrayContaining([...shown, sourceKey]));
  }
  for (const key of new Set(rows.flatMap(({ fileKeys }) => fileKeys))) {
    const bytes = await platform.pictures.read(key);
    const hash = bytes && createHash('sha256').update(bytes).digest('hex');
    expect(hash, `${why}, ${key}`).toBe(/[0-9a-f]{64}/.exec(key)?.[0]);
  }
}

/** Versions without a gap, of which the newest is active, and counters that say so. */
async function expectVersionsInOrder({ platform }: TestApp, userIds: string[], why: string): Promise<void> {
  for (const id of userIds) {
    const user = await platform.db.prisma.user.findUniqueOrThrow({
      where: { id },
      include: { pictures: { orderBy: { version: 'asc' } } },
    });
    const newest = user.lastPictureVersion;
    expect(
      user.pictures.map(({ version }) => version),
      why,
    ).toEqual(range(newest));
    expect(
      user.pictures.filter(({ isActive }) => isActive).map(({ version }) => version),
      why,
    ).toEqual(newest > 0 ? [newest] : []);
    expect(user.pictureRevision, why).toBe(newest);
  }
}

/** Two hours later nothing is there but what rows need. */
async function expectSwept(app: TestApp, why: string): Promise<void> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 7_200_000 });
  const { lines, failure } = await runSweep(app).finally(() => vi.useRealTimers());
  expect({ failure, missing: lines.at(-1) }, why).toEqual({ failure: null, missing: expect.stringMatching(/ 0$/) });
  await passRemovalDelay(app);
  const remover = await createTestApp({ beside: app });
  onTestFinished(() => remover.close());
  const { prisma } = app.platform.db;
  await vi.waitFor(
    async () => expect(await prisma.fileRemoval.count({ where: { removedAt: null } }), why).toBe(0),
    eventually,
  );
  const needed = await neededKeys(app);
  expect(await storedKeys(app), why).toEqual(needed);
  expect(await listFiles(app.folder), why).toHaveLength(needed.length);
}

test('whatever was acknowledged is there after 200 kills in the middle of uploads, and nothing else in the end', async () => {
  const seed = randomInt(2 ** 31);
  const why = `seed ${seed}`;
  const random = createRandom(seed);
  const app = await createTestApp();
  onTestFinished(() => app.close());
  const people = await Promise.all(range(6).map(() => createPerson(app)));
  const images = await createFolder();
  for (const at of range(60)) await writeFile(join(images, `${at}.jpg`), await photo([70 + at, 80]));
  const program = await bundleUploadProcess(await createFolder());

  const acknowledged: Acknowledged[] = [];
  let kills = 0;
  const userIds = people.map(({ id }) => id);
  const killSome = async () => {
    while (kills < 200) {
      const args = [
        app.database.connectionString,
        app.folder,
        images,
        userIds.join(),
        String(Math.floor(random() * 1e6)),
      ];
      const uploads = await startUploads(program, args);
      // The moment of the kill is what varies: at any point of an upload. The first one took several times as long as the next.
      await delay((random() * uploads.uploadMs) / 4);
      if (uploads.isBusy()) kills++;
      acknowledged.push(...(await uploads.kill()));
    }
  };
  await Promise.all(range(4).map(killSome));

  const { prisma } = app.platform.db;
  for (const { id, userId, version } of acknowledged) {
    expect(await prisma.picture.findUnique({ where: { id } }), why).toMatchObject({ userId, version, deletedAt: null });
  }
  await expectFilesWhole(app, why);
  await expectVersionsInOrder(app, userIds, why);
  const orphans = (await storedKeys(app)).length - (await neededKeys(app)).length;
  await expectSwept(app, why);
  // biome-ignore lint/suspicious/noConsole: how hard it was is worth knowing.
  console.log(`${kills} kills, ${acknowledged.length} uploads acknowledged, ${orphans} orphans swept (${why})`);
}, 600_000);

test('users who come and go with the same few pictures never lose a file that one of them shows', async () => {
  const seed = randomInt(2 ** 31);
  const why = `seed ${seed}`;
  const random = createRandom(seed);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
  const env = { PICTURE_VERSIONS: '1' };
  const app = await createTestApp({ env });
  onTestFinished(() => app.close());
  const other = await createTestApp({ beside: app, env });
  onTestFinished(() => other.close());
  const servers = [app, other];
  // As a bucket does: nothing but the database keeps a removal from taking what was just stored.
  for (const { platform } of servers) deleteAtAnyAge(platform.pictures);
  const images = await Promise.all(range(3).map((at) => photo([70 + at, 80])));

  const change = (ada: PictureOwner, version: number) =>
    random() < 0.2 && version > 0
      ? ada.recrop(version, { left: pick([0, 4]), top: 0, size: 64 })
      : ada.upload(pick(images));
  const live = async (server: TestApp, isToGo: boolean) => {
    const ada = await createPictureOwner(server);
    for (let step = 0; step < 12; step++) {
      const made = await change(ada, step);
      if (made.__typename !== 'ProfilePicture') throw new Error(`${why}: ${JSON.stringify(made)}`);
      expect((await server.fetch(new Request(made.url))).status, why).toBe(200);
    }
    if (isToGo) await deleteAccount(ada);
  };
  let isOver = false;
  const { log, lines } = createTestLog('warn');
  const removeInHaste = async ({ platform }: TestApp) => {
    while (!isOver) {
      await passSettling(app);
      await createFileRemover({ ...platform, log }).close();
    }
  };
  const removing = servers.map(removeInHaste);
  await Promise.all(range(12).map((at) => live(pick(servers), at % 3 > 0))).finally(() => {
    isOver = true;
  });
  await Promise.all(removing);
  expect(lines, why).toEqual([]);
  await expectFilesWhole(app, why);
  await expectSwept(app, why);
}, 300_000);
