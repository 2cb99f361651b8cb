import { afterEach, describe, expect, test, vi } from 'vitest';
import { serviceUnavailable } from '../src/errors.ts';
import { marksOfFiles } from '../src/modules/picture/file-removals.ts';
import { deleteAccount } from './support/account.ts';
import { createTestApp, type TestApp, type TestAppOptions } from './support/app.ts';
import { createPerson, type Person, toMultipart } from './support/person.ts';
import { createHalt, deleteAtAnyAge, type Halt, passSettling, storedKeys } from './support/picture-files.ts';
import { photo } from './support/pictures.ts';

// Files that nobody needs any more, and somebody who uploads the same at that very moment. Every store here deletes whatever
// it is told to, as a bucket does: that nothing is lost is the database's work.

const eventually = { timeout: 30_000, interval: 50 };

let apps: TestApp[] = [];
afterEach(async () => {
  for (const app of apps.toReversed()) await app.close();
  apps = [];
});

/** Its workers look for work at once, and every 5 seconds. */
async function createServer({ halt, ...options }: TestAppOptions & { halt?: Halt } = {}): Promise<TestApp> {
  const app = await createTestApp({ env: { PICTURE_VERSIONS: '1' }, ...options });
  apps.push(app);
  deleteAtAnyAge(app.platform.pictures);
  halt?.on(app.platform.pictures);
  return app;
}

/** A picture whose files are to be removed, and their names. */
async function replacedPicture(app: TestApp): Promise<{ image: Buffer; keys: string[] }> {
  const [ada, image] = [await createPerson(app), await photo([100, 80])];
  await ada.upload(image);
  const keys = await storedKeys(app);
  await ada.upload(await photo([100, 90]));
  expect((await removals(app)).map(({ key }) => key)).toEqual(keys);
  return { image, keys };
}

const removals = ({ platform }: TestApp) => platform.db.prisma.fileRemoval.findMany({ orderBy: { key: 'asc' } });

const expectRemoved = (app: TestApp, keys: string[]) =>
  vi.waitFor(async () => {
    expect((await removals(app)).filter(({ removedAt }) => removedAt).map(({ key }) => key)).toEqual(keys);
  }, eventually);

/** The files are there, for a picture that anyone can fetch, and nobody wants to remove them any more. */
async function expectWhole(app: TestApp, ada: Person, keys: string[]): Promise<void> {
  const { picture } = await ada.me();
  expect((await app.fetch(new Request(picture?.url ?? ''))).status).toBe(200);
  expect(await storedKeys(app)).toEqual(expect.arrayContaining(keys));
  expect(await removals(app)).toEqual([]);
}

describe('an upload of a picture whose files', () => {
  test.each(['before', 'after'] as const)(
    'are being removed waits for it, and stores them again: a moment %s they are gone',
    async (when) => {
      const halt = createHalt('delete', when);
      const app = await createServer({ halt });
      const [{ image, keys }, grace] = [await replacedPicture(app), await createPerson(app)];
      await passSettling(app);
      await createServer({ beside: app, halt });
      await halt.reached;
      app.takeStatements();
      const uploaded = grace.upload(image);
      await vi.waitFor(() => expect(app.takeStatements()).toContain(marksOfFiles.text), eventually);
      halt.letGo();
      expect(await uploaded).toMatchObject({ __typename: 'ProfilePicture', version: 1 });
      await expectWhole(app, grace, keys);
    },
  );

  test('were removed after it had stored them stores them again', async () => {
    const halt = createHalt('put', 'after');
    const app = await createServer();
    const [{ image, keys }, grace] = [await replacedPicture(app), await createPerson(app)];
    halt.on(app.platform.pictures);
    const uploaded = grace.upload(image);
    await halt.reached;
    await passSettling(app);
    await createServer({ beside: app });
    await expectRemoved(app, keys);
    expect(await storedKeys(app)).not.toEqual(expect.arrayContaining(keys));
    halt.letGo();
    expect(await uploaded).toMatchObject({ __typename: 'ProfilePicture', version: 1 });
    await expectWhole(app, grace, keys);
  });

  test('were removed a while ago is as any other, for several users at once', async () => {
    const app = await createServer();
    const { image, keys } = await replacedPicture(app);
    await passSettling(app);
    const other = await createServer({ beside: app });
    await expectRemoved(app, keys);
    const people = await Promise.all([app, other, app, other].map((server) => createPerson(server)));
    await Promise.all(people.map((person) => person.upload(image)));
    for (const person of people) await expectWhole(app, person, keys);
  });

  test('can not be removed to the end is refused, changes nothing, and succeeds later', async () => {
    const halt = createHalt('delete', 'before');
    const app = await createServer({ halt });
    const [{ image, keys }, grace] = [await replacedPicture(app), await createPerson(app)];
    await passSettling(app);
    await createServer({ beside: app, halt });
    await halt.reached;
    const query = 'mutation ($file: File!) { uploadProfilePicture(file: $file) { __typename } }';
    const body = toMultipart(query, {}, new File([new Uint8Array(image)], 'me.jpg'));
    const headers = { authorization: `Bearer ${grace.token}` };
    const response = await app.fetch(new Request('http://visage.test/graphql', { method: 'POST', headers, body }));
    expect([response.status, (await response.json()).errors[0].extensions.code]).toEqual([503, 'SERVICE_UNAVAILABLE']);
    expect(await grace.me()).toMatchObject({ pictureRevision: 0, picture: null });
    halt.letGo();
    expect(await grace.upload(image)).toMatchObject({ version: 1 });
    await expectWhole(app, grace, keys);
  });
});

