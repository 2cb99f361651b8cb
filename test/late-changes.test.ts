import { afterAll, beforeAll, expect, test } from 'vitest';
import { deleteAccount, expectErased } from './support/account.ts';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { onDatabase, waitForLockWaits } from './support/events.ts';
import { type Answer, createPerson, type Person } from './support/person.ts';
import { photo } from './support/pictures.ts';

// What somebody changes at the moment in which their account is deleted.

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

/** Lets a change, whose user was still there when it arrived, go on right after the deletion of their account. */
async function changeAfterDeletion(person: Person, change: () => Promise<Answer<unknown>>): Promise<Answer<unknown>> {
  return onDatabase(app, async (client) => {
    await client.query('begin');
    await client.query('select from users where id = $1 for update', [person.id]);
    const deletion = deleteAccount(person);
    await waitForLockWaits(app, 1);
    const answer = change();
    await waitForLockWaits(app, 2);
    await client.query('commit');
    await deletion;
    return answer;
  });
}

const mutation = (text: string) => `mutation { ${text} { __typename } }`;

test.each<[string, (username: string) => string]>([
  ['a username', (username) => mutation(`upsertProfile(input: { username: "${username}" })`)],
  ['a display name', (name) => mutation(`upsertProfile(input: { displayName: "${name}" })`)],
  ['a picture that is restored', () => mutation('restoreProfilePicture(version: 1)')],
  ['a picture that is deleted', () => mutation('deleteProfilePicture(version: 1)')],
])('%s comes too late for an account that is deleted, and leaves nothing', async (_, toMutation) => {
  const [ada, text] = [await createPerson(app), `u${randomId()}`];
  for (const size of [80, 90]) await ada.upload(await photo([size, size]));
  const { errors } = await changeAfterDeletion(ada, () => ada.ask(toMutation(text)));
  expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
  await expectErased(app, ada.id);
  await expectErased(app, text);
  const grace = await createPerson(app);
  expect(await grace.upsertProfile({ username: text })).toMatchObject({ __typename: 'Profile' });
});

test('an upload comes too late for an account that is deleted', async () => {
  const ada = await createPerson(app);
  const image = await photo([80, 80]);
  const tooLate = changeAfterDeletion(ada, async () => {
    await expect(ada.upload(image)).rejects.toThrow('UNAUTHENTICATED');
    return ada.ask('{ __typename }');
  });
  expect((await tooLate).status).toBe(401);
  await expectErased(app, ada.id);
});
