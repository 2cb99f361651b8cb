import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { removeUnseenSessions } from '../src/modules/picture/queries.ts';
import { createSessionSightings } from '../src/modules/picture/sync-sessions-sightings.ts';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { onDatabase } from './support/events.ts';
import { changePicture, follow, pictureUpdates } from './support/live.ts';
import { anonymous, asPerson, createPerson, type Person } from './support/person.ts';
import { explain, planModes } from './support/plans.ts';
import { closeSockets, signIn } from './support/socket.ts';
import { closeEventStreams, openEventStream } from './support/sse.ts';

let app: TestApp;
let address: string;
beforeAll(async () => {
  app = await createTestApp();
  address = await app.listen();
});
afterAll(() => app.close());

interface Session {
  id: string;
  userAgent: string | null;
  pictureRevision: number;
  acknowledgedAt: string | null;
  lastSeenAt: string;
}

const fields = 'id userAgent pictureRevision acknowledgedAt lastSeenAt';
const acknowledgement = `mutation ($revision: Int!) { acknowledgePictureRevision(revision: $revision) { ${fields} } }`;

const acknowledge = (person: Person, revision: number, headers?: Record<string, string>) =>
  person.ask<{ acknowledgePictureRevision: Session }, object>(acknowledgement, { revision }, headers);

async function acknowledged(person: Person, revision: number, headers?: Record<string, string>): Promise<Session> {
  const { data, errors } = await acknowledge(person, revision, headers);
  if (errors) throw new Error(JSON.stringify(errors));
  return data.acknowledgePictureRevision;
}

const codeOf = async (answer: ReturnType<Person['ask']>) => (await answer).errors?.[0]?.extensions.code;

async function sessionsOf(person: Person): Promise<Session[]> {
  const { me } = await person.query<{ me: { syncSessions: Session[] } }, object>(
    `{ me { syncSessions { ${fields} } } }`,
  );
  return me.syncSessions;
}

/** The same user, signed in somewhere else. */
async function signInAgain({ id }: Person, sid: string | null = `sess_${randomId()}`): Promise<Person> {
  return asPerson(app, id, await app.sign({ sub: id, sid }));
}

async function createPersonAt(revision: number): Promise<Person> {
  const ada = await createPerson(app);
  for (let at = 0; at < revision; at++) await changePicture(app, ada.id);
  return ada;
}

describe('a session that acknowledges a revision', () => {
  test('is known by its id, its client and the revision, in one statement', async () => {
    const ada = await createPersonAt(2);
    const phone = await signInAgain(ada, 'sess_phone');
    expect(await sessionsOf(ada)).toEqual([]);
    app.takeStatements();
    const session = await acknowledged(phone, 2, { 'user-agent': 'Phone/1.0' });
    expect(app.takeStatements()).toHaveLength(1);
    const times = { acknowledgedAt: expect.any(String), lastSeenAt: expect.any(String) };
    expect(session).toEqual({ id: 'sess_phone', userAgent: 'Phone/1.0', pictureRevision: 2, ...times });
    app.takeStatements();
    expect(await sessionsOf(ada)).toEqual([session]);
    expect(app.takeStatements()).toHaveLength(2);
  });

  test('never goes back, and keeps the time when it came that far', async () => {
    const ada = await createPersonAt(3);
    await acknowledged(ada, 0);
    const first = await acknowledged(ada, 2);
    for (const revision of [1, 2, 0]) {
      const { pictureRevision, acknowledgedAt } = await acknowledged(ada, revision);
      expect({ pictureRevision, acknowledgedAt }).toEqual({ pictureRevision: 2, acknowledgedAt: first.acknowledgedAt });
    }
    expect(await acknowledged(ada, 3)).toMatchObject({ pictureRevision: 3 });
    expect(await sessionsOf(ada)).toHaveLength(1);
  });

  test('ends with the highest of many at once', async () => {
    const ada = await createPersonAt(20);
    const revisions = Array.from({ length: 40 }, (_, at) => (at * 8) % 21);
    await Promise.all(revisions.map((revision) => acknowledged(ada, revision)));
    expect(await sessionsOf(ada)).toMatchObject([{ pictureRevision: 20 }]);
  });

  test('is named anew where its client was updated, and keeps its name where it gives none', async () => {
    const ada = await createPersonAt(0);
    await acknowledged(ada, 0, { 'user-agent': 'Phone/1.0' });
    expect(await acknowledged(ada, 0, { 'user-agent': `Phone/2.0 ${'x'.repeat(2_000)}` })).toMatchObject({
      userAgent: expect.stringMatching(/^Phone\/2\.0 x{502}$/),
    });
    expect(await acknowledged(ada, 0)).toMatchObject({ userAgent: expect.stringMatching(/^Phone\/2\.0/) });
  });
});

