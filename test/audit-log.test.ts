import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestApp, type TestApp } from './support/app.ts';
import { createPerson, type Person } from './support/person.ts';
import { photo } from './support/pictures.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

interface Log {
  edges: { cursor: string; node: { action: string; actor: string; at: string; changedFields: string[] } }[];
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; endCursor: string | null };
}

async function readLog(viewer: Person, ownerId: string, args = ''): Promise<Log> {
  const query = `query ($id: ID) { user(by: { id: $id }) { auditLog${args} {
    edges { cursor node { action actor at changedFields } } pageInfo { hasNextPage hasPreviousPage endCursor }
  } } }`;
  const { user } = await viewer.query<{ user: { auditLog: Log } }, object>(query, { id: ownerId });
  return user.auditLog;
}

const actionsOf = ({ edges }: Log) => edges.map(({ node }) => node.action);

test('an owner reads what was done to their account, newest first, and nothing of what it was', async () => {
  const ada = await createPerson(app);
  await ada.upsertProfile({ username: `a${ada.id.slice(-12)}`, bio: 'a secret', salary: { min: 1 } });
  await ada.upsertPreferences({ theme: 'DARK' });
  await ada.upsertPrivacy({ ratings: 'PUBLIC' });
  await ada.upload(await photo([64, 64]));
  const log = await readLog(ada, ada.id);
  expect(actionsOf(log)).toEqual([
    'picture.uploaded',
    'privacy.changed',
    'preferences.changed',
    'profile.changed',
    'username.changed',
    'user.created',
  ]);
  expect(log.edges[3]?.node).toMatchObject({ actor: 'OWNER', changedFields: ['bio', 'salary'] });
  expect(JSON.stringify(log)).not.toContain('a secret');
});

test('anyone else gets an empty log, for which nothing is read', async () => {
  const [ada, grace] = [await createPerson(app), await createPerson(app)];
  app.takeStatements();
  expect(await readLog(grace, ada.id)).toMatchObject({ edges: [], pageInfo: { hasNextPage: false } });
  expect(app.takeStatements()).toHaveLength(1);
});

test('the log pages in both directions, one statement a page', async () => {
  const ada = await createPerson(app);
  for (const theme of ['DARK', 'LIGHT', 'SYSTEM', 'DARK'] as const) await ada.upsertPreferences({ theme });
  app.takeStatements();
  const first = await readLog(ada, ada.id, '(first: 2)');
  expect(app.takeStatements()).toHaveLength(2);
  expect(first.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
  const rest = await readLog(ada, ada.id, `(first: 10, after: "${first.pageInfo.endCursor}")`);
  expect(actionsOf(rest)).toEqual(['preferences.changed', 'preferences.changed', 'user.created']);
  const last = await readLog(ada, ada.id, '(last: 1)');
  expect(actionsOf(last)).toEqual(['user.created']);
  const before = await readLog(ada, ada.id, `(last: 2, before: "${last.edges[0]?.cursor}")`);
  expect(before.edges.map(({ cursor }) => cursor)).toEqual(rest.edges.slice(0, 2).map(({ cursor }) => cursor));
});

test('a cursor of another log is refused', async () => {
  const [ada, grace] = [await createPerson(app), await createPerson(app)];
  const [edge] = (await readLog(grace, grace.id)).edges;
  await expect(readLog(ada, ada.id, `(after: "${edge?.cursor}")`)).rejects.toThrow('BAD_USER_INPUT');
});
