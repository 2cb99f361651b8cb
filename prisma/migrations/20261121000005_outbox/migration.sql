-- What Clerk still has to be told, and deletions that leave no trace.

-- A user who was created while Clerk was away: their names are fetched later.
ALTER TYPE "outbox_kind" ADD VALUE 'REFRESH';

-- Whoever sends a wish has it to themselves until then; should they die, another sends it afterwards.
ALTER TABLE "clerk_outbox" ADD COLUMN "leased_until" TIMESTAMPTZ(3);

-- The address at Clerk of what was uploaded here, which is not a picture of Clerk's.
ALTER TABLE "users" ADD COLUMN "clerk_mirrored_image_url" TEXT;

-- Of a user who was deleted, and whose rows are being erased: nobody sees them any more. Prisma passes over partial indexes.
ALTER TABLE "users" ADD COLUMN "closed_at" TIMESTAMPTZ(3);
CREATE INDEX users_closed_at_idx ON users (closed_at) WHERE closed_at IS NOT NULL;

-- Who was deleted is known again by a hash of the id, and the id is kept nowhere.
ALTER TABLE "tombstones" RENAME COLUMN "user_id" TO "id_hash";
UPDATE tombstones SET id_hash = encode(sha256(convert_to(id_hash, 'UTF8')), 'hex');
ALTER TABLE tombstones ADD CONSTRAINT tombstones_id_hash_check CHECK (id_hash ~ '^[0-9a-f]{64}$');

-- Names that are held after an account was deleted, until that is over too. Prisma passes over partial indexes.
CREATE INDEX username_history_held_idx ON username_history (released_at) WHERE user_id IS NULL;

-- Files of pictures that are gone, until the picture store is rid of them too.
CREATE TABLE "file_removals" (
    "key" TEXT NOT NULL,
    "requested_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "file_removals_pkey" PRIMARY KEY ("key")
);
CREATE INDEX "file_removals_requested_at_idx" ON "file_removals"("requested_at");
