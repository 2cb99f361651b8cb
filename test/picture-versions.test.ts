import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestApp, type TestApp } from './support/app.ts';
import { anonymous, createPerson, type Person } from './support/person.ts';
import { createPictureOwner, listenToPictures, type PictureOwner } from './support/picture-owner.ts';
import { animatedGif, photo, quarterColours, quarters } from './support/pictures.ts';

let app: TestApp;
let announcements: Awaited<ReturnType<typeof listenToPictures>>;
beforeAll(async () => {
  app = await createTestApp();
  announcements = await listenToPictures(app);
});
afterAll(async () => {
  await announcements.close();
  await app.close();
});

const notFound = { __typename: 'NotFoundError', message: expect.stringMatching(/\w/) };
const range = (length: number) => Array.from({ length }, (_, at) => at + 1);

async function createOwnerOf(count: number): Promise<PictureOwner> {
  const ada = await createPictureOwner(app);
  await ada.uploadPhotos(count);
  await announcements.takeRevisions(ada);
  return ada;
}

const numbersOf = async (ada: PictureOwner, page?: Parameters<PictureOwner['versions']>[0]) =>
  (await ada.versions(page)).edges.map(({ node }) => node.version);

const codeOf = async (answer: ReturnType<Person['ask']>) => (await answer).errors?.[0]?.extensions.code;

const fetchImage = async (url: string) => {
  const response = await app.fetch(new Request(url));
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer());
};

/** All that a change of the active picture may move. */
const stateOf = async (ada: PictureOwner) => {
  const { updatedAt, pictureRevision, picture } = await ada.me();
  return { updatedAt, pictureRevision, picture, audited: await ada.audited() };
};

