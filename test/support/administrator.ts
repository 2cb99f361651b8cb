import { randomId, type TestApp } from './app.ts';
import { asPerson, type Person } from './person.ts';

/** What makes a test's server know its administrators. */
export const administratorEnv = { ADMIN_CLAIM: 'metadata.role=admin' };

/** A fresh user whose token says that they administrate. */
export async function createAdministrator(app: TestApp): Promise<Person> {
  const id = `user_${randomId()}`;
  const person = asPerson(app, id, await app.sign({ sub: id, metadata: { role: 'admin' } }));
  await person.me();
  return person;
}

interface Entry {
  action: string;
  actor: string;
  changedFields: string[];
}

/** What administrators read of somebody, newest first, as the owner finds it in their audit log. */
export async function readsIn(owner: Person): Promise<string[][]> {
  const { me } = await owner.query<{ me: { auditLog: { edges: { node: Entry }[] } } }, object>(
    '{ me { auditLog(first: 100) { edges { node { action actor changedFields } } } } }',
  );
  return me.auditLog.edges
    .filter(({ node }) => node.action === 'administrator.read' && node.actor === 'ADMINISTRATOR')
    .map(({ node }) => node.changedFields);
}
