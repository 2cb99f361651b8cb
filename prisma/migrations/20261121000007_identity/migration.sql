-- A state of Clerk's without a username takes none away, so the last username that Clerk told us may come from an older
-- state than the rest. With a time of its own it comes out the same in whatever order the states arrive.
ALTER TABLE "users" ADD COLUMN "clerk_username_updated_at" TIMESTAMPTZ(3);
UPDATE "users" SET "clerk_username_updated_at" = "clerk_updated_at" WHERE "clerk_username" IS NOT NULL;

-- Few entries are of this kind, and operators are shown how many. Prisma passes over partial indexes.
CREATE INDEX audit_entries_username_conflict_idx ON audit_entries (at) WHERE action = 'username.conflict';
