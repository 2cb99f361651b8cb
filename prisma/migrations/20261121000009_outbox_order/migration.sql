-- A person waits for these; copies, of which an import makes many at once, come after them. Prisma passes over partial indexes.
CREATE INDEX clerk_outbox_first_idx ON clerk_outbox (next_attempt_at) WHERE kind IN ('DELETE_USER', 'REFRESH', 'USERNAME');
