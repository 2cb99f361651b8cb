import { v7 as uuidv7 } from 'uuid';
import { RequestError, rateLimited } from '../../errors.ts';
import type { Log } from '../../platform/log.ts';
import type { Platform } from '../../platform/platform.ts';
import { createZip, type Zip } from '../../platform/zip.ts';
import { userDeleted } from '../user/service.ts';
import { auditExport } from './account-queries.ts';
import { exportEntries } from './entries.ts';

/** Exports of one process that are under way at once. */
const maxAtOnce = 4;
/** When a refused one may be tried again. */
const retryAfterS = 30;
/** How long a client may take nothing before it is cut off, and makes room. */
const stallMs = 60_000;
/** One that takes longer gives way where there is no room: else four slow readers would keep everybody from theirs. */
const patienceMs = 10 * 60_000;

/** Archives of all that is there of a user. */
export interface Exports {
  /**
   * Begins one, and notes it in the user's audit log first. Where it can't be completed its bytes fail, and the log says why.
   * Throws RATE_LIMITED while one of the user's, or too many of others, are under way.
   */
  start(request: { userId: string; requestId: string }): Promise<ReadableStream<Uint8Array>>;
}

interface UnderWay {
  startedAtMs: number;
  cutOff: Zip['cutOff'];
}

type Deps = Pick<Platform, 'db' | 'pictures' | 'deletedUsers'> & { log: Log };

export function createExports({ db, pictures, deletedUsers, log }: Deps): Exports {
  const underWay = new Map<string, UnderWay>();
  deletedUsers.watch({
    forget: (userId) => underWay.get(userId)?.cutOff(userDeleted()),
    heldUserIds: () => underWay.keys(),
  });

  const makeRoom = (userId: string) => {
    if (underWay.has(userId)) throw rateLimited('Expected one export at a time.', retryAfterS);
    const [oldest] = underWay;
    if (underWay.size < maxAtOnce || !oldest) return;
    const [oldestId, { startedAtMs, cutOff }] = oldest;
    const busy = rateLimited('The server is busy with exports. Try again soon.', retryAfterS);
    if (Date.now() - startedAtMs < patienceMs) throw busy;
    underWay.delete(oldestId);
    cutOff(busy);
  };
  const begin = async (userId: string) => {
    const [audited] = await db.query(auditExport, [userId, uuidv7()]);
    if (!audited) throw userDeleted();
    return createZip(exportEntries({ db, pictures }, userId), { stallMs });
  };

  return {
    async start({ userId, requestId }) {
      makeRoom(userId);
      const own: UnderWay = { startedAtMs: Date.now(), cutOff: () => undefined };
      const leave = () => underWay.get(userId) === own && underWay.delete(userId);
      underWay.set(userId, own);
      try {
        const { bytes, ended, cutOff } = await begin(userId);
        own.cutOff = cutOff;
        ended
          .catch((error) => {
            const level = error instanceof RequestError ? 'warn' : 'error';
            log[level]({ error, requestId }, 'an export was cut short');
          })
          .finally(leave);
        return bytes;
      } catch (error) {
        leave();
        throw error;
      }
    },
  };
}
