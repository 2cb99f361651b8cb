import type { Statement } from '../../platform/database.ts';
import { polling } from '../../platform/worker.ts';

/** Ends a statement that deletes pictures, as `gone`, with their `file_keys`: their files are to be removed. */
export const requestRemovals = `
insert into file_removals (key)
select distinct key from gone cross join lateral unnest(file_keys) as key order by key
on conflict (key) do update set requested_at = excluded.requested_at`;

/** Those of $1 files that no picture needs, and whose removal nobody has asked for. By the index of pictures' files. */
export const filesWithoutPicture: Statement = {
  name: 'files_without_picture',
  text: `${polling}
select asked.key from unnest($1::text[]) as asked (key)
where not exists (select from pictures where file_keys @> array[asked.key])
  and not exists (select from file_removals removal where removal.key = asked.key)`,
};

/** Asks for the removal of $1 files; it comes to nothing where a picture needs one. By primary key. */
export const requestRemovalOf: Statement = {
  name: 'request_removal_of_files',
  text: `${polling}
insert into file_removals (key) select key from unnest($1::text[]) as key order by key
on conflict (key) do nothing`,
};

/**
 * Files that nobody needs may be needed a moment later: an upload of the same picture stores them first and has its row
 * afterwards, at most the time later that a transaction waits for its connection and takes (25 s). Whoever waits that long
 * seldom makes an upload store its files twice.
 */
const settleS = 30;

/** A process that marked files and was killed leaves them marked: after this time another goes on. No store takes half of it. */
const leaseS = 120;

const due = `
removed_at is null and requested_at <= now() - interval '${settleS} seconds'
  and (removing_at is null or removing_at <= now() - interval '${leaseS} seconds')`;

/** Whether there are files whose time has come. By partial index. */
export const anyRemovalDue: Statement = {
  name: 'any_removal_due',
  text: `${polling}
select from file_removals where ${due} limit 1`,
};

/**
 * Locks the next $1 files whose time has come, each against pictures that come to need it: `isOurs` where no upload of it is
 * about to commit. It waits for nobody. By partial index.
 */
export const lockDueRemovals: Statement = {
  name: 'lock_due_removals',
  text: `${polling}
with due as materialized (
  select key from file_removals where ${due}
  order by requested_at limit $1
  for update skip locked
)
select key, pg_try_advisory_xact_lock(hashtextextended('visage.file.' || key, 0)) as "isOurs" from due`,
};

/**
 * Marks those of $1 locked files that no picture needs: from its commit on none can come to need them. The others stay, and
 * nobody asks for their removal any more. By the index of pictures' files.
 */
export const markRemovals: Statement = {
  name: 'mark_removals',
  text: `${polling}
with needed as materialized (
  select key from unnest($1::text[]) as key where exists (select from pictures where file_keys @> array[key])
), dropped as (
  delete from file_removals where key in (select key from needed)
)
update file_removals set removing_at = now()
where key = any($1::text[]) and key not in (select key from needed)
returning key, requested_at as "requestedAt", removing_at as "removingAt"`,
};

/**
 * Notes that $1 files, which were marked at $2, are gone; but not where another process has taken over. Like all that locks
 * several of these rows and waits for them, in the order of their keys: two that meet wait for each other one way alone.
 */
export const endRemovals: Statement = {
  name: 'end_removals',
  text: `${polling}
update file_removals set removed_at = now()
where key = any(array(
  select removal.key from file_removals removal
  join unnest($1::text[], $2::timestamptz[]) as done (key, removing_at)
    on removal.key = done.key and removal.removing_at = done.removing_at
  where removal.removed_at is null
  order by removal.key for update of removal))`,
};

/**
 * Forgets what was removed so long ago that no upload can have stored it before and be without its row still. By partial
 * index. It waits for nobody: what somebody else has hold of is left for the next time.
 */
export const forgetRemovals: Statement = {
  name: 'forget_removals',
  text: `${polling}
delete from file_removals
where key = any(array(
  select key from file_removals where removed_at <= now() - interval '1 hour'
  order by removed_at limit 1000 for update skip locked))`,
};

/** What the trigger pictures_guard_inserted says where a file of a new picture is being removed, or was. */
export const fileRemovedCode = 'VF001';

/** Which of $1 files are being removed, or were, and since when they are gone. By primary key. */
export const marksOfFiles: Statement = {
  name: 'marks_of_files',
  text: `
select key, removed_at as "removedAt" from file_removals where key = any($1::text[]) and removing_at is not null`,
};

/** Takes the marks off $1 files that were gone at $2 and are stored anew. By primary key. */
export const unmarkFiles: Statement = {
  name: 'unmark_files',
  text: `
delete from file_removals
where key = any(array(
  select removal.key from file_removals removal
  join unnest($1::text[], $2::timestamptz[]) as stored (key, removed_at)
    on removal.key = stored.key and removal.removed_at = stored.removed_at
  order by removal.key for update of removal))`,
};
