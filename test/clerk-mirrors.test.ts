import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { type ClerkApi, createClerkApi } from './support/clerk-api.ts';
import { arrive, auditOf, storedUser } from './support/identity.ts';
import { createClerkPerson, eventually, expectTold, wishesOf } from './support/outbox.ts';
import type { Person } from './support/person.ts';
import { animatedGif, photo } from './support/pictures.ts';

let clerk: ClerkApi;
let app: TestApp;
/** Of the same users, without copies at Clerk. */
let plain: TestApp;
beforeAll(async () => {
  clerk = await createClerkApi();
  const mirrors = { CLERK_MIRROR_METADATA: 'true', CLERK_MIRROR_PICTURE: 'true' };
  app = await createTestApp({ env: { ...clerk.env, ...mirrors } });
  plain = await createTestApp({ env: clerk.env });
});
afterEach(() => clerk.recover());
afterAll(async () => {
  await app.close();
  await plain.close();
  await clerk.close();
});

const newUsername = () => `u${randomId()}`;
const told = async ({ id }: Person) => {
  await expectTold(app, id);
  return clerk.user(id);
};
const metadataOf = async (person: Person) => (await told(person))?.public_metadata;
const complete = 'mutation { markProfileComplete { __typename } }';
const skip = 'mutation { skipProfileSetup { __typename } }';
const remove = 'mutation { deleteProfilePicture { __typename } }';
const restore = 'mutation { restoreProfilePicture(version: 1) { __typename } }';

describe('how far a profile is', () => {
  test('is in the public metadata at Clerk after each change of it, beside what others keep there', async () => {
    const ada = await createClerkPerson(app, clerk);
    const visage = async () => (await metadataOf(ada))?.visage;
    await ada.upsertProfile({ displayName: 'Ada' });
    expect(await visage()).toEqual({ profileComplete: false, completionPercentage: 36, setupSkipped: false });
    await ada.upsertProfile({ username: newUsername() });
    expect(await visage()).toMatchObject({ completionPercentage: 45 });
    await ada.query(complete);
    expect(await visage()).toMatchObject({ profileComplete: true });
    await ada.query(skip);
    expect(await visage()).toMatchObject({ setupSkipped: true });
    await ada.upload(await photo([80, 80]));
    expect(await visage()).toMatchObject({ completionPercentage: 54 });
    await ada.query(remove);
    expect(await visage()).toMatchObject({ completionPercentage: 45 });
    await ada.upsertProfile({ displayName: null });
    expect(await visage()).toEqual({ profileComplete: false, completionPercentage: 36, setupSkipped: true });
  }, 120_000);

  test('changes when the username changes in Clerk', async () => {
    const ada = await createClerkPerson(app, clerk);
    await ada.upsertProfile({ displayName: 'Ada' });
    expect(await metadataOf(ada)).toMatchObject({ visage: { completionPercentage: 36 } });
    await arrive(app, clerk, ['user.updated', clerk.changeUser(ada.id, { username: newUsername() })]);
    expect(await metadataOf(ada)).toMatchObject({ visage: { completionPercentage: 45 } });
  }, 60_000);

  test('is not told where nothing changed', async () => {
    const ada = await createClerkPerson(app, clerk);
    await ada.upsertProfile({ bio: 'x' });
    await told(ada);
    const before = clerk.requests.length;
    await ada.upsertProfile({ bio: 'x' });
    await ada.query(skip);
    await ada.query(skip);
    await told(ada);
    expect(clerk.requests.slice(before).filter(({ path }) => path.includes(ada.id))).toHaveLength(1);
  }, 60_000);
});