describe('the history of pictures', () => {
  test('shows its owner every version, newest first, deleted ones included, in two statements', async () => {
    const ada = await createOwnerOf(3);
    await ada.remove(2);
    app.takeStatements();
    const { edges } = await ada.versions();
    expect(app.takeStatements()).toHaveLength(2);
    expect(edges.map(({ node }) => [node.version, node.isActive, node.deletedAt !== null])).toEqual([
      [3, true, false],
      [2, false, true],
      [1, false, false],
    ]);
  });

  test('comes in pages from both ends, each in one statement, and its cursors outlive changes', async () => {
    const ada = await createOwnerOf(7);
    const first = await ada.versions({ first: 3 });
    expect(first.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
    await ada.uploadPhotos(1);
    await ada.remove(5);
    expect(await numbersOf(ada, { first: 3, after: first.pageInfo.endCursor })).toEqual([4, 3, 2]);
    expect(await numbersOf(ada, { last: 2, before: first.pageInfo.startCursor })).toEqual([8]);
    const last = await ada.versions({ last: 3 });
    expect(last.edges.map(({ node }) => node.version)).toEqual([3, 2, 1]);
    expect(last.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
    app.takeStatements();
    expect(await numbersOf(ada, { last: 2, before: last.pageInfo.startCursor })).toEqual([5, 4]);
    expect(app.takeStatements()).toHaveLength(2);
    expect(await numbersOf(ada, { first: 5, after: last.pageInfo.endCursor })).toEqual([]);
  });

  test("is an empty list for anyone else, and a stranger's cursor is none of it", async () => {
    const [ada, grace] = [await createOwnerOf(2), await createPictureOwner(app)];
    await app.platform.db.prisma.follow.create({ data: { followerId: grace.id, followeeId: ada.id } });
    const query = `query ($id: ID, $after: String) {
      user(by: { id: $id }) { pictures(after: $after) { edges { cursor } pageInfo { hasNextPage endCursor } } }
    }`;
    for (const viewer of [grace, anonymous(app)]) {
      app.takeStatements();
      expect(await viewer.query(query, { id: ada.id })).toEqual({
        user: { pictures: { edges: [], pageInfo: { hasNextPage: false, endCursor: null } } },
      });
      expect(app.takeStatements()).toHaveLength(1);
    }
    const { pageInfo } = await ada.versions({ first: 1 });
    expect(await codeOf(grace.ask(query, { id: grace.id, after: pageInfo.endCursor }))).toBe('BAD_USER_INPUT');
    expect(await codeOf(ada.ask('{ me { pictures(first: 0) { edges { cursor } } } }'))).toBe('BAD_USER_INPUT');
  });

  test('shows a version that is not active to nobody else by its id', async () => {
    const [ada, grace] = [await createOwnerOf(2), await createPerson(app)];
    const ids = (await ada.versions()).edges.map(({ node }) => node.id);
    const query = 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }';
    const seen = async () => {
      const { nodes } = await grace.query<{ nodes: unknown[] }, object>(query, { ids });
      return nodes.map(Boolean);
    };
    expect(await seen()).toEqual([true, false]);
    await ada.restore(1);
    expect(await seen()).toEqual([false, true]);
    await ada.remove();
    expect(await seen()).toEqual([false, false]);
  });
});

describe('restoring', () => {
  test('makes an earlier version the active one again', async () => {
    const ada = await createOwnerOf(3);
    const before = await ada.me();
    const after = await ada.restore(1);
    expect(after).toMatchObject({ userId: ada.id, revision: 4, picture: { version: 1, isActive: true } });
    expect(await ada.me()).toMatchObject({ pictureRevision: 4, picture: { version: 1 } });
    expect((await ada.me()).updatedAt).not.toBe(before.updatedAt);
    expect(await announcements.takeRevisions(ada)).toEqual([4]);
    expect((await ada.audited()).at(-1)).toBe('picture.restored');
    expect(await numbersOf(ada)).toEqual([3, 2, 1]);
  });

  test('brings a deleted version back', async () => {
    const ada = await createOwnerOf(2);
    await ada.remove(1);
    expect(await ada.restore(1)).toMatchObject({ revision: 3, picture: { version: 1, deletedAt: null } });
    await ada.remove();
    expect(await ada.restore(2)).toMatchObject({ revision: 5, picture: { version: 2 } });
  });

  test('of the active version changes nothing', async () => {
    const ada = await createOwnerOf(2);
    const before = await stateOf(ada);
    expect(await ada.restore(2)).toMatchObject({ revision: 2, picture: { version: 2, isActive: true } });
    expect(await stateOf(ada)).toEqual(before);
    expect(await announcements.takeRevisions(ada)).toEqual([]);
  });

  test.each([0, -1, 3, 2_147_483_647])('of version %s, which never was, finds nothing', async (version) => {
    const ada = await createOwnerOf(2);
    const before = await stateOf(ada);
    expect(await ada.restore(version)).toEqual(notFound);
    expect(await stateOf(ada)).toEqual(before);
  });
});

describe('deleting', () => {
  test('leaves the active version in the history, and its address works', async () => {
    const ada = await createOwnerOf(2);
    const { picture } = await ada.me();
    const after = await ada.remove();
    expect(after).toMatchObject({ revision: 3, picture: null, imageUrl: expect.stringMatching(/initials/) });
    expect(await announcements.takeRevisions(ada)).toEqual([3]);
    expect((await ada.audited()).at(-1)).toBe('picture.deleted');
    const { edges } = await ada.versions();
    expect(edges[0]?.node).toMatchObject({ version: 2, isActive: false, deletedAt: expect.any(String) });
    await fetchImage(picture?.url ?? '');
  });

  test('takes the active version by its number too', async () => {
    const ada = await createOwnerOf(2);
    expect(await ada.remove(2)).toMatchObject({ revision: 3, picture: null });
  });

  test('an inactive version changes nothing that others see', async () => {
    const ada = await createOwnerOf(2);
    const before = await stateOf(ada);
    expect(await ada.remove(1)).toMatchObject({ revision: 2, picture: { version: 2 } });
    expect(await stateOf(ada)).toEqual({ ...before, audited: [...before.audited, 'picture.deleted'] });
    expect(await announcements.takeRevisions(ada)).toEqual([]);
  });

  test('twice answers the current state, and keeps the time of the first', async () => {
    const ada = await createOwnerOf(2);
    await ada.remove(2);
    await ada.remove(1);
    const [before, { edges }] = [await stateOf(ada), await ada.versions()];
    for (const version of [1, 2]) expect(await ada.remove(version)).toMatchObject({ revision: 3, picture: null });
    expect(await stateOf(ada)).toEqual(before);
    expect((await ada.versions()).edges).toEqual(edges);
  });

  test('finds nothing where none is active, or the version never was', async () => {
    const [ada, grace] = [await createOwnerOf(1), await createPictureOwner(app)];
    expect(await grace.remove()).toEqual(notFound);
    expect(await grace.remove(1)).toEqual(notFound);
    await ada.remove();
    expect(await ada.remove()).toEqual(notFound);
    expect(await ada.remove(null)).toEqual(notFound);
    expect(await ada.remove(2)).toEqual(notFound);
    expect((await ada.me()).pictureRevision).toBe(2);
  });
});

describe('cropping again', () => {
  const dominantColour = async (url: string) => {
    const { data } = await sharp(await fetchImage(url))
      .resize(1, 1)
      .raw()
      .toBuffer({ resolveWithObject: true });
    return [...data.subarray(0, 3)];
  };
  const isClose = (a: readonly number[], b: readonly number[]) =>
    a.every((value, at) => Math.abs(value - (b[at] ?? 0)) < 12);

  test('makes a new version of the same picture, from pixels of what was uploaded', async () => {
    const ada = await createPictureOwner(app);
    // Larger than the copy that is kept.
    const file = await quarters([3000, 1000]).jpeg({ quality: 95 }).toBuffer();
    await ada.upload(file, { name: 'four.jpg', altText: 'Quarters' });
    const corners = {
      topLeft: { left: 0, top: 0, size: 500 },
      topRight: { left: 2500, top: 0, size: 500 },
      bottomLeft: { left: 900, top: 500, size: 500 },
      bottomRight: { left: 2500, top: 500, size: 500 },
    };
    for (const [corner, crop] of Object.entries(corners)) {
      const picture = await ada.recrop(1, crop);
      if (picture.__typename !== 'ProfilePicture') throw new Error(JSON.stringify(picture));
      expect(picture).toMatchObject({ isActive: true, width: 3000, height: 1000, altText: 'Quarters' });
      const original = { originalName: 'four.jpg', originalMimeType: 'image/jpeg', originalBytes: file.length };
      expect(picture).toMatchObject(original);
      const colour = await dominantColour(picture.url);
      expect(isClose(colour, quarterColours[corner as keyof typeof corners]), `${corner}: ${colour}`).toBe(true);
    }
    expect(await announcements.takeRevisions(ada)).toEqual(range(5));
    expect(await ada.audited()).toEqual(['user.created', 'picture.uploaded', ...Array(4).fill('picture.recropped')]);
    expect(await numbersOf(ada)).toEqual([5, 4, 3, 2, 1]);
  });

  test('works on a version that was made so, on a deleted one, and keeps an animation animated', async () => {
    const ada = await createPictureOwner(app);
    await ada.upload(await animatedGif({ delay: [100, 100, 100] }));
    await ada.recrop(1, { left: 20, top: 10, size: 70 });
    await ada.remove(2);
    const picture = await ada.recrop(2, { left: 0, top: 0, size: 90 });
    expect(picture).toMatchObject({ version: 3, width: 120, height: 90, variants: [{ size: 64 }] });
    expect((await sharp(await fetchImage((picture as { url: string }).url)).metadata()).pages).toBe(3);
    const rows = await app.platform.db.prisma.picture.findMany({ where: { userId: ada.id } });
    expect(new Set(rows.map(({ sourceKey }) => sourceKey)).size).toBe(1);
  });

  test('refuses a square that is not inside, and finds no version that never was', async () => {
    const ada = await createOwnerOf(1);
    const before = await stateOf(ada);
    for (const crop of [
      { left: 30, top: 0, size: 80 },
      { left: -1, top: 0, size: 10 },
      { left: 0, top: 0, size: 0 },
    ]) {
      expect(await ada.recrop(1, crop)).toMatchObject({
        __typename: 'InvalidInputError',
        fields: [{ path: 'crop' }],
      });
    }
    expect(await ada.recrop(2, { left: 0, top: 0, size: 10 })).toEqual(notFound);
    const grace = await createPictureOwner(app);
    expect(await grace.recrop(1, { left: 0, top: 0, size: 10 })).toEqual(notFound);
    expect(await stateOf(ada)).toEqual(before);
  });

  test('says so where the kept image is gone', async () => {
    const ada = await createOwnerOf(1);
    const [row] = await app.platform.db.prisma.picture.findMany({ where: { userId: ada.id } });
    const [folder = '', name = ''] = row?.sourceKey.split('/') ?? [];
    await unlink(join(app.folder, folder, name.slice(0, 2), name));
    expect(await ada.recrop(1, { left: 0, top: 0, size: 64 })).toEqual({
      ...notFound,
      message: expect.stringMatching(/upload/i),
    });
  });
});

describe('the alternative text', () => {
  test('of any version changes alone', async () => {
    const ada = await createOwnerOf(2);
    await ada.remove(1);
    const before = await stateOf(ada);
    app.takeStatements();
    expect(await ada.changeAltText(2, ' Me, at sea ')).toMatchObject({ version: 2, altText: 'Me, at sea' });
    expect(app.takeStatements()).toHaveLength(1);
    expect(await ada.changeAltText(1, 'Me, before')).toMatchObject({ version: 1, altText: 'Me, before' });
    const after = await stateOf(ada);
    expect(after).toEqual({
      ...before,
      picture: { ...before.picture, altText: 'Me, at sea' },
      audited: [...before.audited, 'picture.altTextChanged', 'picture.altTextChanged'],
    });
    expect(await ada.changeAltText(2, 'Me, at sea')).toMatchObject({ altText: 'Me, at sea' });
    expect(await stateOf(ada)).toEqual(after);
    expect(await announcements.takeRevisions(ada)).toEqual([]);
  });

  test('is emptied by null or nothing', async () => {
    const ada = await createOwnerOf(1);
    for (const altText of [null, '', '  ']) {
      await ada.changeAltText(1, 'Me');
      expect(await ada.changeAltText(1, altText)).toMatchObject({ altText: null });
    }
  });

  test('is refused where it is too long, and where there is no such version', async () => {
    const [ada, grace] = [await createOwnerOf(1), await createPictureOwner(app)];
    expect(await ada.changeAltText(1, 'x'.repeat(1_501))).toMatchObject({
      __typename: 'InvalidInputError',
      fields: [{ path: 'altText' }],
    });
    expect(await ada.changeAltText(2, 'Me')).toEqual(notFound);
    expect(await grace.changeAltText(1, 'Me')).toEqual(notFound);
    expect((await ada.me()).picture?.altText).toBeNull();
  });
});

test('several changes in one request each answer the state that they left', async () => {
  const ada = await createOwnerOf(2);
  const state =
    '... on ProfilePictureUpdate { revision user { picture { version altText user { pictureRevision } } } }';
  const data = await ada.query<object, object>(`mutation {
    first: restoreProfilePicture(version: 1) { ${state} }
    text: changePictureAltText(version: 1, altText: "One") {
      ... on ProfilePicture { user { picture { version altText } } }
    }
    again: restoreProfilePicture(version: 1) { ${state} }
    gone: deleteProfilePicture { ${state} }
    none: deleteProfilePicture { __typename }
  }`);
  const picture = { version: 1, altText: null, user: { pictureRevision: 3 } };
  expect(data).toEqual({
    first: { revision: 3, user: { picture } },
    text: { user: { picture: { version: 1, altText: 'One' } } },
    again: { revision: 3, user: { picture: { ...picture, altText: 'One' } } },
    gone: { revision: 4, user: { picture: null } },
    none: { __typename: 'NotFoundError' },
  });
});

test('nobody changes a picture without signing in', async () => {
  const nobody = anonymous(app);
  for (const field of [
    'recropProfilePicture(version: 1, crop: { left: 0, top: 0, size: 1 })',
    'changePictureAltText(version: 1)',
    'restoreProfilePicture(version: 1)',
    'deleteProfilePicture',
  ]) {
    expect(await codeOf(nobody.ask(`mutation { ${field} { __typename } }`)), field).toBe('UNAUTHENTICATED');
  }
});

test('each change takes a handful of statements', async () => {
  const ada = await createOwnerOf(3);
  const count = async (work: Promise<unknown>) => {
    await work;
    return app.takeStatements().length;
  };
  const file = await photo([100, 80]);
  app.takeStatements();
  expect({
    upload: await count(ada.upload(file)),
    recrop: await count(ada.recrop(1, { left: 0, top: 0, size: 64 })),
    restore: await count(ada.restore(1)),
    restoreActive: await count(ada.restore(1)),
    restoreUnknown: await count(ada.restore(99)),
    deleteActive: await count(ada.remove()),
    deleteInactive: await count(ada.remove(2)),
    deleteAgain: await count(ada.remove(2)),
    changeAltText: await count(ada.changeAltText(1, 'Me')),
  }).toEqual({
    upload: 8,
    recrop: 9,
    restore: 10,
    restoreActive: 5,
    restoreUnknown: 4,
    deleteActive: 10,
    deleteInactive: 7,
    deleteAgain: 5,
    changeAltText: 1,
  });
});

test('a subscriber is told of every kind of change, and only of changes', async () => {
  const ada = await createOwnerOf(2);
  const stream = app.platform.live.subscribe('picture', [ada.id]);
  stream.deliver({ userId: ada.id, revision: 2 });
  const told = async () => (await stream.next()).value;
  await ada.restore(2);
  await ada.remove(1);
  await ada.changeAltText(2, 'Me');
  await ada.restore(1);
  expect(await told()).toEqual({ userId: ada.id, revision: 3 });
  await ada.remove();
  expect(await told()).toEqual({ userId: ada.id, revision: 4 });
  await ada.recrop(2, { left: 0, top: 0, size: 64 });
  expect(await told()).toEqual({ userId: ada.id, revision: 5 });
  await stream.return();
});

test('the same change 20 times at once is one change', async () => {
  const ada = await createOwnerOf(2);
  const atOnce = <Answer>(change: () => Promise<Answer>) => Promise.all(Array.from({ length: 20 }, change));
  const restored = await atOnce(() => ada.restore(1));
  expect(restored).toEqual(restored.map(() => expect.objectContaining({ revision: 3 })));
  const removed = await atOnce(() => ada.remove());
  expect(removed.filter(({ __typename }) => __typename === 'ProfilePictureUpdate')).toHaveLength(1);
  expect(await announcements.takeRevisions(ada)).toEqual([3, 4]);
  const again = await atOnce(() => ada.remove(1));
  expect(again).toEqual(again.map(() => expect.objectContaining({ revision: 4, picture: null })));
  const noted = ['picture.restored', 'picture.deleted'];
  expect(await ada.audited()).toEqual(['user.created', 'picture.uploaded', 'picture.uploaded', ...noted]);
});

test('30 changes at once, of any kind, come one after the other', async () => {
  const ada = await createOwnerOf(4);
  const file = await photo([100, 80]);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(Math.random() * items.length)] as Item;
  const kinds = {
    upload: () => ada.upload(file),
    recrop: () => ada.recrop(pick([1, 2, 3, 4]), { left: pick([0, 20]), top: 0, size: 70 }),
    restore: () => ada.restore(pick([1, 2, 3, 4])),
    remove: () => ada.remove(pick([undefined, 1, 2, 3, 4])),
  };
  const plan = Array.from({ length: 30 }, () => pick(['upload', 'recrop', 'restore', 'restore', 'remove'] as const));
  const stream = app.platform.live.subscribe('picture', [ada.id]);
  const answers = await Promise.all(plan.map((kind) => kinds[kind]()));

  const [revisions, { pictureRevision }] = [await announcements.takeRevisions(ada), await ada.me()];
  expect(revisions, plan.join()).toEqual(range(pictureRevision).slice(4));
  const noted = await app.platform.db.prisma.auditEntry.count({
    where: { userId: ada.id, changedFields: { has: 'picture' } },
  });
  expect(noted, plan.join()).toBe(pictureRevision);
  const made = answers.filter(({ __typename }) => __typename === 'ProfilePicture').length;
  expect(made).toBe(plan.filter((kind) => kind === 'upload' || kind === 'recrop').length);
  const { edges } = await ada.versions({ first: 100 });
  expect(edges.map(({ node }) => node.version)).toEqual(range(4 + made).reverse());
  expect(edges.filter(({ node }) => node.isActive).length).toBeLessThanOrEqual(1);
  expect(edges.filter(({ node }) => node.isActive && node.deletedAt)).toEqual([]);
  let last = await stream.next();
  while (last.value.revision < pictureRevision) last = await stream.next();
  expect(last.value).toEqual({ userId: ada.id, revision: pictureRevision });
  await stream.return();
}, 60_000);
