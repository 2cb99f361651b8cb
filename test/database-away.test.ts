import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase as openDatabase } from '../src/platform/database.ts';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { type Cuttable, createCuttable } from './support/cuttable.ts';
import { createDatabase, type TestDatabase } from './support/database.ts';
import { answerTypes, postJson } from './support/http.ts';
import { createTestLog } from './support/log.ts';
import { createPerson, type Person } from './support/person.ts';

const { log, lines } = createTestLog();
let database: TestDatabase;
let link: Cuttable;
let app: TestApp;
let ada: Person;
beforeAll(async () => {
  database = await createDatabase();
  link = await createCuttable(database.connectionString);
  app = await createTestApp({ parts: { log, connectionString: link.connectionString } });
  ada = await createPerson(app);
});
afterAll(async () => {
  await app.close();
  await link.cut();
  await database.drop();
});

const operations = {
  'a field of a query': '{ me { id } }',
  'a mutation': 'mutation { upsertPrivacy(input: { profile: FOLLOWERS }) { profile } }',
  'a member of a result union': 'mutation { upsertProfile(input: { bio: "x" }) { __typename } }',
};

test('while the database is away, every request says so, and no more; then all is as before', async () => {
  await link.cut();
  const stranger = await app.sign({ sub: `user_${randomId()}` });
  for (const [token, query] of [
    ...Object.values(operations).map((text) => [ada.token, text]),
    [stranger, '{ me { id } }'],
  ]) {
    for (const accept of Object.values(answerTypes)) {
      const { status, body, code } = await postJson(app, { query }, { accept, authorization: `Bearer ${token}` });
      expect([status, code]).toEqual([503, 'SERVICE_UNAVAILABLE']);
      expect(body.errors?.[0]?.message).toBe("The database can't be reached at the moment. Try again soon.");
      expect(Object.keys(body.errors?.[0]?.extensions ?? {})).toEqual(['code']);
    }
  }
  // What needs no database goes on.
  expect((await postJson(app, { query: '{ __typename }' })).status).toBe(200);

  await link.restore();
  expect((await ada.me()).privacy?.profile).toBe('PUBLIC');
  await ada.upsertPrivacy({ profile: 'FOLLOWERS' });
  expect(lines.filter(({ level }) => level >= 50)).toEqual([]);
  expect(lines.some(({ level, requestId }) => level === 40 && requestId)).toBe(true);
});

test('connections that were cut while nobody used them are made anew', async () => {
  await Promise.all(Array.from({ length: 20 }, () => ada.me()));
  await link.cut();
  await link.restore();
  // The pool hears of it a moment later; until then a request may still meet a dead connection.
  await expect.poll(async () => (await ada.ask('{ me { id } }')).status).toBe(200);
  const answers = await Promise.all(Array.from({ length: 20 }, () => ada.ask('{ me { id } }')));
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
});

test('a connection on which no answer comes is given up, and a new one is made', async () => {
  const db = openDatabase({ connectionString: link.connectionString, log, statementTimeoutMs: 300 });
  await db.check();
  link.freeze();
  await expect(db.check()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  await link.cut();
  await link.restore();
  await db.check();
  await db.close();
});

test('a database that was never there is away too', async () => {
  const connectionString = 'postgresql://nobody@127.0.0.1:9/nothing';
  const lost = await createTestApp({ parts: { connectionString, log } });
  const authorization = `Bearer ${await lost.sign({ sub: ada.id })}`;
  const { status, code } = await postJson(lost, { query: '{ me { id } }' }, { authorization });
  expect([status, code]).toEqual([503, 'SERVICE_UNAVAILABLE']);
  await lost.close();
});