describe('the active picture', () => {
  const size = async (bytes: Buffer | undefined) => (await import('sharp')).default(bytes).metadata();

  test('is the profile image at Clerk: its largest square, and none where there is none', async () => {
    const ada = await createClerkPerson(app, clerk);
    await ada.upload(await photo([900, 700]));
    await told(ada);
    const picture = clerk.picture(ada.id);
    expect(picture).toMatchObject({ type: 'image/webp' });
    expect(await size(picture?.bytes)).toMatchObject({ format: 'webp', width: 512, height: 512 });
    await ada.query(remove);
    expect(await told(ada)).toMatchObject({ has_image: false });
    expect(clerk.picture(ada.id)).toBeUndefined();
    await ada.query(restore);
    await told(ada);
    expect(clerk.picture(ada.id)?.bytes).toEqual(picture?.bytes);
  }, 120_000);

  test('stands still there where it moves here', async () => {
    const ada = await createClerkPerson(app, clerk);
    await ada.upload(await animatedGif({ delay: [100, 100, 100] }), { name: 'a.gif', type: 'image/gif' });
    await told(ada);
    expect((await size(clerk.picture(ada.id)?.bytes)).pages ?? 1).toBe(1);
  }, 60_000);

  test("that comes back from Clerk is no picture of Clerk's: once it is deleted here, nothing shows it", async () => {
    const ada = await createClerkPerson(app, clerk, { imageUrl: 'https://img.clerk.com/of-her-own' });
    const imageUrl = async () =>
      (await ada.query<{ me: { imageUrl: string } }, object>('{ me { imageUrl } }')).me.imageUrl;
    expect(await imageUrl()).toBe('https://img.clerk.com/of-her-own');
    await ada.upload(await photo([80, 80]));
    await arrive(app, clerk, ['user.updated', (await told(ada)) ?? {}]);
    expect(await storedUser(app, ada.id)).toMatchObject({ clerkImageUrl: null });
    // Clerk still shows it, and says so once more.
    clerk.failWith('reset', { path: new RegExp(`${ada.id}/profile_image`) });
    await ada.query(remove);
    await arrive(app, clerk, ['user.updated', clerk.changeUser(ada.id, { firstName: 'Ada' })]);
    expect(await imageUrl()).toContain('/pictures/initials/');
    clerk.recover();
    await told(ada);
    // What she chooses there afterwards counts again.
    await arrive(app, clerk, ['user.updated', clerk.changeUser(ada.id, { imageUrl: 'https://img.clerk.com/new' })]);
    expect(await imageUrl()).toBe('https://img.clerk.com/new');
  }, 120_000);

  test('that comes back from Clerk before its answer does changes nothing either', async () => {
    const ada = await createClerkPerson(app, clerk);
    let answer = () => {};
    const until = new Promise<void>((resolve) => {
      answer = resolve;
    });
    clerk.failWith({ until }, { path: new RegExp(`${ada.id}/profile_image`) });
    await ada.upload(await photo([80, 80]));
    const echo = clerk.changeUser(ada.id, { imageUrl: 'https://img.clerk.com/echo' });
    await arrive(app, clerk, ['user.updated', echo]);
    expect(await storedUser(app, ada.id)).toMatchObject({ clerkImageUrl: null });
    answer();
    await told(ada);
    expect(await storedUser(app, ada.id)).toMatchObject({ clerkImageUrl: null });
    expect(await auditOf(app, ada.id)).not.toContain('user.changed by CLERK: imageUrl');
  }, 60_000);
});

test('nothing is copied to Clerk unless that was asked for', async () => {
  const ada = await createClerkPerson(plain, clerk);
  await ada.upsertProfile({ displayName: 'Ada' });
  await ada.query(skip);
  await ada.upload(await photo([80, 80]));
  expect(await wishesOf(plain)).toEqual([]);
  expect(clerk.user(ada.id)).toMatchObject({ has_image: false, public_metadata: {} });
});

test('what is to be copied waits while Clerk is away, and no longer', async () => {
  const ada = await createClerkPerson(app, clerk);
  clerk.failWith({ status: 503 }, { path: new RegExp(ada.id) });
  await ada.upload(await photo([80, 80]));
  await vi.waitFor(async () => expect((await wishesOf(app, ada.id)).length).toBe(2), eventually);
  clerk.recover();
  await told(ada);
  expect(clerk.picture(ada.id)).toBeDefined();
}, 60_000);
