-- Runs of users:sync: how far one has come, so that the next goes on from there, and what the last one found.
CREATE TABLE "reconciliations" (
    "id" SERIAL NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "progressed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(3),
    "is_absence_checked" BOOLEAN NOT NULL DEFAULT false,
    "walked_to" TIMESTAMPTZ(3),
    "walked_offset" INTEGER NOT NULL DEFAULT 0,
    "seen" INTEGER NOT NULL DEFAULT 0,
    "created" INTEGER NOT NULL DEFAULT 0,
    "changed" INTEGER NOT NULL DEFAULT 0,
    "changed_fields" JSONB NOT NULL DEFAULT '{}',
    "erased" INTEGER NOT NULL DEFAULT 0,
    "username_conflicts" INTEGER NOT NULL DEFAULT 0,
    "deleted_here" INTEGER NOT NULL DEFAULT 0,
    "failed" INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT "reconciliations_pkey" PRIMARY KEY ("id")
);
