import type { Database, Statement } from '../../platform/database.ts';
import { countPendingWishes } from '../outbox/service.ts';
import { lastReconciliation } from './reconcile-store.ts';

/** How well this server and Clerk hear each other; ages in seconds. */
export interface ClerkHealth {
  /** Since the last webhook that was signed and handled, at whatever process; null where none ever was. */
  lastWebhookAge: number | null;
  /** How often a username could not be the same here and in Clerk. */
  usernameConflicts: number;
  /** What Clerk is yet to be told; the age is null where there is nothing. */
  pendingSends: { count: number; oldestAge: number | null };
  /** The last comparison with Clerk that came to its end, and how many users differed. */
  lastReconciliation: { age: number; drift: number; failed: number } | null;
}

/** By the index of deliveries' times, backwards, and by that of conflicts alone. */
const webhooksAndConflicts: Statement = {
  name: 'webhooks_and_conflicts',
  text: `
select (select max(received_at) from webhook_deliveries) as "lastWebhookAt",
  (select count(*)::int from audit_entries where action = 'username.conflict') as "usernameConflicts"`,
};

/** All of it is in the database, so that it survives restarts, and is the same at every process. */
export async function readClerkHealth(deps: { db: Pick<Database, 'query'> }): Promise<ClerkHealth> {
  const [[row], pending, last] = await Promise.all([
    deps.db.query<{ lastWebhookAt: Date | null; usernameConflicts: number }>(webhooksAndConflicts, []),
    countPendingWishes(deps),
    lastReconciliation(deps),
  ]);
  const oldest = pending.map(({ oldestAt }) => oldestAt.getTime());
  return {
    lastWebhookAge: row?.lastWebhookAt ? ageOf(row.lastWebhookAt) : null,
    usernameConflicts: row?.usernameConflicts ?? 0,
    pendingSends: {
      count: pending.reduce((sum, { count }) => sum + count, 0),
      oldestAge: oldest.length > 0 ? ageOf(new Date(Math.min(...oldest))) : null,
    },
    lastReconciliation: last && { age: ageOf(last.finishedAt), drift: last.drift, failed: last.failed },
  };
}

/** In whole seconds; the database's clock may be a little ahead. */
const ageOf = (at: Date): number => Math.max(0, Math.floor((Date.now() - at.getTime()) / 1000));
