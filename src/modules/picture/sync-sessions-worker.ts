import type { Log } from '../../platform/log.ts';
import type { Platform } from '../../platform/platform.ts';
import { within } from '../../platform/time-limit.ts';
import { createWorker, type Worker } from '../../platform/worker.ts';
import { removeUnseenSessions, unseenBatchSize } from './queries.ts';
import type { SessionSightings } from './sync-sessions-sightings.ts';

type Deps = Pick<Platform, 'db'> & { log: Log; sightings: SessionSightings };

/** Without anything to write, this costs no statement. */
const writeEveryMs = 2_000;
const cleanEveryMs = 3_600_000;
/** For what was seen last, when the server stops. */
const lastWriteMs = 2_000;

/** Keeps the sessions in the database: writes when they are seen, and removes those that were not for 30 days. */
export function createSessionKeeper({ db, log, sightings }: Deps): Pick<Worker, 'close'> {
  const writer = createWorker({ name: 'session writer', log, work: sightings.write, pollMs: writeEveryMs });
  const cleaner = createWorker({
    name: 'session cleaner',
    log,
    pollMs: cleanEveryMs,
    work: async () => ((await db.query(removeUnseenSessions, [])).length === unseenBatchSize ? 'more' : 'idle'),
  });
  return {
    async close() {
      await Promise.all([writer.close(), cleaner.close()]);
      await within(lastWriteMs, sightings.write()).catch((error) => log.debug({ error }, 'sessions were not written'));
    },
  };
}
