import type { Statement, Transaction } from '../../platform/database.ts';
import type { RemovalKind } from '../user/removals.ts';

/**
 * When $1 users last took away something of $2 kind, of those who had been imported before; by primary key, and by index
 * audit_entries(user_id, at desc, id desc).
 */
const lastRemovals: Statement = {
  name: 'import_last_removals',
  text: `
select user_id as "userId", at
from removals
where user_id = any($1::text[]) and kind = $2::removal_kind
  and exists (
    select from audit_entries imported
    where imported.user_id = removals.user_id and imported.action = 'user.imported' and imported.at < removals.at)`,
};

/**
 * By user, since when nothing of a kind was removed here. What is older, and isn't here, may be what was removed, and a
 * second import must not bring it back.
 */
export async function readRemovals(tx: Transaction, userIds: string[], kind: RemovalKind): Promise<Map<string, Date>> {
  const rows = await tx.$queryRawUnsafe<{ userId: string; at: Date }[]>(lastRemovals.text, userIds, kind);
  return new Map(rows.map(({ userId, at }) => [userId, at]));
}

/** Whether something is newer than what was removed. Of what has no time of its own, nobody knows. */
export const isNewer = (at: Date | null, removedAt: Date | undefined): boolean =>
  removedAt === undefined || (at !== null && at > removedAt);
