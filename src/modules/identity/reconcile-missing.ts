import { v7 as uuidv7 } from 'uuid';
import type { ClerkUser } from '../../platform/clerk.ts';
import type { Database, Transaction } from '../../platform/database.ts';
import { lockIdentities } from '../user/identity-lock.ts';
import { deletedAmong } from '../user/queries.ts';
import { parseUsername } from '../user/username.ts';
import { freeUsernames, lockNames } from '../user/username-service.ts';
import { toFacts } from './clerk-facts.ts';
import { toTold } from './clerk-username.ts';

/** Somebody who comes from Clerk, with the username that they can have here. */
export interface Newcomer {
  clerkUser: ClerkUser;
  username: string | null;
  hasUsernameConflict: boolean;
}

const wantedUsername = ({ username }: ClerkUser): string[] => {
  const parsed = username === null ? null : parseUsername(username);
  return parsed && 'username' in parsed ? [parsed.username] : [];
};

/**
 * Creates users whom Clerk has and who aren't here, as `applyClerkUser` would one by one: all or none of them. Answers whom
 * it created: whoever came meanwhile, or was deleted, is left out.
 */
export async function createMissing(
  { db }: { db: Pick<Database, 'transaction'> },
  clerkUsers: ClerkUser[],
): Promise<Newcomer[]> {
  return db.transaction(async (tx) => {
    const ids = clerkUsers.map(({ id }) => id);
    await lockIdentities(tx, ids);
    const present = await tx.user.findMany({ where: { id: { in: ids } }, select: { id: true } });
    const deleted = await tx.$queryRawUnsafe<{ userId: string }[]>(deletedAmong.text, ids);
    const known = new Set([...present.map(({ id }) => id), ...deleted.map(({ userId }) => userId)]);
    const missing = clerkUsers.filter(({ id }) => !known.has(id));
    const names = missing.flatMap(wantedUsername);
    await lockNames(tx, names);
    const free = await tx.$queryRawUnsafe<{ username: string }[]>(freeUsernames.text, names, null);
    const newcomers = giveUsernames(missing, free);
    await insert(tx, newcomers);
    return newcomers;
  });
}

/** Who would be created, with which username; nothing is written. */
export async function planMissing(
  { db }: { db: Pick<Database, 'query'> },
  clerkUsers: ClerkUser[],
): Promise<Newcomer[]> {
  const free = await db.query<{ username: string }>(freeUsernames, [clerkUsers.flatMap(wantedUsername), null]);
  return giveUsernames(clerkUsers, free);
}

/** Nobody gets a name twice: Clerk compares names in a way of its own. */
function giveUsernames(clerkUsers: ClerkUser[], free: { username: string }[]): Newcomer[] {
  const left = new Set(free.map(({ username }) => username));
  return clerkUsers.map((clerkUser) => {
    const username = wantedUsername(clerkUser).find((wanted) => left.delete(wanted)) ?? null;
    return { clerkUser, username, hasUsernameConflict: clerkUser.username !== null && username === null };
  });
}

async function insert(tx: Transaction, newcomers: Newcomer[]): Promise<void> {
  await tx.user.createMany({ data: newcomers.map(toUser) });
  await tx.usernameHistory.createMany({
    data: newcomers.flatMap(({ clerkUser: { id }, username }) => (username ? [{ userId: id, username }] : [])),
  });
  await tx.auditEntry.createMany({ data: newcomers.flatMap(toAuditEntries) });
}

const toUser = ({ clerkUser, username }: Newcomer) => ({
  id: clerkUser.id,
  username,
  ...toFacts(clerkUser),
  clerkUpdatedAt: clerkUser.updatedAt,
  ...(clerkUser.username !== null && {
    clerkUsername: toTold(clerkUser.username),
    clerkUsernameUpdatedAt: clerkUser.updatedAt,
  }),
});

function toAuditEntries({ clerkUser, username, hasUsernameConflict }: Newcomer) {
  const of = (action: string, changedFields: string[] = []) => ({
    id: uuidv7(),
    userId: clerkUser.id,
    action,
    actor: 'RECONCILIATION' as const,
    changedFields,
  });
  return [
    of('user.created'),
    ...(username ? [of('username.changed', ['username'])] : []),
    ...(hasUsernameConflict ? [of('username.conflict', ['username'])] : []),
  ];
}
