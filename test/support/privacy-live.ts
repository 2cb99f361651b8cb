import type { GraphQLSchema } from 'graphql';
import { vi } from 'vitest';
import { announce } from '../../src/platform/announcements.ts';
import { randomId, type TestApp } from './app.ts';
import { changePicture } from './live.ts';
import type { Person } from './person.ts';
import { Expected, type Fields } from './privacy-comparison.ts';
import { isThere, pictureState } from './privacy-paths.ts';
import { administratorNames, type ViewerName, viewerNames, type World } from './privacy-world.ts';
import { withFragments } from './schema-walk.ts';
import { type Socket, signIn } from './socket.ts';

/** A subscription that leads to the owner. */
interface LivePath {
  field: string;
  operation: string;
  variables(world: World): object;
  /** What there is to be told, to whom the owner is there. */
  expected(owner: Fields): Fields;
  /** Whose update a message is. */
  userIdOf(message: Fields): unknown;
  /** Makes the server tell of a user, without a change that anybody could see. */
  tell(app: TestApp, person: Person): Promise<unknown>;
}

const both = ({ people: { owner, beacon } }: World) => [owner.id, beacon.id];

const pictures: LivePath = {
  field: 'profilePictureUpdated',
  operation: `subscription ($userIds: [ID!], $known: [KnownPictureRevision!]) {
    profilePictureUpdated(userIds: $userIds, known: $known) { ...ProfilePictureUpdate_2 }
  }`,
  variables: (world) => ({ userIds: both(world), known: both(world).map((userId) => ({ userId, revision: -1 })) }),
  expected: pictureState,
  userIdOf: ({ userId }) => userId,
  // The owner's is told when the subscription begins.
  tell: (app, { id }) => (id.includes('beacon') ? changePicture(app, id) : Promise.resolve()),
};

const profiles: LivePath = {
  field: 'profileUpdated',
  operation: 'subscription ($userIds: [ID!]) { profileUpdated(userIds: $userIds) { ...User_1 } }',
  variables: (world) => ({ userIds: both(world) }),
  expected: (owner) => owner,
  userIdOf: ({ id }) => id,
  tell: ({ platform }, { id: userId }) =>
    platform.db.transaction(async (tx) => {
      const { revision } = await tx.profile.update({ where: { userId }, data: { revision: { increment: 1 } } });
      await announce(tx, 'profile', { userId, revision });
    }),
};

const preferences: LivePath = {
  field: 'preferencesUpdated',
  operation: 'subscription { preferencesUpdated { ...Preferences_1 } }',
  variables: () => ({}),
  expected: (viewer) => viewer.preferences as Fields,
  userIdOf: ({ user }) => (user as Fields).id,
  tell: ({ platform }, { id: userId }) =>
    platform.db.transaction(async (tx) => {
      const { revision } = await tx.preferences.update({ where: { userId }, data: { revision: { increment: 1 } } });
      await announce(tx, 'preferences', { userId, revision });
    }),
};

/** What a viewer was told of the owner, or of themselves. */
export interface Told {
  viewer: ViewerName;
  field: string;
  updates: Fields[];
  expected: Expected[];
}

/** One socket for each viewer, open as long as the test, and its session seen: nothing of it changes any more. */
export async function createListeners(app: TestApp, { people }: World): Promise<Map<ViewerName, Socket>> {
  const address = await app.listen();
  const startedAt = new Date();
  const sockets = [...viewerNames, ...administratorNames].map(async (viewer) => {
    const { token } = people[viewer];
    const socket = await signIn(address, token ? { token } : undefined);
    if (token) await showPicture(socket, people[viewer]);
    return [viewer, socket] as const;
  });
  const listeners = new Map(await Promise.all(sockets));
  const signedIn = [...listeners.keys()].filter((viewer) => people[viewer].token !== null);
  await vi.waitFor(
    async () => {
      const seen = await app.platform.db.prisma.syncSession.count({ where: { lastSeenAt: { gte: startedAt } } });
      if (seen < signedIn.length) throw new Error(`${seen} of ${signedIn.length} sessions were seen.`);
    },
    { timeout: 20_000 },
  );
  return listeners;
}

