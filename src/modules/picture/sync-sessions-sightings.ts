import type { Platform } from '../../platform/platform.ts';
import type { WorkDone } from '../../platform/worker.ts';
import { noteSightings } from './queries.ts';
import { shortenUserAgent } from './sync-sessions-service.ts';

/** Who begins to follow pictures, and how their client names itself. */
export interface Follower {
  viewer: { id: string; sessionId: string | null } | null;
  userAgent: string | null;
}

/** Sessions that were seen to follow pictures, until the database knows of it: nobody who begins to waits for that. */
export interface SessionSightings {
  note(follower: Follower): void;
  /** Tells the database of some that it doesn't know of. */
  write(): Promise<WorkDone>;
}

interface Sighting {
  userId: string;
  sessionId: string;
  userAgent: string | null;
  seenAt: Date;
  isWritten: boolean;
}

/** Whoever connects again and again is noted once in this time. */
const onceInMs = 5 * 60_000;
const batchSize = 1_000;
/** More than a process has open connections. */
const limit = 100_000;

export function createSessionSightings({ db, deletedUsers }: Pick<Platform, 'db' | 'deletedUsers'>): SessionSightings {
  const sightings = new Map<string, Sighting>();
  deletedUsers.watch({
    forget(userId) {
      for (const [key, sighting] of sightings) if (sighting.userId === userId) sightings.delete(key);
    },
    heldUserIds: () => [...sightings.values()].map(({ userId }) => userId),
  });
  const forgetOld = () => {
    const oldMs = Date.now() - onceInMs;
    for (const [key, { seenAt }] of sightings) {
      // They stand in the order in which they were seen.
      if (seenAt.getTime() > oldMs) return;
      sightings.delete(key);
    }
  };

  return {
    note({ viewer, userAgent }) {
      if (!viewer?.sessionId || deletedUsers.has(viewer.id) || sightings.size >= limit) return;
      const { id: userId, sessionId } = viewer;
      const key = toKey({ userId, sessionId });
      if (sightings.has(key)) return;
      const sighting = { userId, sessionId, userAgent: shortenUserAgent(userAgent), seenAt: new Date() };
      sightings.set(key, { ...sighting, isWritten: false });
    },
    async write() {
      forgetOld();
      const batch = [...sightings.values()].filter(({ isWritten }) => !isWritten).slice(0, batchSize);
      if (batch.length === 0) return 'idle';
      const written = await db.query<Pick<Sighting, 'userId' | 'sessionId'>>(noteSightings, [
        batch.map(({ userId }) => userId),
        batch.map(({ sessionId }) => sessionId),
        batch.map((sighting) => sighting.userAgent),
        batch.map(({ seenAt }) => seenAt),
      ]);
      for (const row of written) {
        const sighting = sightings.get(toKey(row));
        if (sighting) sighting.isWritten = true;
      }
      return written.length === batchSize ? 'more' : 'idle';
    },
  };
}

/** No user's id has a space. */
const toKey = ({ userId, sessionId }: Pick<Sighting, 'userId' | 'sessionId'>): string => `${userId} ${sessionId}`;
