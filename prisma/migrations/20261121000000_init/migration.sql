-- The whole data model. First what prisma/schema.prisma says, then what it can't say: the rules that the database
-- keeps whoever writes, and the triggers that keep users complete and counters right.

CREATE TYPE "experience_level" AS ENUM ('ENTRY', 'JUNIOR', 'MID', 'SENIOR', 'LEAD', 'EXECUTIVE');

CREATE TYPE "education_level" AS ENUM ('HIGH_SCHOOL', 'ASSOCIATES', 'BACHELORS', 'MASTERS', 'PHD', 'OTHER');

CREATE TYPE "work_arrangement" AS ENUM ('ANY', 'REMOTE', 'HYBRID', 'ON_SITE');

CREATE TYPE "theme" AS ENUM ('SYSTEM', 'LIGHT', 'DARK');

CREATE TYPE "visibility" AS ENUM ('PUBLIC', 'FOLLOWERS', 'PRIVATE');

CREATE TYPE "event_type" AS ENUM ('VIEW', 'RATING', 'WATCHLIST_ADD', 'WATCHLIST_REMOVE', 'REVIEW');

CREATE TYPE "audit_actor" AS ENUM ('OWNER', 'CLERK', 'RECONCILIATION', 'ADMINISTRATOR', 'SYSTEM');

CREATE TYPE "delivery_outcome" AS ENUM ('APPLIED', 'STALE', 'IGNORED');

CREATE TYPE "outbox_kind" AS ENUM ('USERNAME', 'METADATA', 'PICTURE', 'DELETE_USER');

CREATE TABLE "users" (
    "id" TEXT NOT NULL,
    "username" TEXT,
    "email" TEXT,
    "first_name" TEXT,
    "last_name" TEXT,
    "clerk_image_url" TEXT,
    "clerk_username" TEXT,
    "clerk_updated_at" TIMESTAMPTZ(3),
    "picture_revision" INTEGER NOT NULL DEFAULT 0,
    "last_picture_version" INTEGER NOT NULL DEFAULT 0,
    "follower_count" INTEGER NOT NULL DEFAULT 0,
    "following_count" INTEGER NOT NULL DEFAULT 0,
    "follow_request_count" INTEGER NOT NULL DEFAULT 0,
    "followed_crew_member_count" INTEGER NOT NULL DEFAULT 0,
    "followed_studio_count" INTEGER NOT NULL DEFAULT 0,
    "blocked_count" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "users_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "profiles" (
    "user_id" TEXT NOT NULL,
    "display_name" TEXT,
    "bio" TEXT,
    "years_of_experience" INTEGER NOT NULL DEFAULT 0,
    "experience_level" "experience_level" NOT NULL DEFAULT 'ENTRY',
    "education_level" "education_level" NOT NULL DEFAULT 'BACHELORS',
    "field_of_study" TEXT,
    "skills" TEXT[] NOT NULL DEFAULT ARRAY[]::TEXT[],
    "work_arrangement" "work_arrangement" NOT NULL DEFAULT 'ANY',
    "preferred_locations" TEXT[] NOT NULL DEFAULT ARRAY[]::TEXT[],
    "salary_min" INTEGER,
    "salary_max" INTEGER,
    "salary_currency" TEXT,
    "completed_at" TIMESTAMPTZ(3),
    "setup_skipped_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "profiles_pkey" PRIMARY KEY ("user_id")
);

CREATE TABLE "preferences" (
    "user_id" TEXT NOT NULL,
    "favorite_genres" INTEGER[] NOT NULL DEFAULT ARRAY[]::INTEGER[],
    "adult_content" BOOLEAN NOT NULL DEFAULT false,
    "language" TEXT NOT NULL DEFAULT 'en',
    "theme" "theme" NOT NULL DEFAULT 'SYSTEM',
    "notifications" JSONB NOT NULL DEFAULT '{}',
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "preferences_pkey" PRIMARY KEY ("user_id")
);

CREATE TABLE "privacy" (
    "user_id" TEXT NOT NULL,
    "profile" "visibility" NOT NULL DEFAULT 'PUBLIC',
    "watch_history" "visibility" NOT NULL DEFAULT 'PRIVATE',
    "ratings" "visibility" NOT NULL DEFAULT 'PRIVATE',
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "privacy_pkey" PRIMARY KEY ("user_id")
);

CREATE TABLE "follows" (
    "follower_id" TEXT NOT NULL,
    "followee_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "follows_pkey" PRIMARY KEY ("follower_id","followee_id")
);

CREATE TABLE "follow_requests" (
    "requester_id" TEXT NOT NULL,
    "requestee_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "follow_requests_pkey" PRIMARY KEY ("requester_id","requestee_id")
);

