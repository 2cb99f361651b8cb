import type { Transaction } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import type { Platform } from '../../platform/platform.ts';
import { createWorker, type WorkDone, type Worker } from '../../platform/worker.ts';
import { forgetHeldUsernames } from '../user/username-service.ts';
import { closedUsers, forgetOldDeliveries, lockAccount, nextRemoval, removals } from './erasure-queries.ts';

type Deps = Pick<Platform, 'db'> & { log: Log };

/** Rows of one transaction: well below a second, in which the counts of so many others can't change. */
const batchSize = 5_000;

/** Removes, bit by bit, all that deleted users had; what one process leaves undone, another goes on with. */
export function createEraser(deps: Deps): Worker {
  return createWorker({ name: 'eraser', log: deps.log, work: () => eraseSome(deps) });
}

/** One step for each, so that somebody with little isn't kept waiting by somebody with much. */
async function eraseSome({ db, log }: Deps): Promise<WorkDone> {
  const closed = await db.query<{ userId: string }>(closedUsers, []);
  let isAnyOurs = false;
  for (const { userId } of closed) {
    try {
      const isOurs = await db.transaction((tx) => eraseStep(tx, userId));
      isAnyOurs ||= isOurs;
    } catch (error) {
      log.warn({ error }, 'a deleted account could not be erased yet; it is tried again');
    }
  }
  if (isAnyOurs) return 'more';
  await db.query(forgetHeldUsernames, []);
  await db.query(forgetOldDeliveries, []);
  return 'idle';
}

/** False where another process is at it. */
async function eraseStep(tx: Transaction, userId: string): Promise<boolean> {
  if (!(await isOurs(tx, userId))) return false;
  const [next] = await tx.$queryRawUnsafe<{ place: number | null }[]>(nextRemoval.text, userId);
  const removal = removals[next?.place ?? removals.length];
  // One table a transaction: what two of them lock of other users is in no common order.
  if (removal) await tx.$executeRawUnsafe(removal.text, userId, batchSize);
  else await removeUser(tx, userId);
  return true;
}

async function isOurs(tx: Transaction, userId: string): Promise<boolean> {
  const [lock] = await tx.$queryRaw<{ isOurs: boolean }[]>`
    select pg_try_advisory_xact_lock(hashtextextended(${`visage.erasure.${userId}`}, 0)) as "isOurs"`;
  return lock?.isOurs === true;
}

/** What others wrote meanwhile hangs by cascade, but the files of pictures: those are looked for once more. */
async function removeUser(tx: Transaction, userId: string): Promise<void> {
  for (const { text } of lockAccount) await tx.$queryRawUnsafe(text, userId);
  // Whoever is adding something to the user is waited for here, and nobody can from here on.
  await tx.$queryRaw`select from users where id = ${userId} for update`;
  if ((await tx.picture.count({ where: { userId } })) > 0) return;
  await tx.user.deleteMany({ where: { id: userId } });
}
