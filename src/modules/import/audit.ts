import { v7 as uuidv7 } from 'uuid';
import type { Transaction } from '../../platform/database.ts';
import { insertAuditEntries } from './user-queries.ts';

/** Notes in the logs of users what was brought along for them. */
export async function auditImport(
  tx: Transaction,
  changes: { userId: string; changedFields: string[] }[],
): Promise<void> {
  if (changes.length === 0) return;
  const rows = changes.map(({ userId, changedFields }) => ({
    id: uuidv7(),
    user_id: userId,
    changed_fields: changedFields,
  }));
  await tx.$queryRawUnsafe(insertAuditEntries.text, JSON.stringify(rows));
}
