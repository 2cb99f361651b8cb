import type { Statement } from '../../platform/database.ts';
import { noted, type RemovalKind } from '../user/removals.ts';
import type { CatalogueKind } from './record.ts';

interface CatalogueStatements {
  read: Statement;
  follow: Statement;
  unfollow: Statement;
}

interface Tables {
  follows: string;
  counts: string;
  removal: RemovalKind;
}

/**
 * Whether the viewer follows it, by primary key. A join, or `exists` without its offset, may read all that the viewer follows
 * instead.
 */
export const viewerFollows = (follows: string, { viewerId, tmdbId }: { viewerId: string; tmdbId: string }): string =>
  `exists (select from ${follows} where user_id = ${viewerId} and tmdb_id = ${tmdbId} offset 0) as "viewerFollows"`;

const statementsOf = (name: string, { follows, counts, removal }: Tables): CatalogueStatements => ({
  read: {
    name: `${name}_for_viewer`,
    // Ids $2, whoever knows of them, for $1 viewer (null: anonymous). By primary keys.
    text: `
select asked.tmdb_id as "tmdbId", coalesce(counted.follower_count, 0) as "followerCount",
  ${viewerFollows(follows, { viewerId: '$1::text', tmdbId: 'asked.tmdb_id' })}
from unnest($2::int[]) as asked (tmdb_id)
left join ${counts} counted on counted.tmdb_id = asked.tmdb_id`,
  },
  follow: {
    name: `follow_${name}`,
    // No row: $1 viewer was deleted. No time: another request of theirs followed $2 in the same moment.
    text: `
with viewer as materialized (
  select id from users where id = $1 for key share
),
followed as (
  insert into ${follows} (user_id, tmdb_id) select id, $2::int from viewer
  on conflict do nothing returning created_at
)
select coalesce(
  (select created_at from followed),
  (select created_at from ${follows} where user_id = $1 and tmdb_id = $2::int)) as since
from viewer`,
  },
  unfollow: {
    name: `unfollow_${name}`,
    text: `
with unfollowed as (
  delete from ${follows} where user_id = $1 and tmdb_id = $2::int returning 1
),
${noted([removal], 'exists (select from unfollowed)')}
select count(*)::int as ended from unfollowed`,
  },
});

/** Statements on what can be followed of the catalogue; all by primary key. */
export const catalogueStatements: Record<CatalogueKind, CatalogueStatements> = {
  CrewMember: statementsOf('crew_member', {
    follows: 'crew_member_follows',
    counts: 'crew_members',
    removal: 'CREW_MEMBER',
  }),
  Studio: statementsOf('studio', { follows: 'studio_follows', counts: 'studios', removal: 'STUDIO' }),
};
