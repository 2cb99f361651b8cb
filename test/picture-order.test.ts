import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createTestApp, type TestApp } from './support/app.ts';
import { untilReady } from './support/between-servers.ts';
import { follow } from './support/live.ts';
import { asPerson, createPerson } from './support/person.ts';
import { photo } from './support/pictures.ts';
import { closeSockets, signIn } from './support/socket.ts';

let app: TestApp;
let other: TestApp;
let addresses: string[];
beforeAll(async () => {
  app = await createTestApp();
  other = await createTestApp({ beside: app });
  addresses = [await app.listen(), await other.listen()];
  for (const server of [app, other]) await untilReady(server, 200);
});
afterEach(closeSockets);
afterAll(async () => {
  await other.close();
  await app.close();
});

test('50 uploads of one user at once through two servers are versions 1 to 50, and the active one is what subscribers saw last', async () => {
  const ada = await createPerson(app);
  const there = asPerson(other, ada.id, ada.token);
  const files = await Promise.all(Array.from({ length: 50 }, (_, at) => photo([70 + at, 70])));
  const followings = await Promise.all(
    addresses.map(async (address) => follow(await signIn(address, { token: ada.token }), [ada.id])),
  );
  const uploads = files.map((file, at) => (at % 2 ? ada : there).upload(file));
  const seen = followings.map(async (following) => {
    let last = await following.next();
    for (let before = last; last.revision < 50; before = last) {
      last = await following.next();
      expect(last.revision).toBeGreaterThan(before.revision);
    }
    return last;
  });

  const versions = (await Promise.all(uploads)).map((made) => made.__typename === 'ProfilePicture' && made.version);
  expect(versions.toSorted((a, b) => Number(a) - Number(b))).toEqual(files.map((_, at) => at + 1));
  const active = await app.platform.db.prisma.picture.findMany({ where: { userId: ada.id, isActive: true } });
  expect(active.map(({ version }) => version)).toEqual([50]);
  const { picture, pictureRevision } = await ada.me();
  expect({ pictureRevision, version: picture?.version }).toEqual({ pictureRevision: 50, version: 50 });
  for (const update of await Promise.all(seen))
    expect(update).toMatchObject({ revision: 50, picture: { version: 50 } });
}, 120_000);