CREATE TABLE "blocks" (
    "blocker_id" TEXT NOT NULL,
    "blocked_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "blocks_pkey" PRIMARY KEY ("blocker_id","blocked_id")
);

CREATE TABLE "crew_members" (
    "tmdb_id" INTEGER NOT NULL,
    "follower_count" INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT "crew_members_pkey" PRIMARY KEY ("tmdb_id")
);

CREATE TABLE "crew_member_follows" (
    "user_id" TEXT NOT NULL,
    "tmdb_id" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "crew_member_follows_pkey" PRIMARY KEY ("user_id","tmdb_id")
);

CREATE TABLE "studios" (
    "tmdb_id" INTEGER NOT NULL,
    "follower_count" INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT "studios_pkey" PRIMARY KEY ("tmdb_id")
);

CREATE TABLE "studio_follows" (
    "user_id" TEXT NOT NULL,
    "tmdb_id" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "studio_follows_pkey" PRIMARY KEY ("user_id","tmdb_id")
);

CREATE TABLE "events" (
    "id" UUID NOT NULL,
    "user_id" TEXT NOT NULL,
    "type" "event_type" NOT NULL,
    "movie_id" INTEGER NOT NULL,
    "rating" DOUBLE PRECISION,
    "review" TEXT,
    "occurred_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "idempotency_key" TEXT,
    CONSTRAINT "events_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "pictures" (
    "id" UUID NOT NULL,
    "user_id" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "is_active" BOOLEAN NOT NULL,
    "width" INTEGER NOT NULL,
    "height" INTEGER NOT NULL,
    "animated" BOOLEAN NOT NULL,
    "crop_left" INTEGER NOT NULL,
    "crop_top" INTEGER NOT NULL,
    "crop_size" INTEGER NOT NULL,
    "variants" JSONB NOT NULL,
    "source_key" TEXT NOT NULL,
    "file_keys" TEXT[] NOT NULL,
    "thumbhash" TEXT NOT NULL,
    "dominant_color" TEXT NOT NULL,
    "alt_text" TEXT,
    "original_name" TEXT,
    "original_mime_type" TEXT NOT NULL,
    "original_bytes" INTEGER NOT NULL,
    "uploaded_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deleted_at" TIMESTAMPTZ(3),
    CONSTRAINT "pictures_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "sync_sessions" (
    "user_id" TEXT NOT NULL,
    "session_id" TEXT NOT NULL,
    "user_agent" TEXT,
    "picture_revision" INTEGER NOT NULL DEFAULT 0,
    "acknowledged_at" TIMESTAMPTZ(3),
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "sync_sessions_pkey" PRIMARY KEY ("user_id","session_id")
);

CREATE TABLE "username_history" (
    "id" BIGSERIAL NOT NULL,
    "user_id" TEXT,
    "username" TEXT NOT NULL,
    "taken_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "released_at" TIMESTAMPTZ(3),
    CONSTRAINT "username_history_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "webhook_deliveries" (
    "id" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "user_id" TEXT,
    "outcome" "delivery_outcome" NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "webhook_deliveries_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "clerk_outbox" (
    "id" BIGSERIAL NOT NULL,
    "user_id" TEXT NOT NULL,
    "kind" "outbox_kind" NOT NULL,
    "payload" JSONB NOT NULL DEFAULT '{}',
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "next_attempt_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_error" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "clerk_outbox_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "tombstones" (
    "user_id" TEXT NOT NULL,
    "deleted_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "tombstones_pkey" PRIMARY KEY ("user_id")
);

