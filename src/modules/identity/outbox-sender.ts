import { type Clerk, ClerkAwayError, ClerkRefusedError } from '../../platform/clerk.ts';
import type { Log } from '../../platform/log.ts';
import type { Platform } from '../../platform/platform.ts';
import { createWorker, type WorkDone, type Worker } from '../../platform/worker.ts';
import { postpone, settleWish, type TakenWish, takeNextWish } from '../outbox/service.ts';
import { type Sent, sends } from './outbox-sends.ts';

/** Longer than any call to Clerk lasts. After it, another process takes over what a killed one was sending. */
const leaseMs = 30_000;

/** How long a wish waits for its next attempt: twice as long each time, up to this. */
const firstDelayMs = 1_000;
const longestDelayMs = 5 * 60_000;

/** For so long at most a process leaves Clerk alone that was away, unless Clerk asked for more: others wait, too. */
const longestPauseMs = 30_000;

export interface OutboxSenderOptions extends Pick<Platform, 'db' | 'pictures'> {
  clerk: Clerk;
  log: Log;
  /** Told of each attempt. */
  onAttempt?: (kind: TakenWish['kind'], outcome: Sent | 'AWAY') => void;
}

/**
 * Tells Clerk what it is to be told, one wish after the other. No transaction is open meanwhile: a wish is leased, so that a
 * slow Clerk costs neither a connection nor a lock.
 */
export function createOutboxSender(options: OutboxSenderOptions): Worker {
  const { db, log, onAttempt = () => {} } = options;
  let isAway = false;

  const sendNext = async (): Promise<WorkDone> => {
    const wish = await takeNextWish({ db }, leaseMs);
    if (!wish) return 'idle';
    try {
      const sent = await sends[wish.kind](options, wish);
      await db.transaction((tx) => settleWish(tx, wish));
      isAway = false;
      onAttempt(wish.kind, sent);
      if (sent === 'REFUSED') log.warn({ kind: wish.kind }, 'Clerk refuses what it was told');
      return 'more';
    } catch (error) {
      return await wait(wish, error);
    }
  };

  const wait = async (wish: TakenWish, error: unknown): Promise<WorkDone> => {
    const askedMs = error instanceof ClerkAwayError ? (error.retryAfterMs ?? 0) : 0;
    const delayMs = Math.max(askedMs, toDelay(wish.attempts));
    await postpone({ db }, wish, { delayMs, reason: toReason(error) });
    if (!(error instanceof ClerkAwayError)) {
      log.error({ error, kind: wish.kind }, 'Clerk could not be told; it is tried again');
      return 'more';
    }
    onAttempt(wish.kind, 'AWAY');
    if (!isAway) log.warn({ reason: error.message }, 'Clerk is away; what it should be told waits');
    isAway = true;
    return { pauseMs: Math.max(askedMs, Math.min(delayMs, longestPauseMs)) };
  };

  return createWorker({ name: 'outbox sender', log, work: sendNext });
}

/** At random between half of it and all, so that those who failed together don't come back together. */
function toDelay(attempts: number): number {
  const fullMs = Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(attempts - 1, 20));
  return fullMs * (0.5 + Math.random() / 2);
}

/** For operators who look into the table; a refusal's own words may quote what is personal. */
function toReason(error: unknown): string {
  if (error instanceof ClerkRefusedError) return `${error.status} ${error.code}`;
  return error instanceof ClerkAwayError ? error.message : 'an error of ours';
}
