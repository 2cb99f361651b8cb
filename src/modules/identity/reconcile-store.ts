import type { Reconciliation } from '../../generated/prisma/client.ts';
import type { Database, Statement } from '../../platform/database.ts';
import { createTally, driftOf, type ReconciliationTally } from './reconcile-tally.ts';
import type { WalkPosition } from './reconcile-walk.ts';

/** A run that was broken off is taken up again within this time; after it, too much will have changed. */
const resumableMs = 24 * 3_600_000;

/** A run of the comparison with Clerk, as far as it has come. */
export interface Run {
  /** Null of a dry run, which leaves nothing behind. */
  id: number | null;
  startedAt: Date;
  isAbsenceChecked: boolean;
  position: WalkPosition;
  tally: ReconciliationTally;
}

export const createDryRun = (): Run => ({
  id: null,
  startedAt: new Date(),
  isAbsenceChecked: false,
  position: { createdAfter: null, offset: 0 },
  tally: createTally(),
});

/** The last run where it was broken off a short time ago, else a new one. */
export async function resumeOrBeginRun({ db }: { db: Pick<Database, 'transaction'> }): Promise<Run> {
  return db.transaction(async ({ reconciliation }) => {
    const newest = await reconciliation.findFirst({ orderBy: { id: 'desc' } });
    const isResumable = newest?.finishedAt === null && newest.progressedAt.getTime() > Date.now() - resumableMs;
    return toRun(isResumable ? newest : await reconciliation.create({ data: {} }));
  });
}

/** Writes down how far the run has come; of a dry run nothing. */
export async function saveRun(
  { db }: { db: Pick<Database, 'transaction'> },
  { id, isAbsenceChecked, position, tally }: Run,
  { isFinished = false } = {},
): Promise<void> {
  if (id === null) return;
  const now = new Date();
  await db.transaction((tx) =>
    tx.reconciliation.update({
      where: { id },
      data: {
        ...tally,
        isAbsenceChecked,
        walkedTo: position.createdAfter,
        walkedOffset: position.offset,
        progressedAt: now,
        ...(isFinished && { finishedAt: now }),
      },
    }),
  );
}

function toRun({ id, startedAt, isAbsenceChecked, walkedTo, walkedOffset, ...row }: Reconciliation): Run {
  const { seen, created, changed, erased, usernameConflicts, deletedHere, failed } = row;
  const changedFields = row.changedFields as Record<string, number>;
  return {
    id,
    startedAt,
    isAbsenceChecked,
    position: { createdAfter: walkedTo, offset: walkedOffset },
    tally: { seen, created, changed, changedFields, erased, usernameConflicts, deletedHere, failed },
  };
}

/** The last comparison with Clerk that came to its end. */
export interface LastReconciliation {
  startedAt: Date;
  finishedAt: Date;
  /** How many users were not as Clerk has them: created, changed, erased, or left because they could not be repaired. */
  drift: number;
  failed: number;
}

/** By primary key, backwards: those that were broken off are few. */
const newestFinished: Statement = {
  name: 'last_reconciliation',
  text: `
select started_at as "startedAt", finished_at as "finishedAt", created, changed, erased, failed
from reconciliations
where finished_at is not null
order by id desc
limit 1`,
};

/** Null where there was none; dry runs don't count. */
export async function lastReconciliation({ db }: { db: Pick<Database, 'query'> }): Promise<LastReconciliation | null> {
  const [row] = await db.query<Omit<LastReconciliation, 'drift'> & Parameters<typeof driftOf>[0]>(newestFinished, []);
  if (!row) return null;
  const { startedAt, finishedAt, failed } = row;
  return { startedAt, finishedAt, drift: driftOf(row), failed };
}
