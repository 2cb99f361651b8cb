import { unauthenticated } from '../../errors.ts';
import { type Clerk, ClerkAwayError, ClerkRefusedError, type ClerkUser } from '../../platform/clerk.ts';
import type { Transaction } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import type { Platform } from '../../platform/platform.ts';
import { enqueue } from '../outbox/service.ts';
import { deletedAmong } from '../user/queries.ts';
import { userDeleted } from '../user/service.ts';
import { applyClerkUser } from './apply-clerk-user.ts';
import { createBareUser } from './create-user.ts';

/** Somebody waits for this: what Clerk doesn't tell in time is filled in later. */
const clerkWaitMs = 1_000;

export type FirstRequestDeps = Pick<Platform, 'db' | 'clerk'> & { log: Log };

/** Lets users in whom no webhook has announced. */
export interface FirstRequests {
  /**
   * Creates the user of a valid token who isn't there yet, as Clerk has them where Clerk answers in time. Throws
   * UNAUTHENTICATED for one who was deleted, or whom Clerk doesn't know.
   */
  admit(userId: string): Promise<void>;
}

/** However many requests of an unknown user arrive together, one looks the user up, and all get what came of it. */
export function createFirstRequests(deps: FirstRequestDeps): FirstRequests {
  const underWay = new Map<string, Promise<void>>();
  return {
    admit(userId) {
      const admission = underWay.get(userId) ?? admit(deps, userId).finally(() => underWay.delete(userId));
      underWay.set(userId, admission);
      return admission;
    },
  };
}

async function admit({ db, clerk, log }: FirstRequestDeps, userId: string): Promise<void> {
  // The old token of a deleted user is no reason to ask Clerk.
  const deleted = await db.query(deletedAmong, [[userId]]);
  if (deleted.length > 0) throw userDeleted();
  const clerkUser = clerk ? await askClerk(clerk, userId, log) : 'AWAY';
  if (clerkUser === null) throw unauthenticated('Clerk knows no user of this token.');
  await db.transaction(async (tx) => {
    if (clerkUser !== 'AWAY') return createFromClerk(tx, clerkUser);
    const isCreated = await createBareUser(tx, userId);
    if (isCreated && clerk) await enqueue(tx, { userId, kind: 'REFRESH' });
  });
}

/** Null is Clerk's own 404. */
async function askClerk(clerk: Clerk, userId: string, log: Log): Promise<ClerkUser | null | 'AWAY'> {
  try {
    return await clerk.getUser(userId, { timeoutMs: clerkWaitMs });
  } catch (error) {
    if (!(error instanceof ClerkAwayError || error instanceof ClerkRefusedError)) throw error;
    log.warn({ error }, 'Clerk could not tell who a new user is; what it knows is fetched later');
    return 'AWAY';
  }
}

/** A webhook may have been faster, which is as good; with the news that the user was deleted, it counts. */
async function createFromClerk(tx: Transaction, clerkUser: ClerkUser): Promise<void> {
  const { outcome } = await applyClerkUser(tx, clerkUser, 'OWNER');
  if (outcome === 'DELETED') throw userDeleted();
}
