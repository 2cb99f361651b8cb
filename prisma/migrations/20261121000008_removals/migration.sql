-- Events and follows are their own record: what was done to them stands in no audit log any more.
DELETE FROM audit_entries
WHERE action IN ('event.recorded', 'event.deleted', 'follow.created', 'follow.requested', 'follow.deleted',
  'follow.accepted', 'follow.declined', 'follower.removed');

-- When a user last took away something of a kind: what an import brings of an older time stays away.
CREATE TYPE removal_kind AS ENUM ('EVENT', 'FOLLOW', 'FOLLOWER', 'BLOCK', 'CREW_MEMBER', 'STUDIO');

CREATE TABLE removals (
  user_id text NOT NULL REFERENCES users (id) ON DELETE CASCADE ON UPDATE CASCADE,
  kind removal_kind NOT NULL,
  at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (user_id, kind)
);

-- An account that was deleted: an entry of nobody's.
ALTER TABLE audit_entries ALTER COLUMN user_id DROP NOT NULL;
