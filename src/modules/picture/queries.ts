import type { Statement } from '../../platform/database.ts';
import { polling } from '../../platform/worker.ts';
import { pictureColumns } from '../user/columns.ts';

/** Pictures by $1 ids that $2 viewer (null: anonymous) may see: active ones, and any of their own. By primary key. */
export const picturesForViewer: Statement = {
  name: 'pictures_for_viewer',
  text: `
select ${pictureColumns}
from pictures picture
where picture.id = any($1::uuid[])
  and (picture.is_active or picture.user_id = $2)
  and not exists (select from blocks where blocker_id = $2 and blocked_id = picture.user_id offset 0)
  and not exists (select from blocks where blocker_id = picture.user_id and blocked_id = $2 offset 0)`,
};

/** Pictures by $1 ids, whoever may see them. By primary key. */
export const picturesById: Statement = {
  name: 'pictures_by_id',
  text: `select ${pictureColumns} from pictures picture where picture.id = any($1::uuid[])`,
};

const versionsInOrder = (order: 'asc' | 'desc'): Statement => ({
  name: `picture_versions_${order}`,
  text: `
select ${pictureColumns}
from pictures picture
where picture.user_id = $1 and picture.version < $2 and picture.version > $3
order by picture.version ${order}
limit $4`,
});

/** At most $4 versions of $1 user below $2 and above $3, deleted ones too, newest first. By unique index. */
export const newestVersions = versionsInOrder('desc');

/** The same from the other end, oldest first. */
export const oldestVersions = versionsInOrder('asc');

/**
 * Gives $2 version of $1 user the $3 alternative text, and, where it is another, an audit entry of $4 id. No row where
 * there is no such version. By unique index.
 */
export const updateAltText: Statement = {
  name: 'update_alt_text',
  text: `
with audited as (
  insert into audit_entries (id, user_id, action, actor, changed_fields)
  select $4::uuid, user_id, 'picture.altTextChanged', 'OWNER', '{altText}'
  from pictures where user_id = $1 and version = $2 and alt_text is distinct from $3
)
update pictures picture set alt_text = $3
where picture.user_id = $1 and picture.version = $2
returning ${pictureColumns}`,
};

/** The columns of a session, for any statement that reads them from the alias `session`. */
const sessionColumns = `
  session.session_id as id, session.user_agent as "userAgent", session.picture_revision as "pictureRevision",
  session.acknowledged_at as "acknowledgedAt", session.last_seen_at as "lastSeenAt"`;

/** At most $2 sessions of $1 user, most recently seen first. By primary key; a user has few. */
export const syncSessions: Statement = {
  name: 'sync_sessions',
  text: `
select ${sessionColumns}
from sync_sessions session
where session.user_id = $1
order by session.last_seen_at desc, session.session_id
limit $2`,
};

/**
 * Notes that $2 session of $1 user, by $3 user agent, shows $4 revision; a lower one than it had changes nothing of it. No
 * row where the user isn't there, or isn't that far. By primary keys.
 */
export const acknowledgeRevision: Statement = {
  name: 'acknowledge_revision',
  text: `
insert into sync_sessions as session
  (user_id, session_id, user_agent, picture_revision, acknowledged_at, last_seen_at)
select id, $2, $3, $4, now(), now() from users where id = $1 and picture_revision >= $4::int for key share
on conflict (user_id, session_id) do update set
  user_agent = coalesce(excluded.user_agent, session.user_agent),
  picture_revision = greatest(session.picture_revision, excluded.picture_revision),
  acknowledged_at = case
    when session.picture_revision < excluded.picture_revision then now()
    else coalesce(session.acknowledged_at, now())
  end,
  last_seen_at = greatest(session.last_seen_at, now())
returning ${sessionColumns}`,
};

/**
 * Notes that $2 sessions of $1 users, by $3 user agents, were seen at $4 times; answers those that could be noted. A user who
 * is being deleted isn't waited for. By primary keys.
 */
export const noteSightings: Statement = {
  name: 'note_sightings',
  text: `${polling}
insert into sync_sessions as session (user_id, session_id, user_agent, last_seen_at)
select person.id, sighting.session_id, sighting.user_agent, least(sighting.seen_at, now())
from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]) as sighting (user_id, session_id, user_agent, seen_at)
join users person on person.id = sighting.user_id
where person.closed_at is null
order by person.id, sighting.session_id
for key share of person skip locked
on conflict (user_id, session_id) do update set
  user_agent = coalesce(excluded.user_agent, session.user_agent),
  last_seen_at = greatest(session.last_seen_at, excluded.last_seen_at)
returning user_id as "userId", session_id as "sessionId"`,
};

/** Sessions that are removed by one statement. */
export const unseenBatchSize = 1_000;

/** Removes sessions that were not seen for 30 days, those of longest ago first. By index sync_sessions(last_seen_at). */
export const removeUnseenSessions: Statement = {
  name: 'remove_unseen_sessions',
  text: `${polling}
with unseen as (
  select user_id, session_id from sync_sessions
  where last_seen_at < now() - interval '30 days'
  order by last_seen_at limit ${unseenBatchSize}
  for update skip locked
)
delete from sync_sessions session using unseen
where session.user_id = unseen.user_id and session.session_id = unseen.session_id
returning session.session_id as id`,
};
