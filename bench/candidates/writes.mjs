import { query } from './database.mjs';

/** Records an event of the viewer. */
export async function recordEvent(viewerId, { type, movieId, rating, review }) {
  const [event] = await query(insertEvent, [viewerId, type, movieId, rating, review]);
  return { __typename: 'Event', ...event };
}

const insertEvent = {
  name: 'insert_event',
  text: `
insert into events (id, user_id, type, movie_id, rating, review, occurred_at)
values (uuidv7(), $1, $2, $3, $4, $5, date_trunc('milliseconds', now()))
returning 'event_' || id as id, type, movie_id as "movieId", rating, review, occurred_at as "occurredAt"`,
};

/** Follows a user; where the profile isn't PUBLIC it starts as a request. What stood before stays. */
export async function follow(viewerId, userId) {
  const target = await readTarget(viewerId, userId);
  if (!target) return notFound;
  const { state, since } = target;
  if (state !== 'NONE') return { __typename: 'Follow', state, since };
  const [made] = await query(target.isPublic ? insertFollow : insertRequest, [viewerId, userId]);
  return { __typename: 'Follow', state: target.isPublic ? 'FOLLOWING' : 'REQUESTED', since: made?.since ?? new Date() };
}

/** Ends a follow, or takes a request back. */
export async function unfollow(viewerId, userId) {
  const target = await readTarget(viewerId, userId);
  if (!target) return notFound;
  if (target.state === 'FOLLOWING') await query(deleteFollow, [viewerId, userId]);
  if (target.state === 'REQUESTED') await query(deleteRequest, [viewerId, userId]);
  return { __typename: 'Follow', state: 'NONE', since: null };
}

const notFound = { __typename: 'NotFoundError', message: 'There is no such user.' };

async function readTarget(viewerId, userId) {
  const [target] = await query(followTarget, [viewerId, userId]);
  return target;
}

const followTarget = {
  name: 'follow_target',
  text: `
select privacy.profile = 'PUBLIC' as "isPublic", coalesce(follow.created_at, request.created_at) as since,
  case when follow.created_at is not null then 'FOLLOWING' when request.created_at is not null then 'REQUESTED'
    else 'NONE' end as state
from users
join privacy on privacy.user_id = users.id
left join follows follow on follow.follower_id = $1 and follow.followee_id = users.id
left join follow_requests request on request.requester_id = $1 and request.requestee_id = users.id
where users.id = $2 and users.id <> $1 and users.closed_at is null
  and not exists (select from blocks where blocker_id = $1 and blocked_id = users.id offset 0)
  and not exists (select from blocks where blocker_id = users.id and blocked_id = $1 offset 0)`,
};

const insertFollow = {
  name: 'insert_follow',
  text: `
insert into follows (follower_id, followee_id) values ($1, $2)
on conflict do nothing returning created_at as since`,
};

const insertRequest = {
  name: 'insert_request',
  text: `
insert into follow_requests (requester_id, requestee_id) values ($1, $2)
on conflict do nothing returning created_at as since`,
};

const deleteFollow = { name: 'delete_follow', text: 'delete from follows where follower_id = $1 and followee_id = $2' };

const deleteRequest = {
  name: 'delete_request',
  text: 'delete from follow_requests where requester_id = $1 and requestee_id = $2',
};
