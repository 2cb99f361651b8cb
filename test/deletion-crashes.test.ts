import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import { deleteAccountMutation, storedFiles } from './support/account.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { type CanaryPerson, expectNoTrace, plantMany } from './support/canaries.ts';
import { createClerkApi } from './support/clerk-api.ts';
import { createCuttable } from './support/cuttable.ts';
import { createDatabase } from './support/database.ts';
import { createClerkPerson } from './support/outbox.ts';
import { startServer } from './support/server-process.ts';

/** Everything is there as before the kill, or as after the deletion; a server that was killed can't say which. */
async function askForDeletion(url: string, { token, word }: CanaryPerson): Promise<number | null> {
  try {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query: deleteAccountMutation, variables: { confirmation: `${word}_here` } }),
    });
    const { data } = await response.json();
    if (response.status === 200) expect(data?.deleteAccount).toMatchObject({ __typename: 'DeletedAccount' });
    return response.status;
  } catch (error) {
    // The connection went with the server.
    if (error instanceof TypeError || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Enough for several transactions of whoever erases it. */
const addMany = (app: TestApp, { id }: CanaryPerson) => app.platform.db.prisma.$executeRaw`
  insert into events (id, user_id, type, movie_id, occurred_at)
  select gen_random_uuid(), ${id}, 'VIEW', number, now() from generate_series(1, 12000) as number`;

test('a server that is killed while it deletes accounts goes on where it was when it comes back', async () => {
  const clerk = await createClerkApi();
  const database = await createDatabase();
  const link = await createCuttable(database.connectionString);
  const app = await createTestApp({ env: clerk.env, parts: { connectionString: link.connectionString } });
  const observer = new pg.Client({ connectionString: database.connectionString });
  await observer.connect();
  onTestFinished(async () => {
    await observer.end();
    await app.close();
    await link.cut();
    await database.drop();
    await clerk.close();
  });
  const friends = [await createClerkPerson(app, clerk), await createClerkPerson(app, clerk)];
  const files = await storedFiles(app);
  const people = await plantMany(app, { clerk, friends, count: 12 });
  for (const person of people) await addMany(app, person);
  // From here on, whatever happens is done by the processes below.
  await link.cut();

  const env = {
    ...clerk.env,
    DATABASE_URL: database.connectionString,
    DATA_DIR: app.folder,
    STORAGE_URL: `file://${app.folder}`,
    CLERK_JWT_KEY: app.publicKey,
    RATE_LIMITS: 'off',
    LOG_LEVEL: 'debug',
  };
  for (let round = 0; round < 4; round++) {
    const server = await startServer(env);
    const asked = people.slice(round * 3, round * 3 + 3).map((person) => askForDeletion(server.url, person));
    // Nothing is waited for: the moment of the kill is what the test varies.
    await delay(randomInt(200));
    await server.kill();
    await Promise.all(asked);
  }
  const server = await startServer(env);
  // Whose request was lost asks again; for the others there is nobody any more who could.
  const statuses = await Promise.all(people.map((person) => askForDeletion(server.url, person)));
  expect(statuses.filter((status) => status !== 200 && status !== 401)).toEqual([]);
  const leftOver = `select (select count(*) from users where id = any($1)) + (select count(*) from clerk_outbox) as count`;
  await vi.waitFor(
    async () => {
      const { rows } = await observer.query(leftOver, [people.map(({ id }) => id)]);
      expect(rows).toEqual([{ count: '0' }]);
    },
    { timeout: 90_000, interval: 200 },
  );
  expect(await server.stop()).toBe(0);
  expect(server.lines.filter((line) => people.some(({ word }) => line.includes(word)))).toEqual([]);
  await link.restore();
  await expectNoTrace(app, { clerk, people, files });
}, 300_000);
