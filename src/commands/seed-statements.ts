import type { Statement } from '../platform/database.ts';

/** How much to add. */
export interface SeedSizes {
  users: number;
  follows: number;
  events: number;
}

/** A step of seeding: what it does, for the person who waits, and the statement that does it. */
interface Step {
  what: string;
  statement: Statement;
  values: unknown[];
}

/** Rows of one statement, so that whoever waits sees it move. */
const batchSize = 200_000;

/** Set by set, never row by row; the triggers complete the users and keep the counters, as for any other writer. */
export function seedSteps({ users, follows, events }: SeedSizes): Step[] {
  return [
    ...batches('users', users, ({ from, count }) => step('users', insertUsers, [from, count])),
    step('profiles', fillProfiles, [users]),
    step('privacy', fillPrivacy, [users]),
    ...batches('follows', follows, ({ count, start, end }) =>
      step('follows', insertFollows, [count, users, start, end]),
    ),
    ...batches('events', events, ({ count, start, end }) => step('events', insertEvents, [count, users, start, end])),
    { what: 'statistics', statement: { name: '', text: 'analyze' }, values: [] },
  ];
}

const step = (name: string, text: string, values: unknown[]): Step => ({
  what: name,
  statement: { name: `seed_${name}`, text },
  values,
});

/** Some rows of all: `count` after the first `from`, which is what lies between these two shares of the whole. */
interface Batch {
  from: number;
  count: number;
  start: number;
  end: number;
}

function batches(name: string, total: number, toStep: (batch: Batch) => Step): Step[] {
  const starts = Array.from({ length: Math.ceil(total / batchSize) }, (_, index) => index * batchSize);
  return starts.map((from) => {
    const count = Math.min(batchSize, total - from);
    const batch = { from, count, start: from / total, end: (from + count) / total };
    return { ...toStep(batch), what: `${name}: ${from + count} of ${total}` };
  });
}

/** $2 users after the first $1, joined over the last three years. */
const insertUsers = `
insert into users (id, username, email, created_at, updated_at)
select 'user_seed_' || n, 'seed_' || n, 'seed_' || n || '@example.com', joined, joined
from (select n, now() - random() * interval '1095 days' as joined from generate_series($1::int + 1, $1::int + $2::int) as n) as made
on conflict do nothing`;

const fillProfiles = `
with names as (
  select array['Ada', 'Grace', 'Alan', 'Edsger', 'Barbara', 'Donald', 'Margaret', 'Dennis', 'Radia', 'Ken', 'Zoë', 'Émilie'] as first,
    array['ada', 'grace', 'alan', 'edsger', 'barbara', 'donald', 'margaret', 'dennis', 'radia', 'ken', 'zoe', 'emilie'] as folded_first,
    array['Lovelace', 'Hopper', 'Turing', 'Dijkstra', 'Liskov', 'Knuth', 'Hamilton', 'Ritchie', 'Perlman', 'Núñez', 'Sato'] as last,
    array['lovelace', 'hopper', 'turing', 'dijkstra', 'liskov', 'knuth', 'hamilton', 'ritchie', 'perlman', 'nunez', 'sato'] as folded_last
)
update profiles set
  display_name = names.first[1 + n % 12] || ' ' || names.last[1 + (n / 12) % 11],
  search_name = names.folded_first[1 + n % 12] || ' ' || names.folded_last[1 + (n / 12) % 11],
  bio = 'Made up, number ' || n || '.',
  years_of_experience = n % 40,
  skills = case when n % 3 = 0 then array['typescript', 'sql'] else '{}' end
from names, generate_series(1, $1::int) as n
where profiles.user_id = 'user_seed_' || n and profiles.display_name is null`;

/** One profile in ten for followers, one in twenty private; half of the histories open. */
const fillPrivacy = `
update privacy set
  profile = (case when n % 20 = 0 then 'PRIVATE' when n % 10 = 1 then 'FOLLOWERS' else 'PUBLIC' end)::visibility,
  watch_history = (case when n % 2 = 0 then 'PUBLIC' else 'PRIVATE' end)::visibility,
  ratings = (case when n % 2 = 0 then 'PUBLIC' else 'FOLLOWERS' end)::visibility
from generate_series(1, $1::int) as n
where privacy.user_id = 'user_seed_' || n`;

/*
 * A batch is of some users, from share $3 to share $4 of them, and in the order of their ids: so it is few pages of the
 * indexes that begin with the user, while rows of anybody at any place would take twice as long.
 */

/** $1 follows by some of $2 users. Some are followed by very many, as people are: the square makes low numbers likelier. */
const insertFollows = `
with drawn as (
  select least($2::int, 1 + floor(($3::float8 + random() * ($4::float8 - $3::float8)) * $2)::int) as follower,
    1 + floor(power(random(), 2) * $2)::int as followee
  from generate_series(1, $1::int * 2)
), pairs as (
  select distinct follower, followee from drawn where follower <> followee
), missing as (
  select 'user_seed_' || follower as follower_id, 'user_seed_' || followee as followee_id from pairs
  where not exists (
    select from follows where follower_id = 'user_seed_' || follower and followee_id = 'user_seed_' || followee)
  limit $1
)
insert into follows (follower_id, followee_id, created_at)
select follower_id, followee_id, now() - random() * interval '700 days' from missing
order by follower_id
on conflict do nothing`;

/** $1 events of some of $2 users over the last two years; a UUIDv7 begins with its milliseconds. */
const insertEvents = `
insert into events (id, user_id, type, movie_id, rating, review, occurred_at, created_at)
select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(noise, 1, 3) || '8' || substr(noise, 4, 15))::uuid,
  'user_seed_' || owner, type::event_type, movie,
  case when type in ('RATING') or (type = 'REVIEW' and owner % 2 = 0) then (1 + floor(random() * 20)) / 2 end,
  case when type = 'REVIEW' then 'Seen, and thought about.' end, at, at
from (
  select least($2::int, 1 + floor(power($3::float8 + random() * ($4::float8 - $3::float8), 1.5) * $2)::int) as owner,
    1 + floor(power(random(), 3) * 50000)::int as movie,
    (array['VIEW', 'VIEW', 'VIEW', 'RATING', 'RATING', 'REVIEW', 'WATCHLIST_ADD', 'WATCHLIST_REMOVE'])[1 + floor(random() * 8)::int] as type,
    date_trunc('milliseconds', now() - random() * interval '730 days') as at, md5(random()::text) as noise
  from generate_series(1, $1::int)
) as made
order by 'user_seed_' || owner`;
