import type { Statement } from '../../platform/database.ts';
import { noted } from '../user/removals.ts';
import type { EventRecord } from './record.ts';

const columns = 'id, user_id, type, movie_id, rating, review, occurred_at, created_at';

/**
 * The columns of an event, for any statement that reads them from the alias `event`. Times are numbers: a page has a hundred
 * of them, and as text they would take longer to read than all the rest. The first has whole milliseconds, of any age, and
 * the second microseconds, of these years.
 */
const eventColumns = `
  event.id, event.user_id as "userId", event.type, event.movie_id as "movieId", event.rating, event.review,
  round(date_part('epoch', event.occurred_at) * 1000) as "occurredAtMs",
  floor(round(date_part('epoch', event.created_at) * 1000000) / 1000) as "createdAtMs"`;

/** Events by $1 ids, whoever may see them. By primary key. */
export const eventsById: Statement = {
  name: 'events_by_id',
  text: `select ${eventColumns} from events event where event.id = any($1::uuid[])`,
};

/** From the newest on, or from the oldest back. */
type Order = 'desc' | 'asc';

const bounds = `
    and (occurred_at, id) < (page.newest_at, page.newest_id)
    and (occurred_at, id) > (page.oldest_at, page.oldest_id)`;

const limited = (order: Order) => `
  order by occurred_at ${order}, id ${order} limit page.row_count`;

/**
 * Pages of events, of those that `toRows` names. $1 is a JSON array of an object for each page: its number, whose it is,
 * types and movie, the positions it lies between, and how many rows at most.
 *
 * All that stands in a table, where the planner can't see it. Were positions and sizes parameters of their own, it would
 * plan for a user with an average number of events, and sort all that a busy one has left rather than read 50 in order. And
 * as JSON, since it takes an array of one for so much cheaper than one of any length that it plans each page anew.
 */
const pagesOf = (name: string, toRows: (order: Order) => string) => {
  const inOrder = (order: Order): Statement => ({
    name: `events_of_${name}_${order}`,
    text: `
select page.page, ${eventColumns}
from json_to_recordset($1::json) as page (
  page int, user_id text, types event_type[], movie_id int,
  newest_at timestamptz, newest_id uuid, oldest_at timestamptz, oldest_id uuid, row_count int)
cross join lateral (${toRows(order)}
) as event
order by page.page, event.occurred_at ${order}, event.id ${order}`,
  });
  return { newest: inOrder('desc'), oldest: inOrder('asc') };
};

export type EventRow = EventRecord & { page: number };

/** Events of every type. By (user_id, occurred_at, id), from where the page begins and no further than it goes. */
export const eventsOfUsers = pagesOf(
  'users',
  (order) => `
  select ${columns} from events
  where user_id = page.user_id ${bounds} ${limited(order)}`,
);

/**
 * Events of some types. Each type is a range by (user_id, type, occurred_at, id), and the ranges are merged: a page costs at
 * most types × size entries however rare a type is, while `type = any(…)` by time would pass over all that lies between.
 */
export const eventsOfTypes = pagesOf(
  'types',
  (order) => `
  select ${columns} from unnest(page.types) as wanted
  cross join lateral (
    select ${columns} from events
    where user_id = page.user_id and type = wanted ${bounds} ${limited(order)}
  ) as range ${limited(order)}`,
);

/**
 * Events of some types about one movie. By (user_id, movie_id, occurred_at, id); the types are looked at row by row, since a
 * user has few events about one movie.
 */
export const eventsOfMovie = pagesOf(
  'movie',
  (order) => `
  select ${columns} from events
  where user_id = page.user_id and movie_id = page.movie_id and type = any(page.types) ${bounds} ${limited(order)}`,
);

const inputColumns =
  'id uuid, type event_type, movie_id int, rating float8, review text, occurred_at timestamptz, idempotency_key text';

