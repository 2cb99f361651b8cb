/** Rows of each list of the busy user: more than a thousand pages of ten. */
export const listLength = 10_100;

/** The follower through whom the busy user's lists are looked at from outside. */
export const followerId = 'user_scale_follower';
export const busyId = 'user_scale_busy';

const seeded = `'user_seed_' || n`;
const numbers = (count: number) => `generate_series(1, ${count}) as n`;
/** Three rows share a moment, so that their ids decide; the newest comes first. */
const moment = `date_trunc('milliseconds', now()) - (n / 3) * interval '1 minute'`;
/** One of the seeded users, drawn by chance. */
const anybody = `'user_seed_' || (1 + floor(random() * 100000)::int)`;

const pictureColumns =
  'id, user_id, version, is_active, width, height, animated, crop_left, crop_top, crop_size, variants, source_key, file_keys, thumbhash, dominant_color, original_mime_type, original_bytes, uploaded_at';
const variants = JSON.stringify([{ size: 1, bytes: 1, key: 'square' }]);
const pictureValues = `1, 1, false, 0, 0, 1, '${variants}'::jsonb, 'source', '{}'::text[], '', '#000000', 'image/png', 1`;

/** What the seed leaves out, of many users a little each, so that no table is empty but for the busy user. */
const everybody = [
  `insert into crew_member_follows (user_id, tmdb_id, created_at)
   select distinct on (1, 2) ${anybody}, 1 + floor(random() * 5000)::int, ${moment} from ${numbers(200_000)}`,
  `insert into studio_follows (user_id, tmdb_id, created_at)
   select distinct on (1, 2) ${anybody}, 1 + floor(random() * 500)::int, ${moment} from ${numbers(200_000)}`,
  `insert into blocks (blocker_id, blocked_id, created_at)
   select * from (select distinct on (1, 2) ${anybody} as one, ${anybody} as other, ${moment} from ${numbers(50_000)}) as pair
   where one <> other`,
  `insert into follow_requests (requester_id, requestee_id, created_at)
   select * from (select distinct on (1, 2) ${anybody} as one, ${anybody} as other, ${moment} from ${numbers(50_000)}) as pair
   where one <> other`,
  `insert into audit_entries (id, user_id, action, actor, at)
   select gen_random_uuid(), ${anybody}, 'profile.changed', 'OWNER', ${moment} from ${numbers(300_000)}`,
  `insert into pictures (${pictureColumns})
   select gen_random_uuid(), ${seeded}, 1, true, ${pictureValues}, ${moment} from ${numbers(50_000)}`,
  `insert into sync_sessions (user_id, session_id, last_seen_at)
   select ${anybody}, 'sess_' || n, ${moment} from ${numbers(100_000)}`,
];

/** The first thousands of the seeded users follow the busy one, the next are followed, and so on. */
const busy = [
  `insert into users (id, username) values ('${busyId}', 'scale_busy'), ('${followerId}', 'scale_follower')`,
  `update privacy set profile = 'FOLLOWERS', watch_history = 'FOLLOWERS', ratings = 'FOLLOWERS' where user_id = '${busyId}'`,
  `insert into follows (follower_id, followee_id, created_at)
   select ${seeded}, '${busyId}', ${moment} from ${numbers(listLength - 1)}
   union all select '${busyId}', 'user_seed_' || 20000 + n, ${moment} from ${numbers(listLength)}
   union all select '${followerId}', '${busyId}', now()`,
  `insert into follow_requests (requester_id, requestee_id, created_at)
   select 'user_seed_' || 40000 + n, '${busyId}', ${moment} from ${numbers(listLength)}`,
  `insert into blocks (blocker_id, blocked_id, created_at)
   select '${busyId}', 'user_seed_' || 60000 + n, ${moment} from ${numbers(listLength)}`,
  ...['crew_member_follows', 'studio_follows'].map(
    (table) =>
      `insert into ${table} (user_id, tmdb_id, created_at) select '${busyId}', n, ${moment} from ${numbers(listLength)}`,
  ),
  // Each type in turn, and about one movie besides.
  `insert into events (id, user_id, type, movie_id, rating, review, occurred_at)
   select gen_random_uuid(), '${busyId}', type, 2 + n % 5000, case type when 'RATING' then 5 end,
     case type when 'REVIEW' then 'Seen.' end, ${moment}
   from ${numbers(listLength)}, unnest(enum_range(null::event_type)) as type
   union all
   select gen_random_uuid(), '${busyId}', 'VIEW', 1, null, null, ${moment} from ${numbers(listLength)}`,
  `insert into audit_entries (id, user_id, action, actor, at)
   select gen_random_uuid(), '${busyId}', 'scale.' || n, 'OWNER', ${moment} from ${numbers(listLength)}`,
  `insert into pictures (${pictureColumns})
   select gen_random_uuid(), '${busyId}', n, n = ${listLength}, ${pictureValues}, ${moment} from ${numbers(listLength)}`,
  `update users set email = 'a@' || n || '.example' from ${numbers(listLength)} where id = ${seeded}`,
  `insert into sync_sessions (user_id, session_id, last_seen_at)
   select '${busyId}', 'sess_scale_' || n, ${moment} from ${numbers(150)}`,
];

/** Statements that add to a seeded database what the lists need, set by set. */
export const busyStatements: string[] = [...everybody, ...busy, 'analyze'];