describe('an acknowledgement is refused', () => {
  test('above the current revision, and below the first', async () => {
    const ada = await createPersonAt(1);
    for (const revision of [2, 2_147_483_647, -1]) {
      expect(await codeOf(acknowledge(ada, revision)), `${revision}`).toBe('BAD_USER_INPUT');
    }
    await acknowledged(ada, 1);
    expect(await codeOf(acknowledge(ada, 2))).toBe('BAD_USER_INPUT');
    expect(await sessionsOf(ada)).toMatchObject([{ pictureRevision: 1 }]);
  });

  test('by a token without a session', async () => {
    const ada = await createPersonAt(1);
    expect(await codeOf(acknowledge(await signInAgain(ada, null), 1))).toBe('BAD_USER_INPUT');
    expect(await codeOf(acknowledge(await signInAgain(ada, ''), 1))).toBe('BAD_USER_INPUT');
    expect(await sessionsOf(ada)).toEqual([]);
  });

  test('without a token, and from a user who was deleted', async () => {
    expect(await codeOf(acknowledge(anonymous(app), 0))).toBe('UNAUTHENTICATED');
    const ada = await createPersonAt(1);
    await app.platform.db.prisma.user.delete({ where: { id: ada.id } });
    expect(await codeOf(acknowledge(ada, 0))).toBe('UNAUTHENTICATED');
  });
});

describe('the sessions of a user', () => {
  test('are listed most recently seen first, 100 at most', async () => {
    const ada = await createPersonAt(0);
    const data = Array.from({ length: 102 }, (_, at) => ({
      userId: ada.id,
      sessionId: `sess_${at}`,
      lastSeenAt: new Date(Date.UTC(2020, 0, 1, 0, (at * 41) % 102)),
    }));
    await app.platform.db.prisma.syncSession.createMany({ data });
    await acknowledged(await signInAgain(ada, 'sess_now'), 0);
    const sessions = await sessionsOf(ada);
    expect(sessions).toHaveLength(100);
    expect(sessions[0]?.id).toBe('sess_now');
    expect(sessions[1]).toMatchObject({ pictureRevision: 0, acknowledgedAt: null, userAgent: null });
    const times = sessions.map(({ lastSeenAt }) => lastSeenAt);
    expect(times).toEqual(times.toSorted().reverse());
  });

  test('are theirs alone, though two users may have a session of the same id', async () => {
    const [ada, grace] = [await createPersonAt(3), await createPersonAt(1)];
    await acknowledged(await signInAgain(ada, 'sess_same'), 3);
    await acknowledged(await signInAgain(grace, 'sess_same'), 1);
    expect(await sessionsOf(ada)).toMatchObject([{ id: 'sess_same', pictureRevision: 3 }]);
    expect(await sessionsOf(grace)).toMatchObject([{ id: 'sess_same', pictureRevision: 1 }]);
    await app.platform.db.prisma.follow.create({ data: { followerId: grace.id, followeeId: ada.id } });
    const query = 'query ($id: ID) { user(by: { id: $id }) { syncSessions { id } } }';
    for (const viewer of [grace, anonymous(app)]) {
      expect(await viewer.query(query, { id: ada.id })).toEqual({ user: { syncSessions: null } });
    }
  });
});

