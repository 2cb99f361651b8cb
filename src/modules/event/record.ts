import type { EventType } from '../../generated/prisma/enums.ts';

/** What a user did with a movie, or said of it. */
export interface EventRecord {
  id: string;
  userId: string;
  type: EventType;
  movieId: number;
  /** 0.5 to 10 in steps of 0.5. */
  rating: number | null;
  review: string | null;
  /** Since 1970, in whole milliseconds, as `createdAtMs`: most of a page's times nobody asks for. */
  occurredAtMs: number;
  createdAtMs: number;
}

/** The part of a user, as privacy knows it, that events of a type belong to. */
export const partOfType = {
  VIEW: 'watchHistory',
  WATCHLIST_ADD: 'watchHistory',
  WATCHLIST_REMOVE: 'watchHistory',
  RATING: 'ratings',
  REVIEW: 'ratings',
} as const satisfies Record<EventType, string>;
