import type { VariantRecord } from '../user/record.ts';
import { instant, jsonOf } from './json-sql.ts';
import { byText, catalogue, type ExportList, type ListRow, listOf, newestFirst, people } from './list-sql.ts';

/**
 * All lists but that of pictures. Requests stand before follows: one that is accepted while they are read is then on both
 * lists rather than on none.
 */
export const lists: ExportList[] = [
  // By index username_history(user_id, taken_at desc).
  listOf('username-history', {
    fields: {
      username: 'history.username',
      takenAt: instant('history.taken_at'),
      releasedAt: instant('history.released_at'),
    },
    from: 'username_history history where history.user_id = $1',
    order: newestFirst('history.taken_at', ['history.id', 'bigint']),
  }),
  // By index follow_requests(requestee_id, created_at desc, requester_id desc).
  people('follow-requests-received', {
    table: 'follow_requests',
    owner: 'requestee_id',
    other: 'requester_id',
    order: newestFirst('pair.created_at', ['pair.requester_id', 'text']),
  }),
  // By primary key.
  people('follow-requests-sent', {
    table: 'follow_requests',
    owner: 'requester_id',
    other: 'requestee_id',
    order: byText('pair.requestee_id'),
  }),
  // By index follows(followee_id, created_at desc, follower_id desc).
  people('followers', {
    table: 'follows',
    owner: 'followee_id',
    other: 'follower_id',
    order: newestFirst('pair.created_at', ['pair.follower_id', 'text']),
  }),
  // By index follows(follower_id, created_at desc, followee_id desc).
  people('following', {
    table: 'follows',
    owner: 'follower_id',
    other: 'followee_id',
    order: newestFirst('pair.created_at', ['pair.followee_id', 'text']),
  }),
  // By index blocks(blocker_id, created_at desc, blocked_id desc).
  people('blocked-users', {
    table: 'blocks',
    owner: 'blocker_id',
    other: 'blocked_id',
    order: newestFirst('pair.created_at', ['pair.blocked_id', 'text']),
    withoutBlockers: false,
  }),
  // By index crew_member_follows(user_id, created_at desc, tmdb_id desc).
  catalogue('followed-crew-members', 'crew_member_follows'),
  // By index studio_follows(user_id, created_at desc, tmdb_id desc).
  catalogue('followed-studios', 'studio_follows'),
  // By index events(user_id, occurred_at desc, id desc).
  listOf('events', {
    fields: {
      id: `'event_' || event.id`,
      type: 'event.type',
      movieId: 'event.movie_id',
      rating: 'event.rating',
      review: 'event.review',
      occurredAt: instant('event.occurred_at'),
      createdAt: instant('event.created_at'),
      idempotencyKey: 'event.idempotency_key',
    },
    from: 'events event where event.user_id = $1',
    order: newestFirst('event.occurred_at', ['event.id', 'uuid']),
  }),
  // By primary key.
  listOf('sync-sessions', {
    fields: {
      id: 'session.session_id',
      userAgent: 'session.user_agent',
      pictureRevision: 'session.picture_revision',
      acknowledgedAt: instant('session.acknowledged_at'),
      lastSeenAt: instant('session.last_seen_at'),
    },
    from: 'sync_sessions session where session.user_id = $1',
    order: byText('session.session_id'),
  }),
  // By index webhook_deliveries(user_id); a user has few.
  listOf('webhook-deliveries', {
    fields: {
      id: 'delivery.id',
      type: 'delivery.type',
      outcome: 'delivery.outcome',
      receivedAt: instant('delivery.received_at'),
    },
    from: 'webhook_deliveries delivery where delivery.user_id = $1',
    order: newestFirst('delivery.received_at', ['delivery.id', 'text']),
  }),
  // By index clerk_outbox(user_id, kind); a user has one of each kind at most.
  listOf('clerk-outbox', {
    fields: {
      kind: 'wish.kind',
      payload: 'wish.payload',
      attempts: 'wish.attempts',
      nextAttemptAt: instant('wish.next_attempt_at'),
      createdAt: instant('wish.created_at'),
    },
    from: 'clerk_outbox wish where wish.user_id = $1',
    order: newestFirst('wish.created_at', ['wish.id', 'bigint']),
  }),
  // By index audit_entries(user_id, at desc, id desc).
  listOf('audit-log', {
    fields: {
      action: 'entry.action',
      actor: 'entry.actor',
      changedFields: 'entry.changed_fields',
      at: instant('entry.at'),
    },
    from: 'audit_entries entry where entry.user_id = $1',
    order: newestFirst('entry.at', ['entry.id', 'uuid']),
  }),
];

/** A version of the picture, and the names of its files in the store. */
export interface PictureRow extends ListRow {
  version: number;
  variants: VariantRecord[];
  sourceKey: string;
}

/** Every version below the one that it starts from, deleted ones too, newest first. By unique index. */
export const pictures: ExportList = listOf('pictures', {
  fields: {
    id: `'picture_' || picture.id`,
    version: 'picture.version',
    isActive: 'picture.is_active',
    width: 'picture.width',
    height: 'picture.height',
    animated: 'picture.animated',
    crop: jsonOf({ left: 'picture.crop_left', top: 'picture.crop_top', size: 'picture.crop_size' }),
    thumbhash: 'picture.thumbhash',
    dominantColor: 'picture.dominant_color',
    altText: 'picture.alt_text',
    originalName: 'picture.original_name',
    originalMimeType: 'picture.original_mime_type',
    originalBytes: 'picture.original_bytes',
    uploadedAt: instant('picture.uploaded_at'),
    deletedAt: instant('picture.deleted_at'),
  },
  from: 'pictures picture where picture.user_id = $1',
  order: { columns: [['picture.version', 'int']], direction: 'desc', start: ['2147483647'] },
  extra: ', picture.version, picture.variants, picture.source_key as "sourceKey"',
});
