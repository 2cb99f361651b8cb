import { parseArgs } from 'node:util';
import { RequestError, StartError } from '../errors.ts';
import { reconcile, TooManyAbsentError } from '../modules/identity/reconcile-service.ts';
import { driftOf, type ReconciliationTally } from '../modules/identity/reconcile-tally.ts';
import { ClerkAwayError, ClerkRefusedError } from '../platform/clerk.ts';
import { createClerk } from '../platform/clerk-client.ts';
import { createPacedClerk, paceOf } from '../platform/clerk-paced.ts';
import { createDatabase } from '../platform/database.ts';
import { takeDatabaseLock } from '../platform/database-lock.ts';
import { createLog } from '../platform/log.ts';
import type { CommandContext } from './command.ts';
import { openDatabase, type Running, stopAll } from './open-database.ts';
import { createProgress } from './progress.ts';

const usage = 'npm run users:sync -- [--dry-run] [--max-erased 10]';
const goesOn = 'The next users:sync goes on where this one was.';

interface SyncArgs {
  isDryRun: boolean;
  maxErased: number | null;
}

/**
 * Makes all users be here as Clerk has them: creates, changes and erases. Throws StartError, for exit code 1, if somebody
 * could not be repaired or the run was broken off; with --dry-run, which only looks, if anybody differs.
 */
export async function syncUsers(context: CommandContext): Promise<void> {
  const args = readArgs(context.args);
  const running: Running = { stops: [], lost: [] };
  try {
    const tally = await run(context, args, running);
    for (const line of summaryOf(tally, args)) context.print(line);
    assertInOrder(tally, args);
  } catch (error) {
    throw toStartError(error, args);
  } finally {
    await stopAll(running);
  }
}

async function run(context: CommandContext, args: SyncArgs, running: Running): Promise<ReconciliationTally> {
  const { config, print } = context;
  const { secretKey, apiUrl } = config.clerk;
  if (!secretKey) throw new StartError('CLERK_SECRET_KEY: expected, to ask Clerk for its users.');
  const connectionString = await openDatabase(config, running);
  const lock = await takeDatabaseLock(connectionString, 'users:sync');
  if (!lock) throw new StartError('Another users:sync is at work on this database. Wait until it ends, or stop it.');
  running.stops.push(lock.release);
  const log = createLog(config.logLevel);
  const db = createDatabase({ connectionString, log, announcesByRedis: config.redisUrl !== null });
  running.stops.push(() => db.close());
  const stop = new AbortController();
  context.onceAskedToStop(() =>
    stop.abort(new StartError(`users:sync was stopped. ${args.isDryRun ? '' : goesOn}`.trim())),
  );
  const signal = AbortSignal.any([stop.signal, lock.lost]);
  const clerk = createPacedClerk(createClerk({ secretKey, apiUrl }), {
    requests: paceOf(secretKey),
    signal,
    onWait: ({ message }, waitMs) => print(`${message} Trying again in ${Math.ceil(waitMs / 1000)} s.`),
  });
  const progress = createProgress(context);
  const watcher = {
    resumes: (seen: number) => print(`going on with a run that was broken off after ${seen} users`),
    step: progress.step,
  };
  return reconcile({ db, clerk, log }, { ...args, watcher, signal });
}

function readArgs(args: string[]): SyncArgs {
  const { 'dry-run': isDryRun, 'max-erased': maxErased } = parseOrThrow(args);
  if (maxErased !== undefined && !/^\d{1,9}$/.test(maxErased)) {
    throw new StartError(`Expected --max-erased as a whole number, and got "${maxErased}". ${usage}`);
  }
  return { isDryRun, maxErased: maxErased === undefined ? null : Number(maxErased) };
}

function parseOrThrow(args: string[]) {
  try {
    const options = {
      'dry-run': { type: 'boolean', default: false },
      'max-erased': { type: 'string' },
    } as const;
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new StartError(`${(error as Error).message} ${usage}`);
  }
}

function summaryOf(tally: ReconciliationTally, { isDryRun }: SyncArgs): string[] {
  const fields = Object.entries(tally.changedFields).map(([name, count]) => `${name} ${count}`);
  return [
    isDryRun ? 'dry run: nothing was written; this is what would be done' : 'done',
    `seen in Clerk       ${tally.seen}`,
    `created             ${tally.created}`,
    `changed             ${tally.changed}${fields.length > 0 ? ` (${fields.join(', ')})` : ''}`,
    `erased              ${tally.erased}`,
    `username conflicts  ${tally.usernameConflicts}`,
    `deleted here only   ${tally.deletedHere}`,
    `failed              ${tally.failed}`,
  ];
}

function assertInOrder(tally: ReconciliationTally, { isDryRun }: SyncArgs): void {
  const drift = driftOf(tally);
  if (isDryRun && drift > 0) throw new StartError(`${toUsers(drift)} not as Clerk has them.`);
  if (tally.failed > 0) throw new StartError(`${toUsers(tally.failed)} not repaired; the log says why.`);
}

const toUsers = (count: number) => (count === 1 ? '1 user is' : `${count} users are`);

function toStartError(error: unknown, { isDryRun }: SyncArgs): unknown {
  if (error instanceof TooManyAbsentError) return new StartError(error.message);
  if (![ClerkAwayError, ClerkRefusedError, RequestError].some((kind) => error instanceof kind)) return error;
  return new StartError(`${(error as Error).message} ${isDryRun ? '' : goesOn}`.trim(), { cause: error });
}
