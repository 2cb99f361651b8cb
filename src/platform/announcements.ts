import { createAnnouncementRelay } from './announcement-relay.ts';
import type { Change } from './change-stream.ts';
import type { Database, Statement, Transaction } from './database.ts';
import type { DeletedUsers } from './deleted-users.ts';
import type { ListenerOptions } from './listener.ts';
import { type LiveBus, type Topic, topics } from './live-bus.ts';
import type { Log } from './log.ts';
import { createPostgresListener } from './postgres-listener.ts';
import type { Redis } from './redis.ts';

/** What one process tells all: a hint, not the state. Far below the 8,000 bytes that NOTIFY takes. */
interface Announcement extends Change {
  topic: Topic;
}

/** A user is gone, and every process forgets them. */
interface Farewell {
  deletedUserId: string;
}

/** Work that waits in the database for whichever process takes it. */
const works = ['outbox', 'erasure'] as const;
export type Work = (typeof works)[number];

interface WorkCall {
  work: Work;
}

/** Something was announced that nobody will hear any more. */
interface Missed {
  missed: true;
}

type Message = Announcement | Farewell | WorkCall | Missed;

/** Tells every process, once the transaction commits. */
export const announce = (tx: Transaction, topic: Topic, { userId, revision }: Change): Promise<void> =>
  notify(tx, { topic, userId, revision });

/** Makes every process forget the user, once the transaction commits. */
export const announceDeletion = (tx: Transaction, userId: string): Promise<void> =>
  notify(tx, { deletedUserId: userId });

/** Wakes the workers of every process, once the transaction commits; one that hears nothing looks by itself, later. */
export const announceWork = (tx: Transaction, work: Work): Promise<void> => notify(tx, { work });

async function notify(tx: Transaction, message: Message): Promise<void> {
  await tx.$executeRaw`select visage_announce(${JSON.stringify(message)}::json)`;
}

/** The same as an expression of a statement that changes something: tells of each row, which has user_id and revision. */
export const announcing = (topic: Topic, row: string): string =>
  `visage_announce(json_build_object(
    'topic', '${topic}', 'userId', ${row}.user_id, 'revision', ${row}.revision))`;

/** What `announceWork` does, as an expression of a statement. */
export const announcingWork = (work: Work): string =>
  `visage_announce('${JSON.stringify({ work } satisfies WorkCall)}')`;

/** Where the current revisions of a topic stand: a statement of $1 user ids that answers `Change` rows. */
export type RevisionStatements = Record<Topic, Statement>;

export interface Announcements {
  /** Whether announcements arrive at this moment, and this process can send its own. */
  isListening(): boolean;
  /** Something was announced to this database; by NOTIFY it is on its way already. */
  passOn(): void;
  close(): Promise<void>;
}

/** Ids of one catch-up statement. */
const catchUpBatchSize = 1_000;
const catchUpRetryMs = 500;

export interface AnnouncementsOptions {
  connectionString: string;
  /** Null: processes talk through PostgreSQL. */
  redis: Redis | null;
  db: Pick<Database, 'query'>;
  live: LiveBus;
  deletedUsers: DeletedUsers;
  log: Log;
  revisions: RevisionStatements;
  /** Says which of $1 user ids were deleted, as `userId`. */
  deletedAmong: Statement;
  onWork(work: Work): void;
}

/**
 * Hands announcements to the streams of this process, and after a gap the current state of all that they are about; in the
 * same way those who were deleted to whatever still holds something of them.
 */
export function createAnnouncements(options: AnnouncementsOptions): Announcements {
  const { db, live, deletedUsers, log, redis, revisions } = options;
  let isClosed = false;

  const queryInBatches = async <Row extends object>(statement: Statement, ids: string[], take: (row: Row) => void) => {
    for (let start = 0; start < ids.length; start += catchUpBatchSize) {
      for (const row of await db.query<Row>(statement, [ids.slice(start, start + catchUpBatchSize)])) take(row);
    }
  };
  const catchUpAll = async (missedSinceMs: number) => {
    try {
      await queryInBatches<Pick<Change, 'userId'>>(options.deletedAmong, deletedUsers.heldUserIds(), ({ userId }) =>
        deletedUsers.add(userId),
      );
      for (const topic of topics) {
        await queryInBatches<Change>(revisions[topic], live.subscribedUserIds(topic), (current) =>
          live.catchUp(topic, current, missedSinceMs),
        );
      }
    } catch (error) {
      if (isClosed) return;
      log.warn({ error }, 'subscribers could not be brought up to date; trying again');
      // Also when the listener is lost again: the next gap begins later, and doesn't cover this one.
      setTimeout(() => isClosed || catchUpAll(missedSinceMs), catchUpRetryMs).unref();
    }
  };
  const catchUp = (missedSinceMs: number) => {
    void catchUpAll(missedSinceMs);
    works.forEach(options.onWork);
  };
  const take = (message: Message) => {
    if ('missed' in message) catchUp(Number.NEGATIVE_INFINITY);
    else if ('deletedUserId' in message) deletedUsers.add(message.deletedUserId);
    else if ('work' in message) options.onWork(message.work);
    else live.dispatch(message.topic, { userId: message.userId, revision: message.revision });
  };
  const listening: ListenerOptions = {
    log,
    onMessage(payload) {
      const message = readMessage(payload);
      if (message) take(message);
      else log.warn('an announcement was not understood');
    },
    onReady: catchUp,
  };
  const listener = redis
    ? redis.listen(listening)
    : createPostgresListener({ ...listening, connectionString: options.connectionString });
  const relay = redis && createAnnouncementRelay({ connectionString: options.connectionString, redis, log });
  return {
    isListening: () => listener.isListening() && (redis?.isReady() ?? true),
    passOn: () => relay?.wake(),
    async close() {
      isClosed = true;
      await Promise.all([relay?.close(), listener.close()]);
    },
  };
}

function readMessage(payload: string): Message | null {
  try {
    const message = JSON.parse(payload) as Partial<Announcement & Farewell & WorkCall & Missed>;
    if (message.missed === true) return { missed: true };
    const work = works.find((name) => name === message.work);
    if (work) return { work };
    if (typeof message.deletedUserId === 'string') return { deletedUserId: message.deletedUserId };
    const isWhole =
      topics.some((topic) => topic === message.topic) &&
      typeof message.userId === 'string' &&
      Number.isInteger(message.revision);
    return isWhole ? (message as Announcement) : null;
  } catch {
    return null;
  }
}
