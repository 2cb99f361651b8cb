import { expect } from 'vitest';
import type { TestApp } from './app.ts';
import type { ClerkApi } from './clerk-api.ts';
import type { ClerkUserJson } from './clerk-users.ts';
import { asPerson, type Person } from './person.ts';

/** Delivers an event as Clerk would, and answers what came of it; fails the test where it isn't taken. */
export async function arrive(
  app: TestApp,
  clerk: ClerkApi,
  [type, user]: [type: string, user: Partial<ClerkUserJson>],
): Promise<string> {
  const { status, text } = await clerk.deliver(app, clerk.webhook(type, user));
  expect(status, text).toBe(200);
  return JSON.parse(text).outcome;
}

/** Somebody who has a token of Clerk's and hasn't been here yet. */
export const withToken = async (app: TestApp, id: string): Promise<Person> =>
  asPerson(app, id, await app.sign({ sub: id }));

/** What the audit log has of a user, oldest first, as `action by ACTOR: fields`. */
export async function auditOf({ platform }: TestApp, userId: string): Promise<string[]> {
  const entries = await platform.db.prisma.auditEntry.findMany({
    where: { userId },
    orderBy: [{ at: 'asc' }, { id: 'asc' }],
  });
  return entries.map(({ action, actor, changedFields }) =>
    [`${action} by ${actor}`, ...(changedFields.length > 0 ? [changedFields.join(', ')] : [])].join(': '),
  );
}

/** What is known here of a user's state at Clerk. */
export const storedUser = ({ platform }: TestApp, id: string) =>
  platform.db.prisma.user.findUnique({
    where: { id },
    select: { username: true, email: true, firstName: true, lastName: true, clerkImageUrl: true },
  });

/** What is recorded of deliveries, by their ids. */
export const recordsOf = ({ platform }: TestApp, ids: string[]) =>
  platform.db.prisma.webhookDelivery.findMany({
    where: { id: { in: ids } },
    select: { id: true, type: true, userId: true, outcome: true },
  });
