import type { ClerkHealth } from '../modules/identity/clerk-health.ts';
import { oneAtATime } from '../platform/one-at-a-time.ts';
import type { Platform } from '../platform/platform.ts';
import { within } from '../platform/time-limit.ts';
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

/** Who asks for health gives up after a few seconds, and then knows nothing at all. */
export const healthLimitMs = 2_000;

/**
 * 200 where requests can be served, else 503; with what is not ready for whoever may see the detail. Anyone may ask, and a
 * look writes a file: so there is one at a time.
 */
export function createReadiness(readiness: Readiness): (maySeeDetail: boolean) => Promise<HttpReply> {
  const lookAtChecks = oneAtATime(() => runChecks(readiness));
  const lookAtClerk = oneAtATime(() => toClerkDetail(readiness));
  return async (maySeeDetail) => {
    const [checks, clerk] = await Promise.all([lookAtChecks(), maySeeDetail ? lookAtClerk() : null]);
    const isAllReady = Object.values(checks).every(Boolean);
    const notReady = Object.entries(checks).flatMap(([name, ready]) => (ready ? [] : [name]));
    return jsonReply(isAllReady ? 200 : 503, {
      status: isAllReady ? 'ok' : 'not ready',
      notReady,
      ...(maySeeDetail && { checks, clerk }),
    });
  };
}

async function runChecks({ platform, isListening, isStopping }: Readiness) {
  const [database, storage] = await Promise.all([
    isReady(() => platform.db.check()),
    isReady(() => platform.pictures.check()),
  ]);
  return { database, storage, pubsub: isListening(), running: !isStopping() };
}

/**
 * Never a reason to be unready: whoever takes this server out of rotation because Clerk is silent, or has not been told of
 * something, has one server less, and Clerk still silent. It is for people and their alerts. Null while the database is away.
 */
async function toClerkDetail({ clerkHealth, rejectedWebhooks }: Readiness) {
  try {
    const { lastWebhookAge, usernameConflicts, pendingSends, lastReconciliation } = await within(
      healthLimitMs,
      clerkHealth(),
    );
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
    await within(healthLimitMs, check());
    return true;
  } catch {
    return false;
  }
}
