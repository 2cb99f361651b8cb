import { v7 as uuidv7 } from 'uuid';
import { RequestError, rateLimited } from '../../errors.ts';
import type { Log } from '../../platform/log.ts';
import type { Platform } from '../../platform/platform.ts';
import { createZip } from '../../platform/zip.ts';
import { userDeleted } from '../user/service.ts';
import { auditExport } from './account-queries.ts';
import { exportEntries } from './entries.ts';

/** Exports of one process that are under way at once. */
const maxAtOnce = 4;
/** When a refused one may be tried again. */
const retryAfterS = 30;
/** How long a client may take nothing before it is cut off, and makes room. */
const stallMs = 60_000;

/** Archives of all that is there of a user. */
export interface Exports {
  /**
   * Begins one, and notes it in the user's audit log first. Where it can't be completed its bytes fail, and the log says why.
   * Throws RATE_LIMITED while one of the user's, or too many of others, are under way.
   */
  start(request: { userId: string; requestId: string }): Promise<ReadableStream<Uint8Array>>;
}

export function createExports({ db, pictures, log }: Pick<Platform, 'db' | 'pictures'> & { log: Log }): Exports {
  const underWay = new Set<string>();

  const assertRoom = (userId: string) => {
    if (underWay.has(userId)) throw rateLimited('Expected one export at a time.', retryAfterS);
    if (underWay.size >= maxAtOnce) throw rateLimited('The server is busy with exports. Try again soon.', retryAfterS);
  };
  const begin = async (userId: string) => {
    const [audited] = await db.query(auditExport, [userId, uuidv7()]);
    if (!audited) throw userDeleted();
    return createZip(exportEntries({ db, pictures }, userId), { stallMs });
  };

  return {
    async start({ userId, requestId }) {
      assertRoom(userId);
      underWay.add(userId);
      try {
        const { bytes, ended } = await begin(userId);
        ended
          .catch((error) => {
            const level = error instanceof RequestError ? 'warn' : 'error';
            log[level]({ error, requestId }, 'an export was cut short');
          })
          .finally(() => underWay.delete(userId));
        return bytes;
      } catch (error) {
        underWay.delete(userId);
        throw error;
      }
    },
  };
}
