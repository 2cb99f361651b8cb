import type { PacedClerk } from '../../platform/clerk-paced.ts';
import type { Database } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import { countCandidates, eraseAbsent, findAbsent } from './reconcile-absent.ts';
import { compareUsers } from './reconcile-comparison.ts';
import { judge, repair } from './reconcile-repair.ts';
import { createDryRun, type Run, resumeOrBeginRun, saveRun } from './reconcile-store.ts';
import type { ReconciliationTally } from './reconcile-tally.ts';
import { walkClerkUsers } from './reconcile-walk.ts';

/** So few may go; of more users than these, a tenth. */
const fewErasable = 10;

/** How many of so many users may be missing in Clerk. Never all of several: a Clerk that knows nobody is another one. */
const toErasable = (total: number): number =>
  Math.max(1, Math.min(total - 1, Math.max(fewErasable, Math.floor(total / 10))));

/** Whoever watches the run. */
export interface ReconciliationWatcher {
  /** A run that was broken off goes on, after so many users. */
  resumes(seen: number): void;
  step(what: string, total: number): { reach(done: number): void; end(): void };
}

export interface ReconciliationOptions {
  /** Nothing is written at all. */
  isDryRun: boolean;
  /** How many users may be missing in Clerk; null: ten, or a tenth of those here, and not all of several. */
  maxErased: number | null;
  watcher: ReconciliationWatcher;
  /** The run ends where it is, to be resumed, and its reason is thrown. */
  signal: AbortSignal;
}

/** More users are missing in Clerk than may be: it may be another instance's Clerk. Nobody was erased for it. */
export class TooManyAbsentError extends Error {
  override name = 'TooManyAbsentError';
}

type Deps = { db: Database; clerk: PacedClerk; log: Log };

/**
 * Makes all users be here as Clerk has them: erases whom Clerk deleted, changes what differs, creates who is missing. A run
 * that is broken off, in whatever way, goes on where it was the next time. Throws TooManyAbsentError before anything is
 * written, and what the database and Clerk throw while they are away.
 */
export async function reconcile(deps: Deps, options: ReconciliationOptions): Promise<ReconciliationTally> {
  const run = options.isDryRun ? createDryRun() : await resumeOrBeginRun(deps);
  if (run.isAbsenceChecked) options.watcher.resumes(run.tally.seen);
  else await eraseAbsentUsers(deps, run, options);
  await compareAllUsers(deps, run, options);
  await saveRun(deps, run, { isFinished: true });
  return run.tally;
}

/** First, since a Clerk that knows hardly anybody here is the wrong one, and nothing has been written by then. */
async function eraseAbsentUsers(deps: Deps, run: Run, options: ReconciliationOptions): Promise<void> {
  const { db, clerk } = deps;
  const total = await countCandidates(deps, run.startedAt);
  const limit = options.maxErased ?? toErasable(total + run.tally.erased);
  const step = options.watcher.step('users here, looked for in Clerk', total);
  const absent: string[] = [];
  let lookedFor = 0;
  for await (const batch of findAbsent({ db, clerk }, run.startedAt)) {
    options.signal.throwIfAborted();
    absent.push(...batch.absent);
    lookedFor += batch.lookedFor;
    step.reach(lookedFor);
    if (run.tally.erased + absent.length > limit) throw tooManyAbsent(absent.length, lookedFor, limit);
  }
  step.reach(total);
  step.end();
  for (const userId of absent) {
    if (options.isDryRun || (await eraseAbsent(deps, userId, run.startedAt))) run.tally.erased += 1;
    await saveRun(deps, run);
  }
  run.isAbsenceChecked = true;
  await saveRun(deps, run);
}

const tooManyAbsent = (absent: number, lookedFor: number, limit: number) =>
  new TooManyAbsentError(
    `Clerk doesn't know ${absent} of the first ${lookedFor} users here, and at most ${limit} would be erased. Is CLERK_SECRET_KEY that of another instance? If they really were deleted in Clerk: --max-erased with a greater number.`,
  );

async function compareAllUsers(deps: Deps, run: Run, { isDryRun, watcher, signal }: ReconciliationOptions) {
  let step: ReturnType<ReconciliationWatcher['step']> | null = null;
  for await (const { users, next, remaining } of walkClerkUsers(deps.clerk, run.position)) {
    signal.throwIfAborted();
    step ??= watcher.step("Clerk's users, compared with those here", run.tally.seen + remaining);
    const comparison = await compareUsers(deps, users);
    await (isDryRun ? judge : repair)(deps, comparison, run.tally);
    run.tally.deletedHere += comparison.deletedHere.length;
    run.tally.seen += users.length;
    run.position = next;
    await saveRun(deps, run);
    step.reach(run.tally.seen);
  }
  step?.end();
}
