import type { Statement, Transaction } from '../../platform/database.ts';

/**
 * When $1 users last did one of $2 here, of those who had been imported before, by index
 * audit_entries(user_id, at desc, id desc).
 */
const lastRemovals: Statement = {
  name: 'import_last_removals',
  text: `
select user_id as "userId", max(at) filter (where action = any($2::text[])) as at
from audit_entries
where user_id = any($1::text[]) and (action = 'user.imported' or action = any($2::text[]))
group by user_id
having max(at) filter (where action = any($2::text[])) > min(at) filter (where action = 'user.imported')`,
};

/**
 * By user, since when nothing of a kind was removed here. What is older, and isn't here, may be what was removed, and a
 * second import must not bring it back. Only the audit log knows, and not what it was.
 */
export async function readRemovals(tx: Transaction, userIds: string[], actions: string[]): Promise<Map<string, Date>> {
  const rows = await tx.$queryRawUnsafe<{ userId: string; at: Date }[]>(lastRemovals.text, userIds, actions);
  return new Map(rows.map(({ userId, at }) => [userId, at]));
}

/** Whether something is newer than what was removed. Of what has no time of its own, nobody knows. */
export const isNewer = (at: Date | null, removedAt: Date | undefined): boolean =>
  removedAt === undefined || (at !== null && at > removedAt);
