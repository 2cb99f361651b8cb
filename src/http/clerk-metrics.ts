import { Gauge, type Registry } from 'prom-client';
import type { ClerkHealth } from '../modules/identity/clerk-health.ts';
import { oneAtATime } from '../platform/one-at-a-time.ts';
import { within } from '../platform/time-limit.ts';
import { healthLimitMs } from './health.ts';

/**
 * What never happened is infinitely long ago: an alert such as `visage_clerk_webhook_age_seconds > 86400` tells of a webhook
 * that was never set up, too. Null: there is nothing to tell.
 */
const gauges: { name: string; help: string; toValue(health: ClerkHealth): number | null }[] = [
  {
    name: 'visage_clerk_webhook_age_seconds',
    help: 'Seconds since the last webhook from Clerk that was signed and handled; +Inf where none ever was.',
    toValue: ({ lastWebhookAge }) => lastWebhookAge ?? Number.POSITIVE_INFINITY,
  },
  {
    name: 'visage_clerk_username_conflicts',
    help: 'How often a username could not be the same here and in Clerk: taken, held, reserved or not allowed.',
    toValue: ({ usernameConflicts }) => usernameConflicts,
  },
  {
    name: 'visage_clerk_pending_sends',
    help: 'Changes that Clerk is yet to be told of.',
    toValue: ({ pendingSends }) => pendingSends.count,
  },
  {
    name: 'visage_clerk_oldest_pending_send_age_seconds',
    help: 'Seconds that the oldest of them has waited; 0 where there is none.',
    toValue: ({ pendingSends }) => pendingSends.oldestAge ?? 0,
  },
  {
    name: 'visage_clerk_reconciliation_age_seconds',
    help: 'Seconds since the last comparison with Clerk that came to its end; +Inf where none ever did.',
    toValue: ({ lastReconciliation }) => lastReconciliation?.age ?? Number.POSITIVE_INFINITY,
  },
  {
    name: 'visage_clerk_reconciliation_drift',
    help: 'Users whom the last comparison with Clerk found to differ.',
    toValue: ({ lastReconciliation }) => lastReconciliation?.drift ?? null,
  },
];

/** Adds what is known of Clerk; while the database is away, nothing is. One look at it serves all gauges of a reading. */
export function addClerkMetrics(registry: Registry, read: () => Promise<ClerkHealth>): void {
  const readOnce = oneAtATime(() => within(healthLimitMs, read()).catch(() => null));
  for (const { name, help, toValue } of gauges) {
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        const health = await readOnce();
        const value = health && toValue(health);
        if (value === null) this.remove();
        else this.set(value);
      },
    });
  }
}
