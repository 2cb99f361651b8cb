import { badUserInput, unauthenticated } from '../../errors.ts';
import type { Database } from '../../platform/database.ts';
import { pictureRevisions } from '../user/queries.ts';
import { acknowledgeRevision } from './queries.ts';

/** A session of Clerk's, and the picture revision that it is known to show. */
export interface SyncSessionRecord {
  id: string;
  userAgent: string | null;
  pictureRevision: number;
  acknowledgedAt: Date | null;
  lastSeenAt: Date;
}

export interface Acknowledgement {
  userId: string;
  /** Null where the token names none. */
  sessionId: string | null;
  userAgent: string | null;
  revision: number;
}

/** No browser's name is that long. */
const maxUserAgentLength = 512;

/** How a client names itself, as far as it is kept. */
export const shortenUserAgent = (userAgent: string | null): string | null =>
  userAgent?.slice(0, maxUserAgentLength) ?? null;

/**
 * Notes which revision a session shows; one below what it had doesn't take it back. Throws BAD_USER_INPUT for a revision
 * that the user's picture doesn't have, and without a session.
 */
export async function acknowledgePictureRevision(
  { db }: { db: Pick<Database, 'query'> },
  { userId, sessionId, userAgent, revision }: Acknowledgement,
): Promise<SyncSessionRecord> {
  if (sessionId === null) throw badUserInput('Expected a token of a session (`sid`).');
  if (revision < 0) throw badUserInput(`Expected a revision of 0 or more, and got ${revision}.`);
  const values = [userId, sessionId, shortenUserAgent(userAgent), revision];
  const [session] = await db.query<SyncSessionRecord>(acknowledgeRevision, values);
  return session ?? refuseRevision({ db }, { userId, revision });
}

async function refuseRevision(
  { db }: { db: Pick<Database, 'query'> },
  { userId, revision }: Pick<Acknowledgement, 'userId' | 'revision'>,
): Promise<never> {
  const [current] = await db.query<{ revision: number }>(pictureRevisions, [[userId]]);
  if (!current) throw unauthenticated('The user of this token was deleted.');
  throw badUserInput(`Expected a revision of at most ${current.revision}, and got ${revision}.`);
}
