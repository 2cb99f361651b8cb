import { expect, vi } from 'vitest';
import type { TestApp } from './app.ts';
import type { ClerkApi } from './clerk-api.ts';
import type { ClerkUserInput } from './clerk-users.ts';
import { createPerson, type Person } from './person.ts';

/** For what a worker does by itself, between two attempts too. */
export const eventually = { timeout: 45_000, interval: 50 };

/** Somebody whom Clerk has, and who has been here. */
export const createClerkPerson = (app: TestApp, clerk: ClerkApi, input?: ClerkUserInput): Promise<Person> =>
  createPerson(app, clerk.addUser(input).id);

/** What Clerk is still to be told, of one user if given. */
export const wishesOf = ({ platform }: Pick<TestApp, 'platform'>, userId?: string) =>
  platform.db.prisma.outboxEntry.findMany({
    where: { ...(userId && { userId }) },
    orderBy: { kind: 'asc' },
    select: { kind: true, attempts: true, nextAttemptAt: true, createdAt: true, lastError: true },
  });

/** Waits until Clerk was told everything, of one user if given. */
export const expectTold = (app: Pick<TestApp, 'platform'>, userId?: string): Promise<void> =>
  vi.waitFor(async () => expect(await wishesOf(app, userId)).toEqual([]), eventually);

/** How often Clerk was asked that. */
export const requestsFor = ({ requests }: ClerkApi, method: string, path: string): number =>
  requests.filter((request) => request.method === method && request.path === path).length;
