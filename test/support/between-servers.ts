import { expect, test, vi } from 'vitest';
import { within } from '../../src/platform/time-limit.ts';
import { deleteAccount } from './account.ts';
import { randomId, type TestApp } from './app.ts';
import type { Cuttable } from './cuttable.ts';
import { block, unblock } from './follow.ts';
import { followChanges } from './follow-changes.ts';
import { changePicture, follow, pictureUpdates } from './live.ts';
import { createPerson, type Person } from './person.ts';
import { photo } from './pictures.ts';
import { signIn } from './socket.ts';
import { openEventStream } from './sse.ts';

/** Two servers on one database. */
export interface TwoServers {
  app: TestApp;
  /** It can be cut off from what they talk through. */
  other: TestApp;
  medium: Cuttable;
  /** Of the other one. */
  address: string;
  /** Ends every connection on which one of them listens. */
  loseListeners(): Promise<unknown>;
}

/** Until the server says that it is ready (200), or not (503); what is not ready. */
export const untilReady = (server: Pick<TestApp, 'fetch'>, status: number): Promise<string[]> =>
  vi.waitFor(
    async () => {
      const reply = await server.fetch(new Request('http://visage.test/health/ready'));
      expect(reply.status).toBe(status);
      return (await reply.json()).notReady;
    },
    { timeout: 20_000, interval: 10 },
  );

/** What must have come two seconds from now. */
const soon = <Value>(promise: Promise<Value>): Promise<Value> => within(2_000, promise);

/** What holds whichever way servers talk to each other. */
export function testBetweenServers(servers: () => TwoServers): void {
  test('an upload to one server arrives at the subscribers of another', async () => {
    const { app, address } = servers();
    const ada = await createPerson(app);
    const following = await follow(await signIn(address, { token: ada.token }), [ada.id]);
    const events = await openEventStream(address, {
      token: ada.token,
      query: pictureUpdates,
      variables: { known: [{ userId: ada.id, revision: -1 }] },
    });
    await events.next();
    await ada.upload(await photo([200, 200]));
    expect(await following.next()).toMatchObject({ userId: ada.id, revision: 1, picture: { version: 1 } });
    expect(await events.next()).toMatchObject({ data: { profilePictureUpdated: { revision: 1 } } });
    events.close();
  });

  test('a change of profile or preferences through one server arrives at the subscribers of another', async () => {
    const { app, address } = servers();
    const ada = await createPerson(app);
    const profiles = await followChanges({ app, address }, ada.token, {
      query: 'subscription { profileUpdated { profile { bio } } }',
    });
    const preferences = await followChanges({ app, address }, ada.token, {
      query: 'subscription { preferencesUpdated { theme } }',
    });
    await ada.upsertProfile({ bio: 'counts' });
    expect(await profiles.next()).toEqual({ profile: { bio: 'counts' } });
    await ada.upsertPreferences({ theme: 'DARK' });
    expect(await preferences.next()).toEqual({ theme: 'DARK' });
  });

  test('a change of who sees a profile acts on the open streams of another server within two seconds', async () => {
    const { app, address } = servers();
    const [ada, stranger] = [await createPerson(app), await createPerson(app)];
    await ada.upsertProfile({ bio: 'counts' });
    const query = 'subscription ($userIds: [ID!]) { profileUpdated(userIds: $userIds) { profile { bio } } }';
    const profiles = await followChanges({ app, address }, stranger.token, { query, variables: { userIds: [ada.id] } });
    await ada.upsertPrivacy({ profile: 'PRIVATE' });
    expect(await soon(profiles.next())).toEqual({ profile: null });
    await ada.upsertPrivacy({ profile: 'PUBLIC' });
    expect(await soon(profiles.next())).toEqual({ profile: { bio: 'counts' } });
  });

  test('a block acts on the open streams of another server from the first change after it', async () => {
    const { app, address } = servers();
    const [ada, grace, beacon] = [await createPerson(app), await createPerson(app), await createPerson(app)];
    const both = [ada, beacon];
    const userIds = both.map(({ id }) => id);
    const pictures = await follow(await signIn(address, { token: grace.token }), userIds);
    const query = 'subscription ($userIds: [ID!]) { profileUpdated(userIds: $userIds) { id } }';
    const profiles = await followChanges({ app, address }, grace.token, { query, variables: { userIds } });
    const changeBoth = async () => {
      for (const person of both) {
        await changePicture(app, person.id);
        await person.upsertProfile({ bio: randomId() });
      }
    };
    const expectToldOf = async (people: Person[]) => {
      for (const { id } of people) {
        expect(await soon(pictures.next())).toMatchObject({ userId: id });
        expect(await soon(profiles.next())).toEqual({ id });
      }
    };
    await block(ada, grace.id);
    await changeBoth();
    await expectToldOf([beacon]);
    await unblock(ada, grace.id);
    await changeBoth();
    await expectToldOf(both);
  });

  test('whoever is deleted through one server is signed out by another', async () => {
    const { app, address } = servers();
    const ada = await createPerson(app);
    const socket = await signIn(address, { token: ada.token });
    await deleteAccount(ada);
    expect((await socket.closed).code).toBe(4403);
  });

  test('after connections that listen were lost, every subscriber has the newest state, and writes went on', async () => {
    const { app, other, address, loseListeners } = servers();
    const [ada, grace, idle] = [await createPerson(app), await createPerson(app), await createPerson(app)];
    const people = [ada, grace];
    const followings = await Promise.all(
      people.map(async ({ token, id }) => follow(await signIn(address, { token }), [id, idle.id])),
    );
    for (const round of [1, 2, 3]) {
      await loseListeners();
      await Promise.all([...people, ...people].map(({ id }) => changePicture(app, id)));
      for (const [at, following] of followings.entries()) await soon(following.until(people[at]?.id ?? '', 2 * round));
      await untilReady(other, 200);
    }
  });

  test('after a cut, whoever missed something has the newest state, and whoever missed nothing is told nothing', async () => {
    const { app, other, medium, address } = servers();
    const [ada, grace] = [await createPerson(app), await createPerson(app)];
    const following = await follow(await signIn(address, { token: ada.token }), [ada.id, grace.id]);
    await medium.cut();
    expect(await untilReady(other, 503)).toContain('pubsub');
    await changePicture(app, grace.id);
    await changePicture(app, grace.id);
    await medium.restore();
    expect(await soon(following.next())).toMatchObject({ userId: grace.id, revision: 2 });
    await untilReady(other, 200);
    await changePicture(app, ada.id);
    expect(await following.next()).toMatchObject({ userId: ada.id, revision: 1 });
  });

  test('a connection that is dead without a word is found, and every subscriber has the newest state after it', async () => {
    const { app, other, medium, address } = servers();
    const ada = await createPerson(app);
    const following = await follow(await signIn(address, { token: ada.token }), [ada.id]);
    medium.freeze();
    await changePicture(app, ada.id);
    await untilReady(other, 503);
    await medium.cut();
    await medium.restore();
    expect(await soon(following.next())).toMatchObject({ userId: ada.id, revision: 1 });
    await untilReady(other, 200);
  });
}