describe('over a WebSocket', () => {
  let socket: WebSocket | null = null;
  afterEach(() => socket?.terminate());

  test('a session is named as it was when the socket was opened', async () => {
    const ada = await createPersonAt(1);
    const opened = new WebSocket(`${address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
      headers: { 'user-agent': 'Desktop/3.1' },
    });
    socket = opened;
    const answer = new Promise((resolve, reject) => {
      opened.on('error', reject);
      opened.on('open', () => opened.send(JSON.stringify({ type: 'connection_init', payload: { token: ada.token } })));
      opened.on('message', (data) => {
        const message = JSON.parse(String(data));
        const payload = { query: acknowledgement, variables: { revision: 1 } };
        if (message.type === 'connection_ack') opened.send(JSON.stringify({ type: 'subscribe', id: '1', payload }));
        if (message.type === 'next' || message.type === 'error') resolve(message.payload);
      });
    });
    expect(await answer).toMatchObject({
      data: { acknowledgePictureRevision: { userAgent: 'Desktop/3.1', pictureRevision: 1 } },
    });
  });
});

const longAgo = new Date(Date.UTC(2020, 0, 1));

/** As if the session had not been seen since then. */
const age = (sessionId: string, lastSeenAt = longAgo) =>
  app.platform.db.prisma.syncSession.updateMany({ where: { sessionId }, data: { lastSeenAt } });

describe('a session that follows pictures', () => {
  afterEach(() => {
    closeSockets();
    closeEventStreams();
  });
  const followAs = async ({ token }: Person, whose: Person, server = address) =>
    follow(await signIn(server, { token }), [whose.id]);

  test('is seen without having acknowledged anything, soon and without a statement of its own', async () => {
    const [ada, grace] = [await createPersonAt(1), await createPersonAt(1)];
    const [desktop, phone] = [await signInAgain(ada, 'sess_desktop'), await signInAgain(ada, 'sess_phone')];
    app.takeStatements();
    await followAs(desktop, grace);
    const variables = { userIds: [ada.id], known: [{ userId: ada.id, revision: -1 }] };
    const stream = await openEventStream(address, { token: phone.token, query: pictureUpdates, variables });
    await stream.next();
    expect(app.takeStatements().filter((sql) => sql.includes('sync_sessions'))).toEqual([]);
    await vi.waitFor(async () => expect(await sessionsOf(ada)).toHaveLength(2), { timeout: 20_000, interval: 100 });
    const unknown = { pictureRevision: 0, acknowledgedAt: null };
    expect((await sessionsOf(ada)).toSorted((a, b) => a.id.localeCompare(b.id))).toMatchObject([
      { id: 'sess_desktop', userAgent: null, ...unknown },
      { id: 'sess_phone', userAgent: 'node', ...unknown },
    ]);
    expect(await sessionsOf(grace)).toEqual([]);
  });

  test('keeps what it acknowledged, and is noted once in a while only', async () => {
    const ada = await createPersonAt(2);
    const tab = await signInAgain(ada, 'sess_tab');
    const { acknowledgedAt } = await acknowledged(tab, 2, { 'user-agent': 'Tab/1.0' });
    const sightings = createSessionSightings(app.platform);
    const seeAgain = async () => {
      await age('sess_tab');
      sightings.note({ viewer: { id: ada.id, sessionId: 'sess_tab' }, userAgent: null });
      await sightings.write();
      return (await sessionsOf(ada))[0];
    };
    const session = { pictureRevision: 2, acknowledgedAt, userAgent: 'Tab/1.0' };
    const seen = await seeAgain();
    expect(seen).toMatchObject(session);
    expect(Date.parse(seen?.lastSeenAt ?? '')).toBeGreaterThan(longAgo.getTime());
    expect(await seeAgain()).toMatchObject({ ...session, lastSeenAt: longAgo.toISOString() });
  });

  test('is seen where its server stops right after', async () => {
    const ada = await createPersonAt(0);
    const beside = await createTestApp({ beside: app });
    await followAs(await signInAgain(ada, 'sess_last'), ada, await beside.listen());
    await beside.close();
    expect(await sessionsOf(ada)).toMatchObject([{ id: 'sess_last' }]);
  });

  test('need not be one: nobody in particular, and a token without one, follow as well', async () => {
    const ada = await createPersonAt(0);
    const beside = await createTestApp({ beside: app });
    const server = await beside.listen();
    await followAs(anonymous(app), ada, server);
    await followAs(await signInAgain(ada, null), ada, server);
    await beside.close();
    expect(await sessionsOf(ada)).toEqual([]);
  });

  test('waits for nobody, and is noted though others can not be', async () => {
    const [ada, busy] = [await createPersonAt(0), await createPersonAt(0)];
    const sightings = createSessionSightings(app.platform);
    for (const id of ['user_nobody', busy.id, ada.id]) {
      sightings.note({ viewer: { id, sessionId: 'sess_1' }, userAgent: null });
    }
    await app.platform.db.transaction(async (tx) => {
      await tx.$queryRaw`select from users where id = ${busy.id} for update`;
      await sightings.write();
      expect([await sessionsOf(ada), await sessionsOf(busy)]).toMatchObject([[{ id: 'sess_1' }], []]);
    });
    await sightings.write();
    expect(await sessionsOf(busy)).toMatchObject([{ id: 'sess_1' }]);
  });

  test('of somebody who is deleted is forgotten', async () => {
    const ada = await createPersonAt(0);
    const { db, deletedUsers } = app.platform;
    const sightings = createSessionSightings({ db, deletedUsers });
    const follower = { viewer: { id: ada.id, sessionId: 'sess_1' }, userAgent: null };
    sightings.note(follower);
    expect(deletedUsers.heldUserIds()).toContain(ada.id);
    deletedUsers.add(ada.id);
    sightings.note(follower);
    await sightings.write();
    expect(await db.prisma.syncSession.count({ where: { userId: ada.id } })).toBe(0);
  });
});

describe('a session that was not seen for 30 days', () => {
  const dayMs = 86_400_000;
  const sessionsSeen = (userId: string, count: number, days: number) =>
    app.platform.db.prisma.syncSession.createMany({
      data: Array.from({ length: count }, (_, at) => ({
        userId,
        sessionId: `sess_${days}_${at}`,
        lastSeenAt: new Date(Date.now() - days * dayMs),
      })),
    });

  test('is removed when a server looks, however many there are', async () => {
    const ada = await createPersonAt(0);
    await sessionsSeen(ada.id, 1_001, 31);
    await sessionsSeen(ada.id, 2, 29);
    const beside = await createTestApp({ beside: app });
    await vi.waitFor(
      async () => expect(await app.platform.db.prisma.syncSession.count({ where: { userId: ada.id } })).toBe(2),
      { timeout: 20_000 },
    );
    await beside.close();
    expect(await sessionsOf(ada)).toMatchObject([{ id: expect.stringMatching(/_29_/) }, {}]);
  });

  test('is found by its index', async () => {
    const ada = await createPersonAt(0);
    await onDatabase(app, async (client) => {
      await client.query(
        `insert into sync_sessions (user_id, session_id, last_seen_at)
         select $1, 'sess_' || n, now() - n * interval '1 minute' from generate_series(1, 20000) n`,
        [ada.id],
      );
      await client.query('analyze sync_sessions');
      for (const mode of planModes) {
        await client.query('begin');
        const steps = await explain(client, removeUnseenSessions, [], mode);
        await client.query('rollback');
        expect(steps.map(({ index }) => index)).toContain('sync_sessions_last_seen_at_idx');
      }
    });
  });
});