/** As a client does that shows its user's picture. */
async function showPicture(socket: Socket, { id }: Person): Promise<void> {
  const query = 'subscription ($known: [KnownPictureRevision!]) { profilePictureUpdated(known: $known) { revision } }';
  const variables = { known: [{ userId: id, revision: -1 }] };
  socket.send({ id: 'seen', type: 'subscribe', payload: { query, variables } });
  await socket.expect('next', 'seen');
  socket.send({ id: 'seen', type: 'complete' });
}

/** Subscribes everybody to the owner, and gathers what they are told: by one subscription, then by the next. */
export async function* listen(
  app: TestApp,
  { schema, world, sockets }: { schema: GraphQLSchema; world: World; sockets: Map<ViewerName, Socket> },
): AsyncGenerator<Told[]> {
  const served = schema.getSubscriptionType()?.getFields() ?? {};
  for (const path of [pictures, profiles, preferences].filter(({ field }) => served[field])) {
    const isOwn = path === preferences;
    const listeners = [...sockets].filter(([viewer]) => !(isOwn && viewer === 'anonymous'));
    const query = withFragments(schema, path.operation);
    const id = `${path.field}_${randomId()}`;
    for (const [, socket] of listeners) {
      socket.send({ type: 'subscribe', id, payload: { query, variables: path.variables(world) } });
    }
    const hearing = { world, listeners, path, id };
    const told = await (isOwn ? hearOwn(app, hearing) : hearOfOwner(app, hearing));
    for (const [, socket] of listeners) socket.send({ type: 'complete', id });
    yield told;
  }
}

interface Hearing {
  world: World;
  listeners: [ViewerName, Socket][];
  path: LivePath;
  /** Of the operation, on every socket. */
  id: string;
}

/** What a viewer is told, up to and with the next update of this user. */
async function hearUntil(
  { path: { field, userIdOf }, id }: Hearing,
  socket: Socket,
  userId: string,
): Promise<Fields[]> {
  const updates: Fields[] = [];
  for (;;) {
    const { data, errors } = await socket.expect('next', id);
    if (errors) throw new Error(`${field}: ${JSON.stringify(errors)}`);
    updates.push(data);
    if (userIdOf(data[field]) === userId) return updates;
  }
}

/** Asked later and with a longer way, to the database: by its answer the subscription is there. */
const waitUntilThere = ({ listeners }: Hearing) =>
  Promise.all(listeners.map(([, socket]) => socket.ask('{ user(by: { id: "user_nobody" }) { id } }')));

/** Has the server tell of the owner, then of a beacon: who hears of the beacon has heard all that there is of the owner. */
async function hearOfOwner(app: TestApp, hearing: Hearing): Promise<Told[]> {
  const { world, listeners, path } = hearing;
  const { owner, beacon } = world.people;
  const untilBeacon = () => Promise.all(listeners.map(([, socket]) => hearUntil(hearing, socket, beacon.id)));
  const before = path === pictures ? await untilBeacon() : [];
  if (path !== pictures) await waitUntilThere(hearing);
  await path.tell(app, owner);
  await path.tell(app, beacon);
  const after = await untilBeacon();
  return listeners.map(([viewer], index) => ({
    viewer,
    field: path.field,
    updates: [...(before[index] ?? []), ...(after[index] ?? [])].filter(
      (data) => path.userIdOf(data[path.field] as Fields) !== beacon.id,
    ),
    expected: isThere(world, viewer) ? [new Expected(owner.id, path.expected(world.truthOf(owner.id)))] : [],
  }));
}

/** Has the server tell of the owner, then of each viewer: who hears of themselves has heard all that there is. */
async function hearOwn(app: TestApp, hearing: Hearing): Promise<Told[]> {
  const { world, listeners, path } = hearing;
  await waitUntilThere(hearing);
  await path.tell(app, world.people.owner);
  for (const [viewer] of listeners) if (viewer !== 'owner') await path.tell(app, world.people[viewer]);
  return Promise.all(
    listeners.map(async ([viewer, socket]) => {
      const { id } = world.people[viewer];
      const expected = [new Expected(id, path.expected(world.truthOf(id)))];
      return { viewer, field: path.field, updates: await hearUntil(hearing, socket, id), expected };
    }),
  );
}
