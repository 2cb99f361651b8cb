import { type DataSize, heavyEvents, starFollowers } from './sizes.ts';

/** The star: followed by everybody, up to a limit. */
export const starId = 'user_bench_star';

/** The star's username. */
export const starName = 'bench_star';

export const heavyId = (number: number): string => `user_bench_heavy_${number}`;

const seeded = `'user_seed_' || n`;
const variantSizes = '(values (64), (128), (256), (512)) as square (size)';

/** What `npm run seed` leaves out and the operations ask for, set by set: pictures, blocks, a star and heavy users. */
export const extraData = ({ users, heavyUsers }: DataSize): string[] => [
  `insert into pictures (id, user_id, version, is_active, width, height, animated, crop_left, crop_top, crop_size,
     variants, source_key, file_keys, thumbhash, dominant_color, original_mime_type, original_bytes)
   select uuidv7(), ${seeded}, 1, true, 1200, 800, false, 200, 0, 800,
     (select jsonb_agg(jsonb_build_object('size', size, 'bytes', size * 40, 'key', 'public/' || md5(n || '-' || size) || '.webp')
        order by size) from ${variantSizes}),
     'private/' || md5(n::text) || '.webp', '{}', 'YJqGPQw7sFlslqhFafSE+Q6oJ1h2iHB2Rw==', '#7a6f5d', 'image/jpeg', 400000
   from generate_series(1, ${users}, 2) as n`,
  `update users set picture_revision = 1, last_picture_version = 1 from pictures where pictures.user_id = users.id`,
  `insert into blocks (blocker_id, blocked_id)
   select distinct 'user_seed_' || one, 'user_seed_' || other
   from (select 1 + floor(random() * ${users})::int as one, 1 + floor(random() * ${users})::int as other
         from generate_series(1, ${users / 5})) as pair
   where one <> other
   on conflict do nothing`,
  `insert into follow_requests (requester_id, requestee_id)
   select distinct 'user_seed_' || one, user_id
   from (select 1 + floor(random() * ${users})::int as one, 'user_seed_' || 1 + floor(random() * ${users})::int as user_id
         from generate_series(1, ${users})) as pair
   join privacy using (user_id)
   where privacy.profile <> 'PUBLIC' and 'user_seed_' || one <> user_id
     and not exists (select from follows where follower_id = 'user_seed_' || one and followee_id = user_id)
   on conflict do nothing`,
  `insert into users (id, username)
   select '${starId}', '${starName}'
   union all select 'user_bench_heavy_' || n, 'bench_heavy_' || n from generate_series(1, ${heavyUsers}) as n`,
  `insert into follows (follower_id, followee_id, created_at)
   select ${seeded}, '${starId}', date_trunc('milliseconds', now()) - (n / 3) * interval '1 minute'
   from generate_series(1, ${Math.min(users, starFollowers)}) as n`,
  `insert into events (id, user_id, type, movie_id, rating, occurred_at)
   select uuidv7(), 'user_bench_heavy_' || heavy, case n % 2 when 0 then 'VIEW' else 'RATING' end::event_type, n,
     case n % 2 when 1 then 7.5 end, date_trunc('milliseconds', now()) - (n / 3) * interval '7 minutes'
   from generate_series(1, ${heavyUsers}) as heavy, generate_series(1, ${heavyEvents}) as n`,
  'vacuum analyze',
  'checkpoint',
];
