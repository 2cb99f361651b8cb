import { decodeCursor, encodeCursor } from './cursors.mjs';
import { query } from './database.mjs';

/*
 * What Mercurius and Apollo Server read: a statement for each type, for many at a time where a loader asks. They differ in
 * the framework alone.
 */

const userColumns = `
  users.id, users.username, users.email, users.picture_revision as "pictureRevision",
  users.follower_count as "followerCount", users.following_count as "followingCount",
  coalesce(profile.display_name, users.username, 'Someone') as "displayName"`;

const isBlocked = (id) => `(
  exists (select from blocks where blocker_id = $1 and blocked_id = ${id} offset 0)
  or exists (select from blocks where blocker_id = ${id} and blocked_id = $1 offset 0))`;

/** The viewer, or nothing. */
export async function readViewer(viewerId) {
  const [user] = await query(viewerById, [viewerId]);
  return user ?? null;
}

const viewerById = {
  name: 'viewer_by_id',
  text: `
select ${userColumns}, true as "isOpen" from users join profiles profile on profile.user_id = users.id
where users.id = $1 and users.closed_at is null`,
};

/** A user as the viewer may know them, or nothing. */
export async function readUserByName(viewerId, username) {
  const [user] = await query(userByName, [viewerId, username]);
  return user ?? null;
}

const userByName = {
  name: 'user_by_name',
  text: `
select ${userColumns},
  users.id = $1 or privacy.profile = 'PUBLIC' or (privacy.profile = 'FOLLOWERS'
    and exists (select from follows where follower_id = $1 and followee_id = users.id offset 0)) as "isOpen"
from users
join profiles profile on profile.user_id = users.id
join privacy on privacy.user_id = users.id
where users.username = $2 and users.closed_at is null and not ${isBlocked('users.id')}`,
};

/** Users by their ids. They are there, whoever asks: nobody gets to know the id of someone who blocks them. */
export async function readUsers(userIds) {
  const users = await query(usersById, [userIds]);
  const byId = new Map(users.map((user) => [user.id, user]));
  return userIds.map((id) => byId.get(id) ?? null);
}

const usersById = {
  name: 'users_by_id',
  text: `
select ${userColumns} from users join profiles profile on profile.user_id = users.id
where users.id = any($1) and users.closed_at is null`,
};

/** Rows of many users, in the order of their ids; null for each who has none. */
const readByUser = (name, text) => async (userIds) => {
  const rows = await query({ name, text }, [userIds]);
  const byUser = new Map(rows.map((row) => [row.userId, row]));
  return userIds.map((id) => byUser.get(id) ?? null);
};

export const readProfiles = readByUser(
  'profiles',
  `
select user_id as "userId", bio, field_of_study as "fieldOfStudy", experience_level as "experienceLevel",
  education_level as "educationLevel", years_of_experience as "yearsOfExperience", skills,
  preferred_locations as "preferredLocations"
from profiles where user_id = any($1)`,
);

export const readPreferences = readByUser(
  'preferences',
  `
select user_id as "userId", theme, language, favorite_genres as "favoriteGenres", adult_content as "adultContent"
from preferences where user_id = any($1)`,
);

export const readPrivacy = readByUser(
  'privacy',
  'select user_id as "userId", profile, watch_history as "watchHistory", ratings from privacy where user_id = any($1)',
);

export const readPictures = readByUser(
  'pictures',
  'select user_id as "userId", version, thumbhash, variants from pictures where user_id = any($1) and is_active',
);

/** How the viewer stands to each of many users. */
export async function readFollowStates(viewerId, userIds) {
  const rows = await query(followStates, [viewerId, userIds]);
  const states = new Map(rows.map(({ id, state }) => [id, state]));
  return userIds.map((id) => states.get(id) ?? 'NONE');
}

const followStates = {
  name: 'follow_states',
  text: `
select followee_id as id, 'FOLLOWING' as state from follows where follower_id = $1 and followee_id = any($2)
union all
select requestee_id, 'REQUESTED' from follow_requests where requester_id = $1 and requestee_id = any($2)`,
};

const hiddenPage = { totalCount: null, edges: [], pageInfo: { hasNextPage: false, endCursor: null } };

/** A page of who follows the owner, as the viewer may know of them. */
export async function readFollowers(viewerId, owner, first) {
  if (!owner.isOpen) return hiddenPage;
  const rows = await query(followersPage, [viewerId, owner.id, first + 1]);
  const pageInfo = toPageInfo(rows, first, ({ since }) => since);
  return { totalCount: owner.followerCount, edges: rows.slice(0, first), pageInfo };
}

/** Edges: the user of each is loaded by its id. */
const followersPage = {
  name: 'followers_page',
  text: `
select follower_id as id, created_at as since from follows
where followee_id = $2
  and (select 1 from blocks where blocker_id = $1 and blocked_id = follower_id) is null
  and (select 1 from blocks where blocker_id = follower_id and blocked_id = $1) is null
order by created_at desc, follower_id desc limit $3`,
};

/** A page of the user's events: the newest, or from the oldest back. */
export async function readEvents(userId, { first, after, last }) {
  const size = first ?? last;
  const rows = await query(last ? oldestEvents : newestEvents, [userId, ...decodeCursor(after), size + 1]);
  const shown = last ? rows.slice(0, size).toReversed() : rows.slice(0, size);
  const [firstShown] = shown;
  return {
    edges: shown.map((node) => ({ node })),
    pageInfo: {
      ...toPageInfo(rows, size, ({ occurredAt }) => occurredAt),
      startCursor: firstShown ? encodeCursor(firstShown.occurredAt, firstShown.key) : null,
    },
  };
}

const eventsPage = (order) => `
select 'event_' || id as id, id as key, type, movie_id as "movieId", rating, review, occurred_at as "occurredAt"
from events where user_id = $1 and (occurred_at, id) < ($2::timestamptz, $3::uuid)
order by occurred_at ${order}, id ${order} limit $4`;

const newestEvents = { name: 'newest_events', text: eventsPage('desc') };
const oldestEvents = { name: 'oldest_events', text: eventsPage('asc') };

function toPageInfo(rows, size, timeOf) {
  const last = rows.slice(0, size).at(-1);
  return { hasNextPage: rows.length > size, endCursor: last ? encodeCursor(timeOf(last), last.key ?? last.id) : null };
}

/** The smallest stored square of at least so many pixels, else the largest. */
export function toPictureUrl({ variants }, size) {
  const { key } = variants.find((variant) => variant.size >= size) ?? variants.at(-1);
  return `${process.env.PUBLIC_URL}/pictures/${key.replace(/^public\//, '')}`;
}