CREATE TABLE "audit_entries" (
    "id" UUID NOT NULL,
    "user_id" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "actor" "audit_actor" NOT NULL,
    "changed_fields" TEXT[] NOT NULL DEFAULT ARRAY[]::TEXT[],
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "audit_entries_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "users_username_key" ON "users"("username");
CREATE INDEX "follows_followee_id_created_at_follower_id_idx" ON "follows"("followee_id", "created_at" DESC, "follower_id" DESC);
CREATE INDEX "follows_follower_id_created_at_followee_id_idx" ON "follows"("follower_id", "created_at" DESC, "followee_id" DESC);
CREATE INDEX "follow_requests_requestee_id_created_at_requester_id_idx" ON "follow_requests"("requestee_id", "created_at" DESC, "requester_id" DESC);
CREATE INDEX "blocks_blocker_id_created_at_blocked_id_idx" ON "blocks"("blocker_id", "created_at" DESC, "blocked_id" DESC);
CREATE INDEX "blocks_blocked_id_idx" ON "blocks"("blocked_id");
CREATE INDEX "crew_member_follows_user_id_created_at_tmdb_id_idx" ON "crew_member_follows"("user_id", "created_at" DESC, "tmdb_id" DESC);
CREATE INDEX "studio_follows_user_id_created_at_tmdb_id_idx" ON "studio_follows"("user_id", "created_at" DESC, "tmdb_id" DESC);
CREATE INDEX "events_user_id_occurred_at_id_idx" ON "events"("user_id", "occurred_at" DESC, "id" DESC);
CREATE INDEX "events_user_id_type_occurred_at_id_idx" ON "events"("user_id", "type", "occurred_at" DESC, "id" DESC);
CREATE INDEX "events_user_id_movie_id_occurred_at_id_idx" ON "events"("user_id", "movie_id", "occurred_at" DESC, "id" DESC);
CREATE INDEX "pictures_file_keys_idx" ON "pictures" USING GIN ("file_keys");
CREATE UNIQUE INDEX "pictures_user_id_version_key" ON "pictures"("user_id", "version");
CREATE INDEX "username_history_username_released_at_idx" ON "username_history"("username", "released_at" DESC);
CREATE INDEX "username_history_user_id_taken_at_idx" ON "username_history"("user_id", "taken_at" DESC);
CREATE INDEX "webhook_deliveries_received_at_idx" ON "webhook_deliveries"("received_at");
CREATE INDEX "clerk_outbox_next_attempt_at_idx" ON "clerk_outbox"("next_attempt_at");
CREATE UNIQUE INDEX "clerk_outbox_user_id_kind_key" ON "clerk_outbox"("user_id", "kind");
CREATE INDEX "audit_entries_user_id_at_id_idx" ON "audit_entries"("user_id", "at" DESC, "id" DESC);
ALTER TABLE "profiles" ADD CONSTRAINT "profiles_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "preferences" ADD CONSTRAINT "preferences_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "privacy" ADD CONSTRAINT "privacy_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "follows" ADD CONSTRAINT "follows_follower_id_fkey" FOREIGN KEY ("follower_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "follows" ADD CONSTRAINT "follows_followee_id_fkey" FOREIGN KEY ("followee_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "follow_requests" ADD CONSTRAINT "follow_requests_requester_id_fkey" FOREIGN KEY ("requester_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "follow_requests" ADD CONSTRAINT "follow_requests_requestee_id_fkey" FOREIGN KEY ("requestee_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "blocks" ADD CONSTRAINT "blocks_blocker_id_fkey" FOREIGN KEY ("blocker_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "blocks" ADD CONSTRAINT "blocks_blocked_id_fkey" FOREIGN KEY ("blocked_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "crew_member_follows" ADD CONSTRAINT "crew_member_follows_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "studio_follows" ADD CONSTRAINT "studio_follows_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "events" ADD CONSTRAINT "events_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "pictures" ADD CONSTRAINT "pictures_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "sync_sessions" ADD CONSTRAINT "sync_sessions_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "username_history" ADD CONSTRAINT "username_history_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "audit_entries" ADD CONSTRAINT "audit_entries_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Rules --------------------------------------------------------------------------------------------------------------

ALTER TABLE users
    -- Counters change often; room on the page keeps those updates off the indexes.
    SET (fillfactor = 80);
ALTER TABLE users
    ADD CONSTRAINT users_id_check CHECK (id <> ''),
    ADD CONSTRAINT users_username_check CHECK (
        username ~ '^[a-z][a-z0-9_.]{2,29}$' AND username !~ '[.][.]' AND username !~ '[.]$'),
    ADD CONSTRAINT users_counts_check CHECK (
        follower_count >= 0 AND following_count >= 0 AND follow_request_count >= 0
        AND followed_crew_member_count >= 0 AND followed_studio_count >= 0 AND blocked_count >= 0),
    ADD CONSTRAINT users_picture_check CHECK (picture_revision >= 0 AND last_picture_version >= 0);

ALTER TABLE profiles
    ADD CONSTRAINT profiles_bio_check CHECK (octet_length(bio) <= 4000),
    ADD CONSTRAINT profiles_years_of_experience_check CHECK (years_of_experience BETWEEN 0 AND 80),
    ADD CONSTRAINT profiles_skills_check CHECK (cardinality(skills) <= 50),
    ADD CONSTRAINT profiles_preferred_locations_check CHECK (cardinality(preferred_locations) <= 20),
    -- Either end may be null: a check that comes out unknown holds.
    ADD CONSTRAINT profiles_salary_check CHECK (salary_min >= 0 AND salary_max >= 0 AND salary_min <= salary_max),
    ADD CONSTRAINT profiles_salary_currency_check CHECK (salary_currency ~ '^[A-Z]{3}$'),
    ADD CONSTRAINT profiles_salary_needs_currency_check CHECK (
        salary_currency IS NOT NULL OR (salary_min IS NULL AND salary_max IS NULL));

ALTER TABLE preferences
    ADD CONSTRAINT preferences_favorite_genres_check CHECK (cardinality(favorite_genres) <= 100 AND 0 < ALL (favorite_genres)),
    ADD CONSTRAINT preferences_notifications_check CHECK (jsonb_typeof(notifications) = 'object');

ALTER TABLE follows ADD CONSTRAINT follows_not_oneself_check CHECK (follower_id <> followee_id);
ALTER TABLE follow_requests ADD CONSTRAINT follow_requests_not_oneself_check CHECK (requester_id <> requestee_id);
ALTER TABLE blocks ADD CONSTRAINT blocks_not_oneself_check CHECK (blocker_id <> blocked_id);
ALTER TABLE crew_members ADD CONSTRAINT crew_members_check CHECK (tmdb_id > 0 AND follower_count >= 0);
ALTER TABLE crew_member_follows ADD CONSTRAINT crew_member_follows_tmdb_id_check CHECK (tmdb_id > 0);
ALTER TABLE studios ADD CONSTRAINT studios_check CHECK (tmdb_id > 0 AND follower_count >= 0);
ALTER TABLE studio_follows ADD CONSTRAINT studio_follows_tmdb_id_check CHECK (tmdb_id > 0);

ALTER TABLE events
    ADD CONSTRAINT events_movie_id_check CHECK (movie_id > 0),
    ADD CONSTRAINT events_rating_check CHECK (rating BETWEEN 0.5 AND 10 AND rating * 2 = floor(rating * 2)),
    ADD CONSTRAINT events_review_check CHECK (char_length(review) BETWEEN 1 AND 10000),
    ADD CONSTRAINT events_type_check CHECK (
        CASE type
            WHEN 'RATING' THEN rating IS NOT NULL AND review IS NULL
            WHEN 'REVIEW' THEN review IS NOT NULL
            ELSE rating IS NULL AND review IS NULL
        END);
CREATE UNIQUE INDEX events_user_id_idempotency_key_key ON events (user_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

ALTER TABLE pictures
    ADD CONSTRAINT pictures_version_check CHECK (version > 0),
    ADD CONSTRAINT pictures_size_check CHECK (width > 0 AND height > 0 AND original_bytes > 0),
    ADD CONSTRAINT pictures_crop_check CHECK (
        crop_left >= 0 AND crop_top >= 0 AND crop_size > 0
        AND crop_left + crop_size <= width AND crop_top + crop_size <= height),
    ADD CONSTRAINT pictures_dominant_color_check CHECK (dominant_color ~ '^#[0-9a-f]{6}$'),
    ADD CONSTRAINT pictures_variants_check CHECK (jsonb_typeof(variants) = 'array'),
    ADD CONSTRAINT pictures_active_not_deleted_check CHECK (NOT is_active OR deleted_at IS NULL);
CREATE UNIQUE INDEX pictures_one_active_key ON pictures (user_id) WHERE is_active;

-- One user holds a name at a time, in the history as in users.
CREATE UNIQUE INDEX username_history_current_key ON username_history (username) WHERE released_at IS NULL;
ALTER TABLE sync_sessions ADD CONSTRAINT sync_sessions_picture_revision_check CHECK (picture_revision >= 0);

-- Triggers -----------------------------------------------------------------------------------------------------------

-- A user is never without profile, preferences and privacy, whoever inserts it.
CREATE FUNCTION complete_new_users() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO profiles (user_id) SELECT id FROM changed;
    INSERT INTO preferences (user_id) SELECT id FROM changed;
    INSERT INTO privacy (user_id) SELECT id FROM changed;
    RETURN NULL;
END $$;
CREATE TRIGGER users_complete AFTER INSERT ON users REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION complete_new_users();

-- The counters are kept by the statement that changes what they count, a cascade included. Rows are locked in the order
-- of their ids, so that two people who follow each other at the same moment can't deadlock.
CREATE FUNCTION count_follows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE step int := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    PERFORM 1 FROM users WHERE id IN (SELECT follower_id FROM changed UNION SELECT followee_id FROM changed)
        ORDER BY id FOR NO KEY UPDATE;
    UPDATE users SET follower_count = follower_count + step * delta.followers,
                     following_count = following_count + step * delta.following
    FROM (SELECT id, sum(followers)::int AS followers, sum(following)::int AS following
          FROM (SELECT followee_id AS id, 1 AS followers, 0 AS following FROM changed
                UNION ALL SELECT follower_id, 0, 1 FROM changed) AS ends
          GROUP BY id) AS delta
    WHERE users.id = delta.id;
    RETURN NULL;
END $$;
CREATE TRIGGER follows_count_inserted AFTER INSERT ON follows REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_follows();
CREATE TRIGGER follows_count_deleted AFTER DELETE ON follows REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_follows();

CREATE FUNCTION count_follow_requests() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE step int := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    PERFORM 1 FROM users WHERE id IN (SELECT requestee_id FROM changed) ORDER BY id FOR NO KEY UPDATE;
    UPDATE users SET follow_request_count = follow_request_count + step * delta.requests
    FROM (SELECT requestee_id, count(*)::int AS requests FROM changed GROUP BY requestee_id) AS delta
    WHERE users.id = delta.requestee_id;
    RETURN NULL;
END $$;
CREATE TRIGGER follow_requests_count_inserted AFTER INSERT ON follow_requests REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_follow_requests();
CREATE TRIGGER follow_requests_count_deleted AFTER DELETE ON follow_requests REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_follow_requests();

CREATE FUNCTION count_blocks() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE step int := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    PERFORM 1 FROM users WHERE id IN (SELECT blocker_id FROM changed) ORDER BY id FOR NO KEY UPDATE;
    UPDATE users SET blocked_count = blocked_count + step * delta.blocks
    FROM (SELECT blocker_id, count(*)::int AS blocks FROM changed GROUP BY blocker_id) AS delta
    WHERE users.id = delta.blocker_id;
    RETURN NULL;
END $$;
CREATE TRIGGER blocks_count_inserted AFTER INSERT ON blocks REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_blocks();
CREATE TRIGGER blocks_count_deleted AFTER DELETE ON blocks REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_blocks();

CREATE FUNCTION count_crew_member_follows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE step int := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    INSERT INTO crew_members (tmdb_id, follower_count)
    SELECT DISTINCT tmdb_id, 0 FROM changed ORDER BY tmdb_id
    ON CONFLICT DO NOTHING;
    PERFORM 1 FROM crew_members WHERE tmdb_id IN (SELECT tmdb_id FROM changed) ORDER BY tmdb_id FOR NO KEY UPDATE;
    UPDATE crew_members SET follower_count = follower_count + step * delta.followers
    FROM (SELECT tmdb_id, count(*)::int AS followers FROM changed GROUP BY tmdb_id) AS delta
    WHERE crew_members.tmdb_id = delta.tmdb_id;
    PERFORM 1 FROM users WHERE id IN (SELECT user_id FROM changed) ORDER BY id FOR NO KEY UPDATE;
    UPDATE users SET followed_crew_member_count = followed_crew_member_count + step * delta.followed
    FROM (SELECT user_id, count(*)::int AS followed FROM changed GROUP BY user_id) AS delta
    WHERE users.id = delta.user_id;
    RETURN NULL;
END $$;
CREATE TRIGGER crew_member_follows_count_inserted AFTER INSERT ON crew_member_follows REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_crew_member_follows();
CREATE TRIGGER crew_member_follows_count_deleted AFTER DELETE ON crew_member_follows REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_crew_member_follows();

CREATE FUNCTION count_studio_follows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE step int := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    INSERT INTO studios (tmdb_id, follower_count)
    SELECT DISTINCT tmdb_id, 0 FROM changed ORDER BY tmdb_id
    ON CONFLICT DO NOTHING;
    PERFORM 1 FROM studios WHERE tmdb_id IN (SELECT tmdb_id FROM changed) ORDER BY tmdb_id FOR NO KEY UPDATE;
    UPDATE studios SET follower_count = follower_count + step * delta.followers
    FROM (SELECT tmdb_id, count(*)::int AS followers FROM changed GROUP BY tmdb_id) AS delta
    WHERE studios.tmdb_id = delta.tmdb_id;
    PERFORM 1 FROM users WHERE id IN (SELECT user_id FROM changed) ORDER BY id FOR NO KEY UPDATE;
    UPDATE users SET followed_studio_count = followed_studio_count + step * delta.followed
    FROM (SELECT user_id, count(*)::int AS followed FROM changed GROUP BY user_id) AS delta
    WHERE users.id = delta.user_id;
    RETURN NULL;
END $$;
CREATE TRIGGER studio_follows_count_inserted AFTER INSERT ON studio_follows REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_studio_follows();
CREATE TRIGGER studio_follows_count_deleted AFTER DELETE ON studio_follows REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_studio_follows();
