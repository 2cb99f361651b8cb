import type { Statement } from '../../platform/database.ts';

/** What a statement that looks for rows answers of each, in order: where it stands in the input, and what it found. */
export interface RowState {
  at: number;
  state: 'there' | 'absent' | 'nobody' | 'blocked';
}

/** Locks $1 users against deletion, in the order of their ids, by primary key. */
export const keepUsers: Statement = {
  name: 'import_keep_users',
  text: `
select id from users where id = any($1::text[]) and closed_at is null order by id for key share`,
};

/**
 * Locks $1 users as changes of follows do: the privacy of all, so that nothing slips past a profile that changes its
 * visibility, then themselves, each in the order of their ids. By primary keys.
 */
export const lockPairs: Statement = {
  name: 'import_lock_pairs',
  text: `
with settings as materialized (
  select user_id from privacy where user_id = any($1::text[]) order by user_id for share
)
select users.id from (select count(*) from settings) as locked, users
where users.id = any($1::text[]) and users.closed_at is null
order by users.id for no key update of users`,
};

const eventInput = `
  from json_to_recordset($1::json) as input (
    at int, id uuid, user_id text, type event_type, movie_id int, rating float8, review text, occurred_at timestamptz,
    idempotency_key text)`;

/** Which of $1, a JSON array of events, are here, by primary key or by key. */
export const findEvents: Statement = {
  name: 'import_find_events',
  text: `
select input.at, case
    when exists (select from events where events.id = input.id) or exists (
      select from events
      where events.user_id = input.user_id and events.idempotency_key = input.idempotency_key) then 'there'
    else 'absent'
  end as state
${eventInput}`,
};

export const insertEvents: Statement = {
  name: 'import_insert_events',
  text: `
insert into events (id, user_id, type, movie_id, rating, review, occurred_at, idempotency_key)
select id, user_id, type, movie_id, rating, review, occurred_at, idempotency_key
${eventInput}
order by user_id, idempotency_key
on conflict do nothing
returning user_id as "userId"`,
};

const pairInput = `
  from json_to_recordset($1::json) as input (at int, user_id text, other_id text, since timestamptz)`;

const isBlocked = `exists (
      select from blocks
      where (blocker_id = input.other_id and blocked_id = input.user_id)
        or (blocker_id = input.user_id and blocked_id = input.other_id))`;

/** How $1, a JSON array of follows, stand; by primary keys. */
export const findFollows: Statement = {
  name: 'import_find_follows',
  text: `
select input.at, case
    when exists (select from follows where follower_id = input.user_id and followee_id = input.other_id) then 'there'
    when not exists (select from users where id = input.other_id and closed_at is null) then 'nobody'
    when ${isBlocked} then 'blocked'
    else 'absent'
  end as state
${pairInput}`,
};

/** Makes follows; whoever had asked to follow was let. */
export const insertFollows: Statement = {
  name: 'import_insert_follows',
  text: `
with input as materialized (
  select * ${pairInput}
),
answered as (
  delete from follow_requests using input
  where requester_id = input.user_id and requestee_id = input.other_id
)
insert into follows (follower_id, followee_id, created_at)
select user_id, other_id, coalesce(since, now()) from input order by user_id, other_id
on conflict do nothing
returning follower_id as "userId"`,
};

/** How $1, a JSON array of blocks, stand; by primary keys. Whoever is blocked can't block in turn. */
export const findBlocks: Statement = {
  name: 'import_find_blocks',
  text: `
select input.at, case
    when exists (select from blocks where blocker_id = input.user_id and blocked_id = input.other_id) then 'there'
    when not exists (select from users where id = input.other_id and closed_at is null) then 'nobody'
    when ${isBlocked} then 'blocked'
    else 'absent'
  end as state
${pairInput}`,
};

/** Makes blocks; they end follows and requests both ways. */
export const insertBlocks: Statement = {
  name: 'import_insert_blocks',
  text: `
with input as materialized (
  select * ${pairInput}
),
pair as (
  select user_id as one, other_id as other from input union select other_id, user_id from input
),
unfollowed as (
  delete from follows using pair where follower_id = pair.one and followee_id = pair.other
),
withdrawn as (
  delete from follow_requests using pair where requester_id = pair.one and requestee_id = pair.other
)
insert into blocks (blocker_id, blocked_id, created_at)
select user_id, other_id, coalesce(since, now()) from input order by user_id, other_id
on conflict do nothing
returning blocker_id as "userId"`,
};

const catalogueInput = `
  from json_to_recordset($1::json) as input (at int, user_id text, tmdb_id int, since timestamptz)`;

/** Which of $1, a JSON array of follows of the catalogue, are here, by primary key; and how to make those that aren't. */
const catalogueStatements = (name: string, table: string): { find: Statement; insert: Statement } => ({
  find: {
    name: `import_find_${name}`,
    text: `
select input.at, case
    when exists (select from ${table} follow where follow.user_id = input.user_id and follow.tmdb_id = input.tmdb_id)
      then 'there'
    else 'absent'
  end as state
${catalogueInput}`,
  },
  insert: {
    name: `import_insert_${name}`,
    text: `
insert into ${table} (user_id, tmdb_id, created_at)
select user_id, tmdb_id, coalesce(since, now()) ${catalogueInput}
order by tmdb_id, user_id
on conflict do nothing
returning user_id as "userId"`,
  },
});

export const crewMemberStatements = catalogueStatements('crew_members', 'crew_member_follows');
export const studioStatements = catalogueStatements('studios', 'studio_follows');
