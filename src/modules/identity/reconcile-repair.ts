import { RequestError } from '../../errors.ts';
import type { ClerkUser } from '../../platform/clerk.ts';
import type { Database } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import { parseUsername } from '../user/username.ts';
import { checkUsername } from '../user/username-service.ts';
import { applyClerkUser } from './apply-clerk-user.ts';
import { fieldNames } from './clerk-facts.ts';
import { toTold } from './clerk-username.ts';
import { type Comparison, differingFacts, hasNewUsername, type Pair } from './reconcile-comparison.ts';
import { createMissing, type Newcomer, planMissing } from './reconcile-missing.ts';
import { countChange, type ReconciliationTally } from './reconcile-tally.ts';

/** Each holds two locks until its transaction ends, and PostgreSQL has room for some thousands. */
const batchSize = 100;
/** Users who changed are applied one by one, each in a transaction of their own, so many at a time. */
const concurrency = 4;

type Deps = { db: Database; log: Log };

/** Makes users be here as Clerk has them, and counts what that took. */
export async function repair(deps: Deps, comparison: Comparison, tally: ReconciliationTally): Promise<void> {
  for (const batch of inBatches(comparison.missing)) await createBatch(deps, batch, tally);
  const queue = comparison.differing.values();
  const work = async () => {
    for (const { clerkUser } of queue) await applyOne(deps, clerkUser, tally);
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  await confirm(deps, comparison.outdated);
}

/** Counts what `repair` would do. */
export async function judge({ db }: Deps, comparison: Comparison, tally: ReconciliationTally): Promise<void> {
  for (const batch of inBatches(comparison.missing)) countCreated(tally, await planMissing({ db }, batch));
  for (const pair of comparison.differing) {
    const username = await judgeUsername({ db }, pair);
    const fields = [...differingFacts(pair).map((name) => fieldNames[name]), ...username.changed];
    if (fields.length > 0) countChange(tally, fields);
    if (username.hasConflict) tally.usernameConflicts += 1;
  }
}

function inBatches(users: ClerkUser[]): ClerkUser[][] {
  const count = Math.ceil(users.length / batchSize);
  return Array.from({ length: count }, (_, index) => users.slice(index * batchSize, (index + 1) * batchSize));
}

function countCreated(tally: ReconciliationTally, newcomers: Newcomer[]): void {
  tally.created += newcomers.length;
  tally.usernameConflicts += newcomers.filter(({ hasUsernameConflict }) => hasUsernameConflict).length;
}

async function createBatch(deps: Deps, users: ClerkUser[], tally: ReconciliationTally): Promise<void> {
  try {
    countCreated(tally, await createMissing(deps, users));
  } catch (error) {
    if (error instanceof RequestError) throw error;
    deps.log.warn({ error }, 'users could not be created together, and are now one by one');
    for (const user of users) await applyOne(deps, user, tally);
  }
}

async function applyOne({ db, log }: Deps, clerkUser: ClerkUser, tally: ReconciliationTally): Promise<void> {
  try {
    const applied = await db.transaction((tx) => applyClerkUser(tx, clerkUser, 'RECONCILIATION'));
    if (applied.outcome === 'CREATED') tally.created += 1;
    if (applied.outcome === 'CHANGED') countChange(tally, applied.changedFields);
    if (applied.hasUsernameConflict) tally.usernameConflicts += 1;
  } catch (error) {
    // The database is away: that is not about this user.
    if (error instanceof RequestError) throw error;
    tally.failed += 1;
    log.error({ error, userId: clerkUser.id }, 'a user could not be made as Clerk has them');
  }
}

/**
 * Remembers that what is here is as new as what Clerk says, so that a late webhook with something in between doesn't win.
 * Whoever changed since they were read is left alone.
 */
async function confirm({ db }: Deps, pairs: Pair[]): Promise<void> {
  if (pairs.length === 0) return;
  const given = JSON.stringify(
    pairs.map(({ clerkUser, here }) => ({
      id: clerkUser.id,
      known_at: here.clerkUpdatedAt,
      updated_at: clerkUser.updatedAt,
      told: clerkUser.username === null ? null : toTold(clerkUser.username),
    })),
  );
  await db.transaction(async (tx) => {
    const ids = pairs.map(({ here }) => here.id);
    // In the order in which everybody locks several users.
    await tx.$queryRaw`select from users where id = any(${ids}::text[]) order by id for no key update`;
    await tx.$executeRaw`
      update users set clerk_updated_at = given.updated_at, clerk_username = coalesce(told, clerk_username),
        clerk_username_updated_at = case when told is null then clerk_username_updated_at else given.updated_at end
      from jsonb_to_recordset(${given}::jsonb)
        as given (id text, known_at timestamptz, updated_at timestamptz, told text)
      where users.id = given.id and clerk_updated_at is not distinct from known_at`;
  });
}

async function judgeUsername(
  deps: { db: Pick<Database, 'query'> },
  pair: Pair,
): Promise<{ changed: string[]; hasConflict: boolean }> {
  const { clerkUser, here } = pair;
  const none = { changed: [], hasConflict: false };
  if (clerkUser.username === null || !hasNewUsername(pair)) return none;
  if (here.username !== null && here.isTellingClerk && 'username' in parseUsername(clerkUser.username)) return none;
  const { reason } = await checkUsername(deps, { viewerId: here.id, raw: clerkUser.username });
  return reason === null ? { changed: ['username'], hasConflict: false } : { changed: [], hasConflict: true };
}