test('an upload of a user who is deleted meanwhile leaves no files', async () => {
  const halt = createHalt('put', 'after');
  const app = await createServer({ halt });
  const ada = await createPerson(app);
  const uploaded = ada.upload(await photo([100, 80]));
  uploaded.catch(() => {});
  await halt.reached;
  await deleteAccount(ada);
  halt.letGo();
  await expect(uploaded).rejects.toThrow('UNAUTHENTICATED');
  await passSettling(app);
  await createServer({ beside: app });
  await vi.waitFor(async () => expect(await storedKeys(app)).toEqual([]), eventually);
});

describe('a removal', () => {
  test('that fails, as one whose server was killed, is done by another two minutes later', async () => {
    const app = await createServer();
    const { keys } = await replacedPicture(app);
    await passSettling(app);
    const failing = await createServer({ beside: app });
    const tried = new Set<string>();
    for (const { platform } of [app, failing]) {
      platform.pictures.delete = async (key) => {
        tried.add(key);
        throw serviceUnavailable('The picture store');
      };
    }
    await vi.waitFor(() => expect([...tried].toSorted()).toEqual(keys), eventually);
    for (const removal of await removals(app)) {
      expect(removal).toMatchObject({ removingAt: expect.any(Date), removedAt: null });
    }
    const other = await createServer({ beside: app });
    await app.platform.db.prisma.fileRemoval.updateMany({ data: { removingAt: new Date(Date.now() - 180_000) } });
    app.platform.pictures.delete = other.platform.pictures.delete;
    failing.platform.pictures.delete = other.platform.pictures.delete;
    await expectRemoved(app, keys);
    expect(await storedKeys(app)).not.toEqual(expect.arrayContaining(keys));
  });

  test('is forgotten an hour later', async () => {
    const app = await createServer();
    const { keys } = await replacedPicture(app);
    await passSettling(app);
    await createServer({ beside: app });
    await expectRemoved(app, keys);
    const ago = new Date(Date.now() - 3_700_000);
    await app.platform.db.prisma.fileRemoval.updateMany({ data: { removedAt: ago } });
    await createServer({ beside: app });
    await vi.waitFor(async () => expect(await removals(app)).toEqual([]), eventually);
  });

  test('does not take what another picture needs', async () => {
    const app = await createServer();
    const [ada, grace, image] = [await createPerson(app), await createPerson(app), await photo([100, 80])];
    for (const person of [ada, grace]) await person.upload(image);
    const keys = await storedKeys(app);
    await ada.upload(await photo([100, 90]));
    expect((await removals(app)).map(({ key }) => key)).toEqual(keys);
    await passSettling(app);
    await createServer({ beside: app });
    await vi.waitFor(async () => expect(await removals(app)).toEqual([]), eventually);
    await expectWhole(app, grace, keys);
  });
});
