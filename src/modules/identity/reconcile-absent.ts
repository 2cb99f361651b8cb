import type { PacedClerk } from '../../platform/clerk-paced.ts';
import type { Database, Statement } from '../../platform/database.ts';
import { deleteUser, lockUser } from '../account/delete-user.ts';

/** As many ids as Clerk looks up at once. */
const batchSize = 100;

/**
 * Whose account Clerk may have deleted: ids that Clerk gives (made-up users, such as the demo's, have others), here before
 * $1 time and not heard of since.
 */
const isCandidate = `id ~ '^user_[A-Za-z0-9]+$' and closed_at is null and created_at < $1
  and (clerk_updated_at is null or clerk_updated_at < $1)`;

/** The next candidates after $2 id, by primary key. */
const candidatesAfter: Statement = {
  name: 'reconcile_candidates',
  text: `select id from users where ${isCandidate} and id > $2 order by id limit ${batchSize}`,
};

const candidateCount: Statement = {
  name: 'reconcile_candidate_count',
  text: `select count(*)::int as count from users where ${isCandidate}`,
};

/** How many users of before a time there are to look for. */
export async function countCandidates({ db }: { db: Pick<Database, 'query'> }, before: Date): Promise<number> {
  const [row] = await db.query<{ count: number }>(candidateCount, [before]);
  return row?.count ?? 0;
}

/**
 * Users here whom Clerk doesn't know: a list says who is missing from it, but only Clerk's own 404 for the one id counts.
 * Yields after each batch: how many were looked for, and who of them is not there.
 */
export async function* findAbsent(
  { db, clerk }: { db: Pick<Database, 'query'>; clerk: PacedClerk },
  before: Date,
): AsyncGenerator<{ lookedFor: number; absent: string[] }> {
  for (let after = ''; ; ) {
    const rows = await db.query<{ id: string }>(candidatesAfter, [before, after]);
    const last = rows.at(-1);
    if (!last) return;
    after = last.id;
    yield {
      lookedFor: rows.length,
      absent: await absentAmong(
        clerk,
        rows.map(({ id }) => id),
      ),
    };
  }
}

async function absentAmong(clerk: PacedClerk, userIds: string[]): Promise<string[]> {
  const { users } = await clerk.listUsers({ limit: batchSize, userIds });
  const listed = new Set(users.map(({ id }) => id));
  const absent: string[] = [];
  for (const id of userIds) {
    if (!listed.has(id) && (await clerk.getUser(id)) === null) absent.push(id);
  }
  return absent;
}

/**
 * Deletes a user whom Clerk deleted; says whether it did: whoever is gone, or was heard of meanwhile, is left alone. What
 * was theirs is erased by the servers.
 */
export async function eraseAbsent(
  { db }: { db: Pick<Database, 'transaction'> },
  userId: string,
  before: Date,
): Promise<boolean> {
  return db.transaction(async (tx) => {
    if (!(await lockUser(tx, userId))) return false;
    const heardOf = await tx.user.count({ where: { id: userId, clerkUpdatedAt: { gte: before } } });
    if (heardOf > 0) return false;
    await deleteUser(tx, userId, 'RECONCILIATION');
    return true;
  });
}
