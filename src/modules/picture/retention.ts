import type { Database, Statement, Transaction } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import type { Platform } from '../../platform/platform.ts';
import { createWorker, polling, type WorkDone, type Worker } from '../../platform/worker.ts';
import { requestRemovals } from './file-removals.ts';

type Deps = Pick<Platform, 'db' | 'pictureRetention'>;

const lookEveryMs = 3_600_000;
const batchSize = 500;
const ownersAtOnce = 1_000;

/** Takes what is over the $2 newest versions of $1 user out of the history; the active one counts as the newest. By unique index. */
const trim: Statement = {
  name: 'trim_versions',
  text: `
with gone as (
  delete from pictures
  where id in (select id from pictures where user_id = $1 order by is_active desc, version desc offset $2::int)
    and not is_active
  returning file_keys
)${requestRemovals}`,
};

/** The next $2 versions that were deleted more than $1 days ago, and their owners. By partial index. */
const longDeleted: Statement = {
  name: 'long_deleted_versions',
  text: `${polling}
select id, user_id as "userId" from pictures
where deleted_at <= now() - make_interval(days => $1::int)
order by deleted_at limit $2`,
};

/** Keeps the owners of versions from changing these, in the order in which everybody locks them. */
const lockOwners: Statement = {
  name: 'lock_version_owners',
  text: `${polling}
select from users where id = any($1::text[]) order by id for no key update`,
};

/** Takes those of $1 versions out of the history that still are deleted for $2 days, and weren't brought back. By primary key. */
const purge: Statement = {
  name: 'purge_versions',
  text: `${polling}
with gone as (
  delete from pictures
  where id = any($1::uuid[]) and deleted_at <= now() - make_interval(days => $2::int)
  returning file_keys
)${requestRemovals}`,
};

/** The next $3 owners of pictures behind $1 one, and whether they have more than $2 versions. By unique index alone. */
const owners: Statement = {
  name: 'version_owners',
  text: `${polling}
select user_id as "userId", count(*) > $2::int as "hasTooMany"
from pictures where user_id > $1
group by user_id order by user_id limit $3`,
};

/** Takes versions over the number that is kept out of a user's history, who is locked. Their numbers are not used again. */
export async function trimVersions(
  tx: Transaction,
  { userId, versions }: { userId: string; versions: number },
): Promise<void> {
  await tx.$executeRawUnsafe(trim.text, userId, versions);
}

/**
 * Takes versions out of the history that were deleted long enough ago, and, once after the start, those that are too many:
 * later on an upload takes out what it makes too many. Any number of processes may do the same.
 */
export function createRetention({ log, ...deps }: Deps & { log: Log }): Worker {
  let lookedAt: string | null = '';
  const work = async (): Promise<WorkDone> => {
    if (await purgeSome(deps)) return 'more';
    if (lookedAt === null) return 'idle';
    lookedAt = await trimSome(deps, lookedAt);
    return 'more';
  };
  return createWorker({ name: 'picture retention', log, work, pollMs: lookEveryMs });
}

/** False where there is nothing to be purged. */
async function purgeSome({ db, pictureRetention }: Deps): Promise<boolean> {
  const due = await db.query<{ id: string; userId: string }>(longDeleted, [pictureRetention.deletedDays, batchSize]);
  if (due.length === 0) return false;
  await db.transaction(async (tx) => {
    await tx.$queryRawUnsafe(lockOwners.text, [...new Set(due.map(({ userId }) => userId))]);
    const ids = due.map(({ id }) => id);
    await tx.$executeRawUnsafe(purge.text, ids, pictureRetention.deletedDays);
  });
  return true;
}

/** Answers up to whom it has looked, null at the end. */
async function trimSome({ db, pictureRetention: { versions } }: Deps, after: string): Promise<string | null> {
  const found = await db.query<{ userId: string; hasTooMany: boolean }>(owners, [after, versions, ownersAtOnce]);
  for (const { userId } of found.filter(({ hasTooMany }) => hasTooMany)) await trimOf(db, userId, versions);
  return found.at(-1)?.userId ?? null;
}

const trimOf = (db: Database, userId: string, versions: number): Promise<void> =>
  db.transaction(async (tx) => {
    await tx.$queryRawUnsafe(lockOwners.text, [userId]);
    await trimVersions(tx, { userId, versions });
  });
