-- What open subscriptions are told: how often something changed, so that they never go back. Each counts beside what it
-- counts, in the transaction that changes it.

-- Changes of the profile, of its user's username, and of who may see it.
ALTER TABLE "profiles" ADD COLUMN "revision" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "preferences" ADD COLUMN "revision" INTEGER NOT NULL DEFAULT 0;

ALTER TABLE profiles ADD CONSTRAINT profiles_revision_check CHECK (revision >= 0);
ALTER TABLE preferences ADD CONSTRAINT preferences_revision_check CHECK (revision >= 0);
