import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { toPictureKey } from '../src/platform/picture-store.ts';
import { deleteAccount, expectErased, listFiles, passRemovalDelay, storedFiles } from './support/account.ts';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { block, expectCountersToHold, follow } from './support/follow.ts';
import { anonymous, asPerson, createPerson, type Person } from './support/person.ts';
import { photo } from './support/pictures.ts';
import { findIds } from './support/search.ts';

// What is left of a deleted account for a while, and how it goes.

const eventually = { timeout: 30_000, interval: 50 };

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

/** Keeps every server from erasing this user, as another that is at it would; until the answer is called. */
async function holdErasure({ id }: Person): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: app.database.connectionString });
  await client.connect();
  await client.query(`select pg_advisory_lock(hashtextextended('visage.erasure.' || $1, 0))`, [id]);
  let isHeld = true;
  const letGo = async () => {
    if (isHeld) await client.end();
    isHeld = false;
  };
  onTestFinished(letGo);
  return letGo;
}

/** What might lead to somebody. */
interface Traces {
  ids: string[];
  usernames: string[];
  names: string[];
}

/** By none of it anybody finds anything, signed in or not. */
async function expectUnfindable({ ids, usernames, names }: Traces, somebody: Person): Promise<void> {
  const selectors = [{ id: ids[0] }, ...usernames.map((username) => ({ username }))];
  for (const viewer of [anonymous(app), somebody]) {
    for (const by of selectors) {
      const found = viewer.query('query ($by: UserBy!) { user(by: $by) { id } }', { by });
      expect(await found, JSON.stringify(by)).toEqual({ user: null });
    }
    expect(await viewer.query('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids })).toEqual({
      nodes: ids.map(() => null),
    });
    for (const text of [...usernames, ...names]) expect(await findIds(viewer, text)).toEqual([]);
  }
}

describe('an account that is deleted and not yet erased', () => {
  test('is not there for anybody, by whatever path', async () => {
    const [ada, grace, other] = [await createPerson(app), await createPerson(app), await createPerson(app)];
    const [former, username, name] = [`u${randomId()}`, `u${randomId()}`, `Name ${randomId()}`];
    await ada.upsertProfile({ username: former });
    await ada.upsertProfile({ username, displayName: name });
    const picture = await ada.upload(await photo([80, 80]));
    const pictureId = picture.__typename === 'ProfilePicture' ? picture.id : '';
    for (const follower of [grace, ada]) await follow(follower, { userId: other.id });
    for (const follower of [ada, other]) await follow(follower, { userId: grace.id });
    const letGo = await holdErasure(ada);
    await deleteAccount(ada, username);

    await expectUnfindable({ ids: [ada.id, pictureId], usernames: [username, former], names: [name] }, grace);
    const lists = '{ me { followers { edges { node { id } } } } }';
    expect(await grace.query(lists)).toEqual({ me: { followers: { edges: [{ node: { id: other.id } }] } } });
    for (const change of [follow(grace, { userId: ada.id }), block(grace, ada.id)]) {
      expect(await change).toMatchObject({ __typename: 'NotFoundError' });
    }
    const again = asPerson(app, ada.id, await app.sign({ sub: ada.id }));
    for (const person of [ada, again]) expect((await person.ask('{ me { id } }')).status).toBe(401);

    await letGo();
    await expectErased(app, ada.id);
    await expectCountersToHold(app);
  });

  test('waits for nobody else', async () => {
    const [ada, grace] = [await createPerson(app), await createPerson(app)];
    const letGo = await holdErasure(ada);
    for (const person of [ada, grace]) await deleteAccount(person);
    await expectErased(app, grace.id);
    await letGo();
    await expectErased(app, ada.id);
  });
});

test('a name that was held for 30 days is not kept any longer', async () => {
  const [ada, username] = [await createPerson(app), `u${randomId()}`];
  await ada.upsertProfile({ username });
  await deleteAccount(ada, username);
  await expectErased(app, username, ['username_history.username']);
  await app.platform.db.prisma.usernameHistory.updateMany({
    where: { username },
    data: { releasedAt: new Date(Date.now() - 31 * 24 * 3_600_000) },
  });
  await expectErased(app, username);
});

describe('files of a deleted account', () => {
  /** Somebody whose account is deleted, and whose files are to be removed. */
  const withoutAccount = async (): Promise<{ image: Buffer; names: string[] }> => {
    const [ada, before] = [await createPerson(app), await storedFiles(app)];
    const image = await photo([100, 80 + Math.floor(Math.random() * 1_000)]);
    await ada.upload(image);
    const names = (await storedFiles(app)).filter((name) => !before.includes(name));
    await deleteAccount(ada);
    await expectErased(app, ada.id);
    return { image, names };
  };
  const present = async (names: string[]) => (await storedFiles(app)).filter((name) => names.includes(name));
  const expectRemovalsDone = () =>
    vi.waitFor(
      async () => expect(await app.platform.db.prisma.fileRemoval.count({ where: { removedAt: null } })).toBe(0),
      eventually,
    );

  test('stay until an upload that is under way would have its row', async () => {
    const { names } = await withoutAccount();
    expect(await present(names)).toEqual(names);
    const removals = await app.platform.db.prisma.fileRemoval.findMany();
    expect(removals.map(({ key }) => key.split('/')[1])).toEqual(expect.arrayContaining(names));
    await passRemovalDelay(app);
    await expectRemovalsDone();
    expect(await present(names)).toEqual([]);
  });

  test('stay for somebody who uploaded the same meanwhile', async () => {
    const { image, names } = await withoutAccount();
    const grace = await createPerson(app);
    await grace.upload(image);
    await passRemovalDelay(app);
    await expectRemovalsDone();
    expect(await present(names)).toEqual(names);
    const { me } = await grace.query<{ me: { imageUrl: string } }, object>('{ me { imageUrl } }');
    const response = await app.fetch(new Request(me.imageUrl));
    expect(response.status).toBe(200);
  });

  test('stay where they were stored anew, though nobody has a row of them yet', async () => {
    const { names } = await withoutAccount();
    await passRemovalDelay(app, async () => {
      for (const { parentPath, name } of await listFiles(app.folder)) {
        const bytes = await readFile(join(parentPath, name));
        const key = parentPath.includes('source') ? `source/${name}` : toPictureKey(bytes);
        if (names.includes(name)) await app.platform.pictures.put(key, bytes);
      }
    });
    await expectRemovalsDone();
    expect(await present(names)).toEqual(names);
  });
});
