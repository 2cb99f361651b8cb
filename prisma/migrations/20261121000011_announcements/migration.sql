-- What a transaction tells every process. By NOTIFY, or, where the processes talk through Redis, by rows that wait until one
-- of them has passed them on: Redis knows nothing of transactions.
CREATE TABLE "announcements" (
    "id" BIGSERIAL NOT NULL,
    "message" TEXT NOT NULL,
    "announced_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "announcements_pkey" PRIMARY KEY ("id")
);
-- Rows live for some milliseconds: without this the table would grow to a fifth of nothing before it is cleaned.
ALTER TABLE announcements SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Which of the two it is, the session says: SET visage.announcements = 'redis'.
CREATE FUNCTION visage_announce(message json) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('visage.announcements', true) = 'redis' THEN
        INSERT INTO announcements (message) VALUES (visage_announce.message::text);
    ELSE
        PERFORM pg_notify('visage', visage_announce.message::text);
    END IF;
END
$$;
