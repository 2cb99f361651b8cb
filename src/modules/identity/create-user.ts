import { v7 as uuidv7 } from 'uuid';
import type { AuditActor } from '../../generated/prisma/enums.ts';
import type { Database, Transaction } from '../../platform/database.ts';
import { lockIdentity } from '../user/identity-lock.ts';
import { deletedAmong } from '../user/queries.ts';
import { userDeleted } from '../user/service.ts';
import { type ClerkFacts, factColumns } from './clerk-facts.ts';
import { insertUser } from './queries.ts';

/** A user who is new here, with what Clerk says of them; with nothing but the id where it didn't say. */
export interface NewUser {
  id: string;
  facts?: ClerkFacts;
  clerkUpdatedAt?: Date;
  actor: AuditActor;
}

/** Creates a user who was looked for under `lockIdentity`. Profile, preferences and privacy come from a trigger. */
export async function createUser(tx: Transaction, { id, facts, clerkUpdatedAt, actor }: NewUser): Promise<void> {
  const values = factColumns.map((column) => facts?.[column] ?? null);
  await tx.$executeRawUnsafe(insertUser.text, id, ...values, clerkUpdatedAt ?? null, uuidv7(), actor);
}

/** Whether a user was deleted; under `lockIdentity`, for good. */
export async function isDeleted(tx: Transaction, userId: string): Promise<boolean> {
  const rows = await tx.$queryRawUnsafe<object[]>(deletedAmong.text, [userId]);
  return rows.length > 0;
}

/**
 * Creates the user with nothing but their id where there is none yet; says whether it did. Throws UNAUTHENTICATED for one
 * who was deleted.
 */
export async function createBareUser(tx: Transaction, userId: string): Promise<boolean> {
  await lockIdentity(tx, userId);
  if (await isDeleted(tx, userId)) throw userDeleted();
  if ((await tx.user.count({ where: { id: userId } })) > 0) return false;
  await createUser(tx, { id: userId, actor: 'OWNER' });
  return true;
}

/** Makes sure that the user is there. Throws UNAUTHENTICATED for one who was deleted. */
export async function ensureUser({ db }: { db: Pick<Database, 'transaction'> }, userId: string): Promise<void> {
  await db.transaction((tx) => createBareUser(tx, userId));
}
