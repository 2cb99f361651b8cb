const { PUBLIC_URL } = process.env;

/*
 * Rows become JSON whole, which takes half as long as json_build_object; a cursor is the time and the id of its row, and
 * nothing that would have to be parsed.
 */

/** The whole answer, of the text of what the field has in it. */
const answer = (field, json) => `'{"data":{"${field}":' || coalesce(${json}, 'null') || '}}'`;

const rowOf = (select) => `(select row_to_json(item) from (${select}) as item)::text`;

const cursorOf = (time, id) => `extract(epoch from ${time}) || ',' || ${id}`;

const displayName = `coalesce(profile.display_name, users.username, 'Someone')`;

/** The smallest stored square of at least 128 pixels, else the largest; keys begin with "public/". */
const picture = `
left join lateral (
  select version, thumbhash, '${PUBLIC_URL}/pictures/' || substr(coalesce(
    jsonb_path_query_first(variants, '$[*] ? (@.size >= 128)'), variants -> -1) ->> 'key', 8) as url
  from pictures where user_id = users.id and is_active
) as picture on true`;

const partOf = (columns) => `(select row_to_json(part) from (select ${columns}) as part)`;

const me = `
select ${answer(
  'me',
  rowOf(`
  select users.id, users.username, ${displayName} as "displayName", users.email,
    users.picture_revision as "pictureRevision",
    ${partOf(`profile.bio, profile.field_of_study as "fieldOfStudy", profile.experience_level as "experienceLevel",
      profile.education_level as "educationLevel", profile.years_of_experience as "yearsOfExperience", profile.skills,
      profile.preferred_locations as "preferredLocations"`)} as profile,
    ${partOf(`preferences.theme, preferences.language, preferences.favorite_genres as "favoriteGenres",
      preferences.adult_content as "adultContent"`)} as preferences,
    ${partOf('privacy.profile, privacy.watch_history as "watchHistory", privacy.ratings')} as privacy,
    picture`),
)} as body
from users
join profiles profile on profile.user_id = users.id
join preferences on preferences.user_id = users.id
join privacy on privacy.user_id = users.id
${picture}
where users.id = $1`;

/** Whether one of the two blocks the other; `offset 0` keeps the planner from reading all blocks of one of them. */
const isBlocked = (id) => `(
  exists (select from blocks where blocker_id = $1 and blocked_id = ${id} offset 0)
  or exists (select from blocks where blocker_id = ${id} and blocked_id = $1 offset 0))`;

const isFollowing = (id) => `exists (select from follows where follower_id = $1 and followee_id = ${id} offset 0)`;

const viewerFollow = (id) => `
  case when ${isFollowing(id)} then 'FOLLOWING'
    when exists (select from follow_requests where requester_id = $1 and requestee_id = ${id} offset 0) then 'REQUESTED'
    else 'NONE' end`;

/** Of `page`, which has a row more than is shown where there are more. */
const pageInfo = (size, cursor) =>
  rowOf(`select (select count(*) > ${size} from page) as "hasNextPage",
    (select ${cursor} from page limit 1 offset (select greatest(least(count(*), ${size}) - 1, 0) from page)) as "endCursor"`);

const followers = `'{"totalCount":' || follower_count || ',"edges":' || coalesce((
    select json_agg(edge) from (
      select since, ${partOf(`users.id, users.username, ${displayName} as "displayName",
        ${viewerFollow('users.id')} as "viewerFollow", picture`)} as node
      from (select id, since from page limit 20) as page
      join users on users.id = page.id
      join profiles profile on profile.user_id = users.id
      ${picture}
      order by since desc, users.id desc
    ) as edge)::text, '[]') || ',"pageInfo":' || ${pageInfo(20, cursorOf('since', 'id'))} || '}'`;

const hiddenFollowers = '{"totalCount":null,"edges":[],"pageInfo":{"hasNextPage":false,"endCursor":null}}';

const page = `
with owner as materialized (
  select users.id, users.username, ${displayName} as name, users.follower_count, users.following_count, profile.bio,
    profile.skills, profile.years_of_experience,
    users.id = $1 or privacy.profile = 'PUBLIC' or privacy.profile = 'FOLLOWERS' and ${isFollowing('users.id')} as is_open
  from users
  join profiles profile on profile.user_id = users.id
  join privacy on privacy.user_id = users.id
  where users.username = $2 and users.closed_at is null and not ${isBlocked('users.id')}
), page as materialized (
  select follower_id as id, created_at as since from follows
  where followee_id = (select id from owner where is_open)
    and (select 1 from blocks where blocker_id = $1 and blocked_id = follower_id) is null
    and (select 1 from blocks where blocker_id = follower_id and blocked_id = $1) is null
  order by created_at desc, follower_id desc limit 21
)
select ${answer(
  'user',
  rowOf(`
  select id, username, name as "displayName",
    case when is_open then ${partOf('bio, skills, years_of_experience as "yearsOfExperience"')} end as profile,
    case when is_open then (${followers})::json else '${hiddenFollowers}'::json end as followers,
    json_build_object('totalCount', case when is_open then following_count end) as following
  from owner`),
)} as body`;

