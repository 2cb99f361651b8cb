import { setTimeout as delay } from 'node:timers/promises';
import { type Clerk, ClerkAwayError, ClerkKeyRefusedError } from './clerk.ts';

/** Clerk's Backend API for whoever has much to ask and time to wait. */
export type PacedClerk = Pick<Clerk, 'getUser' | 'listUsers'>;

/** How much is asked, and how long to try. */
export interface PaceOptions {
  /** In any `windowMs`. */
  requests: number;
  /** Default 10 s, for which Clerk's limits are. */
  windowMs?: number;
  /** Before each further try where Clerk doesn't say how long; so many tries are made. */
  retryDelaysMs?: readonly number[];
  /** Ends what waits: calls throw its reason. */
  signal?: AbortSignal;
  /** Told before each wait for a Clerk that is away. */
  onWait?: (error: ClerkAwayError, waitMs: number) => void;
}

const defaultRetryDelaysMs = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000];
/** Clerk's blocks last some seconds. Whoever is to wait longer had better come again. */
const maxWaitMs = 120_000;

/**
 * Half of what Clerk allows a secret key in 10 seconds (https://clerk.com/docs/guides/how-clerk-works/system-limits), so
 * that the server, which has the same key, is not refused meanwhile.
 */
export const paceOf = (secretKey: string): number => (secretKey.startsWith('sk_live_') ? 500 : 50);

/**
 * Keeps to a pace, waits as long as Clerk asks for, and tries again while it is away. What Clerk refuses, and an outage that
 * outlasts all tries, is thrown as the client throws it.
 */
export function createPacedClerk(clerk: PacedClerk, options: PaceOptions): PacedClerk {
  const { retryDelaysMs = defaultRetryDelaysMs, signal, onWait } = options;
  const takeTurn = createTurns(options);

  const call = async <Answer>(requests: number, request: () => Promise<Answer>): Promise<Answer> => {
    for (let tries = 0; ; tries++) {
      await takeTurn(requests);
      try {
        return await request();
      } catch (error) {
        const waitMs = toWait(error, retryDelaysMs[tries]);
        if (waitMs === null) throw error;
        onWait?.(error as ClerkAwayError, waitMs);
        await pause(waitMs, signal);
      }
    }
  };
  return {
    getUser: (userId, callOptions) => call(1, () => clerk.getUser(userId, callOptions)),
    listUsers: (filter) => call(2, () => clerk.listUsers(filter)),
  };
}

/** Null where there is no point in waiting. */
function toWait(error: unknown, delayMs: number | undefined): number | null {
  if (!(error instanceof ClerkAwayError) || error instanceof ClerkKeyRefusedError || delayMs === undefined) return null;
  const waitMs = error.retryAfterMs ?? delayMs;
  return waitMs <= maxWaitMs ? waitMs : null;
}

/** Resolves once so many requests more don't exceed the limit of any window; for one caller at a time. */
function createTurns({ requests: limit, windowMs = 10_000, signal }: PaceOptions): (count: number) => Promise<void> {
  const sentAt: number[] = [];
  return async (count) => {
    signal?.throwIfAborted();
    const blockedBy = sentAt[sentAt.length + count - limit - 1];
    if (blockedBy !== undefined) await pause(Math.max(0, blockedBy + windowMs - performance.now()), signal);
    for (let sent = 0; sent < count; sent++) sentAt.push(performance.now());
    sentAt.splice(0, sentAt.length - limit);
  };
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
  signal?.throwIfAborted();
}
