import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { passRemovalDelay } from './support/account.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { waitForLockWaits } from './support/events.ts';
import { neededKeys, storedKeys } from './support/picture-files.ts';
import { createPictureOwner, listenToPictures, type PictureOwner } from './support/picture-owner.ts';
import { photo } from './support/pictures.ts';

const eventually = { timeout: 30_000, interval: 50 };
const notFound = { __typename: 'NotFoundError', message: expect.stringMatching(/\w/) };
const square = { left: 0, top: 0, size: 64 };

/** Keeps three versions of a user, and deleted ones for ten days. */
let app: TestApp;
/** Keeps whatever there is. */
let patient: TestApp;
beforeAll(async () => {
  app = await createTestApp({ env: { PICTURE_VERSIONS: '3', PICTURE_DELETED_DAYS: '10' } });
  patient = await createTestApp({ beside: app });
});
afterAll(async () => {
  await patient.close();
  await app.close();
});

async function createOwnerOf(count: number, server = app): Promise<PictureOwner> {
  const ada = await createPictureOwner(server);
  await ada.uploadPhotos(count);
  return ada;
}

const numbersOf = async (ada: PictureOwner) => (await ada.versions()).edges.map(({ node }) => node.version);

/** What a purge must not move. */
async function stateOf(ada: PictureOwner) {
  const { updatedAt, pictureRevision, picture } = await ada.me();
  return { updatedAt, pictureRevision, picture, audited: await ada.audited() };
}

/** A server that starts now, and looks at once for versions that are to go. */
async function startAnother(): Promise<void> {
  const another = await createTestApp({
    beside: app,
    env: { PICTURE_VERSIONS: '3', PICTURE_DELETED_DAYS: '10' },
  });
  onTestFinished(() => another.close());
}

const deletedDaysAgo = (ada: PictureOwner, version: number, days: number) =>
  app.platform.db.prisma.picture.update({
    where: { userId_version: { userId: ada.id, version } },
    data: { deletedAt: new Date(Date.now() - days * 86_400_000) },
  });

describe('a history that is full', () => {
  test('loses its oldest version to each upload, whose number is not used again', async () => {
    const ada = await createOwnerOf(3);
    await ada.remove(2);
    await ada.uploadPhotos(1);
    expect(await numbersOf(ada)).toEqual([4, 3, 2]);
    await ada.recrop(2, square);
    expect(await numbersOf(ada)).toEqual([5, 4, 3]);
    await ada.remove();
    await ada.uploadPhotos(1);
    expect(await numbersOf(ada)).toEqual([6, 5, 4]);
    expect(await ada.me()).toMatchObject({ pictureRevision: 7, picture: { version: 6 } });
  });

  test('knows nothing any more of a version that it lost, and its address ends', async () => {
    const ada = await createOwnerOf(1);
    const url = (await ada.me()).picture?.url ?? '';
    await ada.uploadPhotos(3);
    const before = await stateOf(ada);
    expect(await ada.restore(1)).toEqual(notFound);
    expect(await ada.remove(1)).toEqual(notFound);
    expect(await ada.recrop(1, square)).toEqual(notFound);
    expect(await ada.changeAltText(1, 'Me')).toEqual(notFound);
    expect(await stateOf(ada)).toEqual(before);
    await passRemovalDelay(app);
    await startAnother();
    await vi.waitFor(async () => expect((await app.fetch(new Request(url))).status).toBe(404), eventually);
    for (const { node } of (await ada.versions()).edges) {
      expect((await app.fetch(new Request(node.url))).status).toBe(200);
    }
  });

  test('keeps the active version, however old it is', async () => {
    const ada = await createOwnerOf(5, patient);
    await ada.restore(1);
    const [before, announcements] = [await stateOf(ada), await listenToPictures(app)];
    onTestFinished(announcements.close);
    await startAnother();
    await vi.waitFor(async () => expect(await numbersOf(ada)).toEqual([5, 4, 1]), eventually);
    expect(await stateOf(ada)).toEqual(before);
    expect(await announcements.takeRevisions(ada)).toEqual([]);
  });

  test('of ten uploads at once has the newest', async () => {
    const ada = await createPictureOwner(app);
    const files = await Promise.all(Array.from({ length: 10 }, (_, at) => photo([80 + at, 80])));
    await Promise.all(files.map((file) => ada.upload(file)));
    expect(await numbersOf(ada)).toEqual([10, 9, 8]);
    expect(await ada.me()).toMatchObject({ pictureRevision: 10, picture: { version: 10 } });
  });

  test('frees the files of lost versions, but those that another version shows too', async () => {
    const ada = await createPictureOwner(app);
    const image = await photo([120, 100]);
    const before = await storedKeys(app);
    await ada.upload(image);
    const keys = (await storedKeys(app)).filter((key) => !before.includes(key));
    await ada.uploadPhotos(2);
    await ada.upload(image);
    await passRemovalDelay(app);
    await startAnother();
    await vi.waitFor(async () => expect(await storedKeys(app)).toEqual(await neededKeys(app)), eventually);
    expect(await storedKeys(app)).toEqual(expect.arrayContaining(keys));
  });
});

describe('a deleted version', () => {
  test('stays in the history as long as it was set, and no longer', async () => {
    const ada = await createOwnerOf(3);
    await ada.remove(3);
    await ada.remove(2);
    await deletedDaysAgo(ada, 3, 11);
    await deletedDaysAgo(ada, 2, 9);
    const before = await stateOf(ada);
    await startAnother();
    await vi.waitFor(async () => expect(await numbersOf(ada)).toEqual([2, 1]), eventually);
    expect(await stateOf(ada)).toEqual(before);
    expect(await ada.restore(3)).toEqual(notFound);
    expect(await ada.restore(2)).toMatchObject({ picture: { version: 2 } });
    await ada.uploadPhotos(1);
    expect(await numbersOf(ada)).toEqual([4, 2, 1]);
  });

  test('that is brought back at that very moment is back, or was never there', async () => {
    const people = await Promise.all(Array.from({ length: 12 }, () => createOwnerOf(1)));
    for (const ada of people) {
      await ada.remove();
      await deletedDaysAgo(ada, 1, 11);
    }
    const [answers] = await Promise.all([
      Promise.all(people.map((ada, at) => delay(at * 5).then(() => ada.restore(1)))),
      startAnother(),
    ]);
    for (const [at, answer] of answers.entries()) {
      const ada = people[at] as PictureOwner;
      const isBack = answer.__typename === 'ProfilePictureUpdate';
      if (!isBack) expect(answer).toEqual(notFound);
      expect(await ada.me()).toMatchObject(
        isBack ? { pictureRevision: 3, picture: { version: 1 } } : { pictureRevision: 2, picture: null },
      );
      expect(await numbersOf(ada)).toEqual(isBack ? [1] : []);
    }
  });

  test('that is brought back and deleted again at that very moment stays as long as any other', async () => {
    const ada = await createOwnerOf(3);
    for (const version of [1, 2]) {
      await ada.remove(version);
      await deletedDaysAgo(ada, version, 11);
    }
    await app.platform.db.transaction(async (tx) => {
      await tx.$queryRaw`select from users where id = ${ada.id} for no key update`;
      await startAnother();
      await waitForLockWaits(app, 1);
      await tx.picture.updateMany({ where: { userId: ada.id, version: 1 }, data: { deletedAt: new Date() } });
    });
    await vi.waitFor(async () => expect(await numbersOf(ada)).not.toContain(2), eventually);
    expect(await numbersOf(ada)).toEqual([3, 1]);
  });
});
