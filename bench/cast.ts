import type pg from 'pg';
import { readDevelopmentKey } from '../src/platform/development-key.ts';
import { cacheFolder } from './database.ts';
import { heavyId } from './extra-data.ts';
import type { DataSize } from './sizes.ts';

/** Someone who asks. */
export interface Viewer {
  id: string;
  token: string;
}

/** Who asks in a run, and for whom. */
export interface Cast {
  /** PEM, by which every server checks the tokens. */
  publicKey: string;
  viewers: Viewer[];
  /** Viewers who have more than a page of events. */
  busy: Viewer[];
  /** Viewers who have a 1,000th page of them. */
  heavy: Viewer[];
  /** Usernames of people with a PUBLIC profile and more than a page of followers. */
  targets: string[];
  /** Who looks at whose page where privacy or a block decides what there is to see. */
  hidden: { viewer: Viewer; username: string }[];
  /** Ids of people with a PUBLIC profile, for each viewer one whom they don't follow. */
  strangers: string[];
}

/**
 * Few enough that each of a server's connections has read for all of them before it is measured: the first time that a
 * process of PostgreSQL looks at a page of the shared memory costs ten times the next, and the more data, the more such
 * pages. One of them after the other: each asks for something else.
 */
export const viewerCount = 500;
/** For a run so long that fewer would meet the server's limit of each user; below the number of tokens that it remembers. */
export const viewersOfLongRuns = 2_000;
const tokenS = 6 * 3_600;

export async function gatherCast(client: pg.Client, size: DataSize, people = viewerCount): Promise<Cast> {
  const key = await readDevelopmentKey(cacheFolder());
  const sign = async (userId: string): Promise<Viewer> => ({
    id: userId,
    token: await key.sign({ userId, sessionId: `sess_${userId}` }, tokenS),
  });
  const texts = async (sql: string, values: unknown[] = [people]) =>
    (await client.query<{ text: string }>(sql, values)).rows.map(({ text }) => text);
  const pairs = async () => (await client.query<{ id: string; username: string }>(hiddenPages)).rows;
  const viewers = await Promise.all((await texts(someUsers)).map(sign));
  return {
    publicKey: key.publicKey,
    viewers,
    busy: await Promise.all((await texts(busyUsers)).map(sign)),
    heavy: await Promise.all(Array.from({ length: size.heavyUsers }, (_, index) => sign(heavyId(index + 1)))),
    targets: await texts(popularUsers),
    hidden: await Promise.all((await pairs()).map(async ({ id, username }) => ({ viewer: await sign(id), username }))),
    strangers: await texts(strangers, [viewers.map(({ id }) => id), size.users]),
  };
}

/** The same in each run on the same data, and in no order of theirs. */
const shuffled = 'order by md5(users.id) limit $1';

const someUsers = `select id as text from users where id like 'user_seed_%' ${shuffled}`;

const busyUsers = `
select id as text from users
where id like 'user_seed_%' and (select count(*) from events where user_id = users.id) > 50 ${shuffled}`;

const popularUsers = `
select username as text from users join privacy on privacy.user_id = users.id
where id like 'user_seed_%' and follower_count > 20 and privacy.profile = 'PUBLIC' ${shuffled}`;

/** For each way in which a page or a part of it may be hidden, or just not, some pairs of a viewer and a page. */
const hiddenPages = `
(select follower_id as id, username from follows join users on users.id = followee_id join privacy on user_id = followee_id
 where profile = 'FOLLOWERS' limit 5)
union all
(select follower_id, username from follows join users on users.id = followee_id join privacy on user_id = followee_id
 where profile = 'PRIVATE' limit 5)
union all
(select blocked_id, username from blocks join users on users.id = blocker_id join privacy on user_id = blocker_id
 where profile <> 'PUBLIC' limit 5)
union all (select blocked_id, username from blocks join users on users.id = blocker_id limit 5)
union all (select blocker_id, username from blocks join users on users.id = blocked_id limit 5)
union all (select user_id, username from privacy join users on users.id = user_id where profile = 'PRIVATE' limit 5)
union all (select other.id, users.username from privacy join users on users.id = user_id
  join users other on other.id = 'user_seed_' || 7 * length(users.username) where profile = 'FOLLOWERS' limit 5)
union all
(select blocker_id, username from blocks join follows on follower_id = blocked_id join users on users.id = followee_id
 where followee_id like 'user_seed_%' and follower_count between 1 and 15 limit 5)
union all (select id, 'nobody_at_all' from users where id like 'user_seed_%' limit 1)`;

/** For each viewer the first of ten at whom the dice point: whoever is followed at the same time is somebody else. */
const strangers = `
select stranger.id as text
from unnest($1::text[]) with ordinality as viewer (id, ordinal)
cross join lateral (
  select users.id from generate_series(0, 9) as die
  join users on users.id = 'user_seed_' || 1 + (viewer.ordinal * 7919 + die * 104729) % $2::int
  join privacy on privacy.user_id = users.id
  where users.id <> viewer.id and privacy.profile = 'PUBLIC'
    and not exists (select from follows where follower_id = viewer.id and followee_id = users.id)
    and not exists (select from blocks where (blocker_id = viewer.id and blocked_id = users.id)
      or (blocker_id = users.id and blocked_id = viewer.id))
  order by die limit 1
) as stranger
order by viewer.ordinal`;
