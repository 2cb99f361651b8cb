import { expect, onTestFinished, test } from 'vitest';
import { createTestApp, type TestApp } from './support/app.ts';
import { createPerson, type Person } from './support/person.ts';
import { type ServerProcess, startServer } from './support/server-process.ts';

const metricsToken = 'what-requests-leave';

/** A server of its own, in whose memory nothing else is going on. */
async function startAlone(app: TestApp): Promise<ServerProcess> {
  const server = await startServer({
    DATABASE_URL: app.database.connectionString,
    DATA_DIR: app.folder,
    STORAGE_URL: `file://${app.folder}`,
    CLERK_JWT_KEY: app.publicKey,
    METRICS_TOKEN: metricsToken,
    RATE_LIMITS: 'off',
  });
  onTestFinished(async () => void (await server.stop()));
  return server;
}

/** Bytes that V8 has among the old, dead or not. */
async function oldBytes({ url }: ServerProcess): Promise<number> {
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${metricsToken}` } });
  const [, bytes] = /^nodejs_heap_space_size_used_bytes\{space="old"\} (\d+)$/m.exec(await response.text()) ?? [];
  if (!bytes) throw new Error('The metrics do not say how much is old.');
  return Number(bytes);
}

async function ask({ url }: ServerProcess, { token }: Person, body: string): Promise<void> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body });
  expect(await response.json()).not.toHaveProperty('errors');
}

const page = `query ($username: String!) { user(by: { username: $username }) {
  followers(first: 20) { totalCount edges { node { username displayName imageUrl viewerFollow } } } } }`;

test('what a request makes is gone with it: V8 has hardly more of the old afterwards', async () => {
  const app = await createTestApp();
  onTestFinished(() => app.close());
  const [ada, ...followers] = (await Promise.all(Array.from({ length: 9 }, () => createPerson(app)))) as [
    Person,
    ...Person[],
  ];
  await ada.upsertProfile({ username: 'leaves_nothing' });
  for (const person of followers)
    await person.query('mutation ($id: ID!) { follow(target: { userId: $id }) { __typename } }', { id: ada.id });
  const server = await startAlone(app);
  const operations = {
    me: { query: '{ me { displayName profile { bio } preferences { theme } privacy { profile } picture { id } } }' },
    page: { query: page, variables: { username: 'leaves_nothing' } },
  };
  const requests = 1_000;
  for (const [name, operation] of Object.entries(operations)) {
    const body = JSON.stringify(operation);
    const askMany = () =>
      Promise.all(
        followers.map(async (person) => {
          for (let asked = 0; asked < requests / followers.length; asked++) await ask(server, person, body);
        }),
      );
    // Until V8 has compiled what it will.
    await askMany();
    const before = await oldBytes(server);
    await askMany();
    const left = ((await oldBytes(server)) - before) / requests;
    // One function or type that V8 keeps holds all of its request with it: some 3 kB.
    expect(left, `bytes that each ${name} left`).toBeLessThan(1_000);
  }
});