const eventFields = `select 'event_' || id as id, type, movie_id as "movieId", rating, review, occurred_at as "occurredAt"`;

const eventsPage = `
with page as materialized (
  select id, type, movie_id, rating, review, occurred_at from events
  where user_id = $1 and (occurred_at, id) < (to_timestamp($2), $3::uuid)
  order by occurred_at desc, id desc limit 51
)
select ${answer(
  'me',
  `'{"events":{"edges":' || coalesce((
  select json_agg(edge) from (select node from (${eventFields} from page limit 50) as node) as edge)::text, '[]')
  || ',"pageInfo":' || ${pageInfo(50, cursorOf('occurred_at', 'id'))} || '}}'`,
)} as body`;

/** The cursor of row $2, counted from the oldest. */
const lastEvents = `
select json_build_object('data', json_build_object('me', json_build_object('events', json_build_object(
  'pageInfo', json_build_object('startCursor', ${cursorOf('occurred_at', 'id')})))))::text as body
from events where user_id = $1 order by occurred_at, id limit 1 offset $2 - 1`;

const record = `
with recorded as (
  insert into events (id, user_id, type, movie_id, rating, review, occurred_at)
  select uuidv7(), id, $2::event_type, $3::int, $4::float8, $5, date_trunc('milliseconds', now()) from users where id = $1
  returning id, type, movie_id, rating, review, occurred_at
)
select ${answer('recordEvent', rowOf("select 'Event' as __typename, recorded.*"))} as body
from (${eventFields} from recorded) as recorded`;

/** `state` is null where there is no such user. */
const followAnswer = (field, state, since) => `
select ${answer(
  field,
  `case when ${state} is null
  then '{"__typename":"NotFoundError","message":"There is no such user."}'
  else ${rowOf(`select 'Follow' as __typename, ${state} as state, ${since} as since`)} end`,
)} as body`;

const target = `
target as materialized (
  select users.id, privacy.profile = 'PUBLIC' as is_public from users join privacy on privacy.user_id = users.id
  where users.id = $2 and users.id <> $1 and users.closed_at is null and not ${isBlocked('users.id')}
)`;

/** What stood before stays; only a PUBLIC profile is followed at once. */
const follow = `
with ${target},
followed as (
  insert into follows (follower_id, followee_id) select $1, id from target where is_public
  on conflict do nothing returning created_at
),
requested as (
  insert into follow_requests (requester_id, requestee_id) select $1, id from target
  where not is_public and not ${isFollowing('id')}
  on conflict do nothing returning created_at
),
stands as (
  select 'FOLLOWING' as state, created_at from followed
  union all select 'FOLLOWING', created_at from follows where follower_id = $1 and followee_id = (select id from target)
  union all select 'REQUESTED', created_at from requested
  union all select 'REQUESTED', created_at from follow_requests
    where requester_id = $1 and requestee_id = (select id from target)
  limit 1
)
${followAnswer('follow', '(select state from stands)', '(select created_at from stands)')}`;

const unfollow = `
with ${target},
unfollowed as (
  delete from follows using target where follower_id = $1 and followee_id = target.id
),
withdrawn as (
  delete from follow_requests using target where requester_id = $1 and requestee_id = target.id
)
${followAnswer('unfollow', "(select 'NONE' from target)", 'null')}`;

/** Before every row. */
const newest = ['infinity', '00000000-0000-0000-0000-000000000000'];

/** By the name of the operation: its statement, and the values that it takes of viewer and variables. */
export const statements = {
  Me: { name: 'me', text: me, values: (viewerId) => [viewerId] },
  Page: { name: 'page', text: page, values: (viewerId, { username }) => [viewerId, username] },
  Events: {
    name: 'events',
    text: eventsPage,
    values: (viewerId, { after }) => [viewerId, ...(after ? after.split(',') : newest)],
  },
  LastEvents: { name: 'last_events', text: lastEvents, values: (viewerId, { last }) => [viewerId, last] },
  Record: {
    name: 'record',
    text: record,
    values: (viewerId, { input }) => [viewerId, input.type, input.movieId, input.rating, input.review],
  },
  Follow: { name: 'follow', text: follow, values: (viewerId, { target }) => [viewerId, target.userId] },
  Unfollow: { name: 'unfollow', text: unfollow, values: (viewerId, { target }) => [viewerId, target.userId] },
};
