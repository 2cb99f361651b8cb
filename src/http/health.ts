import type { ClerkHealth } from '../modules/identity/clerk-health.ts';
import type { Platform } from '../platform/platform.ts';
import { type HttpReply, jsonReply } from './exchange.ts';

/** What readiness looks at; each says by itself whether it can work now. */
export interface Readiness {
  platform: Pick<Platform, 'db' | 'pictures'>;
  isListening(): boolean;
  isStopping(): boolean;
  clerkHealth(): Promise<ClerkHealth>;
  /** Webhooks without a right signature since this process started. */
  rejectedWebhooks(): Promise<number>;
}

/** The process runs. */
export const serveLiveness = (): HttpReply => jsonReply(200, { status: 'ok' });

/** 200 where requests can be served, else 503; with what is not ready for whoever may see the detail. */
export async function serveReadiness(readiness: Readiness, mayseeDetail: boolean): Promise<HttpReply> {
  const checks = {
    database: await isReady(() => readiness.platform.db.check()),
    storage: await isReady(() => readiness.platform.pictures.check()),
    pubsub: readiness.isListening(),
    running: !readiness.isStopping(),
  };
  const isAllReady = Object.values(checks).every(Boolean);
  const notReady = Object.entries(checks).flatMap(([name, ready]) => (ready ? [] : [name]));
  return jsonReply(isAllReady ? 200 : 503, {
    status: isAllReady ? 'ok' : 'not ready',
    notReady,
    ...(mayseeDetail && { checks, clerk: await toClerkDetail(readiness) }),
  });
}

/**
 * Never a reason to be unready: whoever takes this server out of rotation because Clerk is silent, or has not been told of
 * something, has one server less, and Clerk still silent. It is for people and their alerts. Null while the database is away.
 */
async function toClerkDetail({ clerkHealth, rejectedWebhooks }: Readiness) {
  try {
    const { lastWebhookAge, usernameConflicts, pendingSends, lastReconciliation } = await clerkHealth();
    return {
      webhook: { lastAcceptedAgeSeconds: lastWebhookAge, rejectedSignatures: await rejectedWebhooks() },
      usernameConflicts,
      pendingSends: { count: pendingSends.count, oldestAgeSeconds: pendingSends.oldestAge },
      lastReconciliation: lastReconciliation && {
        ageSeconds: lastReconciliation.age,
        drift: lastReconciliation.drift,
        failed: lastReconciliation.failed,
      },
    };
  } catch {
    return null;
  }
}

async function isReady(check: () => Promise<void>): Promise<boolean> {
  try {
    await check();
    return true;
  } catch {
    return false;
  }
}
