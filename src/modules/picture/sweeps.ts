import type { Statement } from '../../platform/database.ts';
import type { Platform } from '../../platform/platform.ts';
import { polling } from '../../platform/worker.ts';

/** What came of looking through the picture store. */
export interface SweepReport {
  /** Files that it had. */
  files: number;
  /** Of these, files that no picture needs, and that are being removed therefore. */
  removed: number;
  /** Remains of writes that were interrupted. */
  temporary: number;
  /** Pictures of which it lacks a file. */
  missing: number;
}

/** What is known of sweeps, whichever process did them. */
export interface SweepHealth extends Pick<SweepReport, 'files' | 'missing'> {
  /** Seconds since the last one that came to its end; null where none ever did. */
  age: number | null;
}

/**
 * Begins a sweep, if one is due: a row where it is this process's to do. The last one began an hour ago; or nothing was heard
 * of it for five minutes, since its process was killed. By primary key.
 */
export const claimSweep: Statement = {
  name: 'claim_picture_sweep',
  text: `${polling}
update picture_sweeps set started_at = now(), progressed_at = now()
where id = 1 and (
  started_at is null
  or (finished_at >= started_at and started_at <= now() - interval '1 hour')
  or (coalesce(finished_at < started_at, true) and progressed_at <= now() - interval '5 minutes'))
returning id`,
};

/** Begins a sweep, whatever others do. By primary key. */
export const beginSweep: Statement = {
  name: 'begin_picture_sweep',
  text: 'update picture_sweeps set started_at = now(), progressed_at = now() where id = 1',
};

/** Shows the others that a sweep goes on. By primary key. */
export const noteSweepProgress: Statement = {
  name: 'note_picture_sweep_progress',
  text: `${polling}
update picture_sweeps set progressed_at = now() where id = 1`,
};

/** Notes the end of a sweep, and what came of it: $1 files, $2 removed, $3 temporary, $4 missing. By primary key. */
export const endSweep: Statement = {
  name: 'end_picture_sweep',
  text: `${polling}
update picture_sweeps set finished_at = now(), files = $1, removed = $2, temporary = $3, missing = $4 where id = 1`,
};

/** The last sweep that came to its end. By primary key. */
const lastSweep: Statement = {
  name: 'last_picture_sweep',
  text: `${polling}
select files, missing, extract(epoch from now() - finished_at)::float8 as age from picture_sweeps where id = 1`,
};

export async function readSweepHealth({ db }: Pick<Platform, 'db'>): Promise<SweepHealth> {
  const [sweep] = await db.query<SweepHealth>(lastSweep, []);
  return sweep ?? { files: 0, missing: 0, age: null };
}
