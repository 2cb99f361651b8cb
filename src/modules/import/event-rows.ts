import { v5 as uuidv5 } from 'uuid';
import type { ImportedEvent, ImportedUser } from './record.ts';
import type { Row } from './write-rows.ts';

/** Ids of what is imported are made of it in this namespace, so that a second time they are the same. */
export const importNamespace = 'f9b6c3c1-6e0a-5b0e-9a53-2d6f6b0f4c11';

/**
 * The events of a user as rows. One with a key is known again by its key; one without by all that it says, and where several
 * say the same, by which of them it is.
 */
export function toEventRows({ id: userId, events }: Pick<ImportedUser, 'id' | 'events'>): Row[] {
  const counts = new Map<string, number>();
  return events.map((event) => {
    const content = toContent(event);
    const count = (counts.get(content) ?? 0) + 1;
    counts.set(content, count);
    return {
      id: uuidv5(JSON.stringify(['event', userId, content, count]), importNamespace),
      user_id: userId,
      type: event.type,
      movie_id: event.movieId,
      rating: event.rating,
      review: event.review,
      occurred_at: event.occurredAt,
      idempotency_key: event.idempotencyKey,
    };
  });
}

function toContent({ type, movieId, rating, review, occurredAt, idempotencyKey }: ImportedEvent): string {
  if (idempotencyKey !== null) return JSON.stringify(['key', idempotencyKey]);
  return JSON.stringify([type, movieId, rating, review, occurredAt]);
}
