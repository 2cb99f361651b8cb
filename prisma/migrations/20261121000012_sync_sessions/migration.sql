-- Sessions that were not seen for long are removed, oldest first.
CREATE INDEX sync_sessions_last_seen_at_idx ON sync_sessions (last_seen_at);
