import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { changePicture } from './support/live.ts';
import { anonymous, asPerson, createPerson, type Person } from './support/person.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
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
    const address = await app.listen();
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
