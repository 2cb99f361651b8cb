import type { Change } from './change-stream.ts';
import type { Database, Statement, Transaction } from './database.ts';
import type { LiveBus, Topic } from './live-bus.ts';
import type { Log } from './log.ts';
import { createPostgresListener, notificationChannel } from './postgres-listener.ts';

/** What one process tells all: a hint, not the state. Far below the 8,000 bytes that NOTIFY takes. */
interface Announcement extends Change {
  topic: Topic;
}

/** Tells every process, once the transaction commits. */
export async function announce(tx: Transaction, topic: Topic, { userId, revision }: Change): Promise<void> {
  const payload: Announcement = { topic, userId, revision };
  await tx.$executeRaw`select pg_notify(${notificationChannel}, ${JSON.stringify(payload)})`;
}

/** Where the current revisions of a topic stand: a statement of $1 user ids that answers `Change` rows. */
export type RevisionStatements = Record<Topic, Statement>;

export interface Announcements {
  /** Whether announcements arrive at this moment. */
  isListening(): boolean;
  close(): Promise<void>;
}

/** Ids of one catch-up statement. */
const catchUpBatchSize = 1_000;
const catchUpRetryMs = 500;

/** Hands announcements to the streams of this process, and after a gap the current state of all that they are about. */
export function createAnnouncements(options: {
  connectionString: string;
  db: Pick<Database, 'query'>;
  live: LiveBus;
  log: Log;
  revisions: RevisionStatements;
}): Announcements {
  const { db, live, log, revisions } = options;
  let isClosed = false;

  const catchUp = async (topic: Topic, missedSinceMs: number) => {
    const userIds = live.subscribedUserIds(topic);
    for (let start = 0; start < userIds.length; start += catchUpBatchSize) {
      const batch = userIds.slice(start, start + catchUpBatchSize);
      for (const current of await db.query<Change>(revisions[topic], [batch]))
        live.catchUp(topic, current, missedSinceMs);
    }
  };
  const catchUpAll = async (missedSinceMs: number) => {
    try {
      for (const topic of Object.keys(revisions) as Topic[]) await catchUp(topic, missedSinceMs);
    } catch (error) {
      if (isClosed) return;
      log.warn({ error }, 'subscribers could not be brought up to date; trying again');
      // Also when the listener is lost again: the next gap begins later, and doesn't cover this one.
      setTimeout(() => isClosed || catchUpAll(missedSinceMs), catchUpRetryMs).unref();
    }
  };
  const listener = createPostgresListener({
    connectionString: options.connectionString,
    log,
    onMessage(payload) {
      const message = toAnnouncement(payload);
      if (message) live.dispatch(message.topic, { userId: message.userId, revision: message.revision });
      else log.warn('an announcement was not understood');
    },
    onReady: (missedSinceMs) => void catchUpAll(missedSinceMs),
  });
  return {
    isListening: listener.isListening,
    async close() {
      isClosed = true;
      await listener.close();
    },
  };
}

function toAnnouncement(payload: string): Announcement | null {
  try {
    const message = JSON.parse(payload) as Partial<Announcement>;
    const isWhole =
      message.topic === 'picture' && typeof message.userId === 'string' && Number.isInteger(message.revision);
    return isWhole ? (message as Announcement) : null;
  } catch {
    return null;
  }
}