/**
 * Records events without keys, a JSON array of rows in $1, of as many users, and answers them. Their rows are locked as by
 * `insertEvents`, by primary key. Nothing of a user's who isn't there; nor, with `skip locked`, of one whose account somebody
 * changes just then: the others don't wait for that.
 */
const insertion = (name: string, lock: 'for key share' | 'for key share skip locked'): Statement => ({
  name,
  text: `
with input as materialized (
  select * from json_to_recordset($1::json) as input (user_id text, ${inputColumns})
), owner as materialized (
  select id from users where id = any(array(select user_id from input)) order by id ${lock}
)
insert into events as event (user_id, id, type, movie_id, rating, review, occurred_at)
select owner.id, input.id, type, movie_id, rating, review, occurred_at from input join owner on owner.id = input.user_id
returning ${eventColumns}`,
});

export const insertEventsOfMany = insertion('insert_events_of_many', 'for key share skip locked');
export const insertEventsInTurn = insertion('insert_events_in_turn', 'for key share');

/**
 * Records events of $1 user, a JSON array of rows in $2, no key twice. Answers each, or the one that has its key already, by
 * unique index; nothing where the user isn't there.
 *
 * The user's row is locked first, so that an account that is being deleted takes the events with it or is gone. A key that
 * another transaction records meanwhile is invisible to this statement: only `do update` gets hold of that row. In the order
 * of their keys, so that two batches with the same keys wait for each other one way alone.
 */
export const insertEvents: Statement = {
  name: 'insert_events',
  text: `
with owner as (
  select id from users where id = $1 for key share
), input as (
  select id, type, movie_id, rating, review, occurred_at, idempotency_key
  from json_to_recordset($2::json) as input (${inputColumns})
), known as (
  select ${eventColumns}, input.idempotency_key as "idempotencyKey"
  from owner cross join input
  cross join lateral (
    select ${columns} from events
    where user_id = owner.id and idempotency_key = input.idempotency_key
    -- Keeps the planner from joining a whole table that it takes for small.
    limit 1
  ) as event
), recorded as (
  insert into events as event (id, user_id, type, movie_id, rating, review, occurred_at, idempotency_key)
  select input.id, owner.id, type, movie_id, rating, review, occurred_at, idempotency_key
  from owner cross join input
  where not exists (select from known where known."idempotencyKey" = input.idempotency_key)
  order by idempotency_key
  on conflict (user_id, idempotency_key) where idempotency_key is not null
    do update set idempotency_key = excluded.idempotency_key
  returning ${eventColumns}, event.idempotency_key as "idempotencyKey"
)
select id, "userId", type, "movieId", rating, review, "occurredAtMs", "createdAtMs", "idempotencyKey" from recorded
union all
select id, "userId", type, "movieId", rating, review, "occurredAtMs", "createdAtMs", "idempotencyKey" from known`,
};

export type RecordedRow = EventRecord & { idempotencyKey: string | null };

/**
 * Deletes events of $1 user and answers how many; nothing where the user isn't there. The user's row is
 * locked against other deletions, and against `insertEvents`, which might lock the same events in another order.
 */
const deletion = (name: string, which: string): Statement => ({
  name,
  text: `
with owner as (
  select id from users where id = $1 for update
), deleted as (
  delete from events event using owner where event.user_id = owner.id and ${which}
  returning event.id
),
${noted(['EVENT'], 'exists (select from deleted)')}
select (select count(*)::int from deleted) as count from owner`,
});

/** By primary key $2. */
export const deleteEventById = deletion('delete_event', 'event.id = $2::uuid');

/** Of $2 types, about $3 movie, before $4; null: whatever it is. By (user_id, …): at most all that the user has is read. */
export const deleteEventsWhere = deletion(
  'delete_events',
  `($2::event_type[] is null or event.type = any($2::event_type[]))
    and ($3::int is null or event.movie_id = $3::int)
    and ($4::timestamptz is null or event.occurred_at < $4::timestamptz)`,
);
