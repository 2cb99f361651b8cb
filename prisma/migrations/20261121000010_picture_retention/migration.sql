-- A version that was deleted long ago is looked for by its time. Prisma passes over partial indexes.
CREATE INDEX pictures_deleted_at_idx ON pictures (deleted_at) WHERE deleted_at IS NOT NULL;

-- The way of a file out of the store: asked for, marked as being removed, removed. For a while it stays written down that it
-- was removed, for an upload that stored the same content before.
ALTER TABLE file_removals ADD COLUMN removing_at timestamptz(3), ADD COLUMN removed_at timestamptz(3);
ALTER TABLE file_removals ADD CONSTRAINT file_removals_order_check CHECK (removed_at IS NULL OR removing_at IS NOT NULL);
DROP INDEX file_removals_requested_at_idx;
CREATE INDEX file_removals_due_idx ON file_removals (requested_at) WHERE removed_at IS NULL;
CREATE INDEX file_removals_removed_at_idx ON file_removals (removed_at) WHERE removed_at IS NOT NULL;

-- No picture comes to need a file that is being removed, or was since it was stored: whoever adds one is told by VF001, and
-- stores its files anew. The lock keeps the file's removal from beginning until the picture is committed; it is taken first
-- and the marks are read second, by another statement, so that one that was set meanwhile is seen.
CREATE FUNCTION guard_picture_files() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE keys text[];
BEGIN
    SELECT array_agg(DISTINCT key) INTO keys FROM added CROSS JOIN LATERAL unnest(added.file_keys) AS key;
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('visage.file.' || key, 0)) FROM unnest(keys) AS key;
    IF EXISTS (SELECT FROM file_removals WHERE key = ANY(keys) AND removing_at IS NOT NULL) THEN
        RAISE EXCEPTION 'A file of the picture is being removed, or was.' USING ERRCODE = 'VF001';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER pictures_guard_inserted AFTER INSERT ON pictures REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION guard_picture_files();

-- When the picture store was last compared with the pictures, and what came of it. One row, which any process may claim.
CREATE TABLE picture_sweeps (
  id integer NOT NULL DEFAULT 1,
  started_at timestamptz(3),
  progressed_at timestamptz(3),
  finished_at timestamptz(3),
  files integer NOT NULL DEFAULT 0,
  removed integer NOT NULL DEFAULT 0,
  temporary integer NOT NULL DEFAULT 0,
  missing integer NOT NULL DEFAULT 0,
  CONSTRAINT picture_sweeps_pkey PRIMARY KEY (id),
  CONSTRAINT picture_sweeps_one_check CHECK (id = 1)
);
INSERT INTO picture_sweeps DEFAULT VALUES;
