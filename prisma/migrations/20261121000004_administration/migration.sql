-- Administrators find users by the start of their e-mail address, in any case. Byte by byte and with the lower case of a-z
-- alone, whatever the database's locale. Prisma passes over partial indexes and those of expressions.
CREATE INDEX users_email_search_idx ON users (lower(email COLLATE "C") text_pattern_ops, id text_pattern_ops)
    WHERE email IS NOT NULL;

-- Statistics of profiles are counted as profiles change. A user has a row that says what counts; triggers keep it. What
-- that row's changes add and take away is appended, so that no two users wait for each other, and folded into totals now
-- and then.

CREATE TABLE "completion_states" (
    "user_id" TEXT NOT NULL,
    "filled" INTEGER NOT NULL,
    "signed_up_on" DATE NOT NULL,
    "completed_on" DATE,
    CONSTRAINT "completion_states_pkey" PRIMARY KEY ("user_id")
);
ALTER TABLE "completion_states" ADD CONSTRAINT "completion_states_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;
-- Their updates stay on the page, off the index.
ALTER TABLE completion_states SET (fillfactor = 80);

CREATE TABLE "profile_count_changes" (
    "id" BIGSERIAL NOT NULL,
    "measure" TEXT NOT NULL,
    "key" INTEGER NOT NULL,
    "change" INTEGER NOT NULL,
    CONSTRAINT "profile_count_changes_pkey" PRIMARY KEY ("id")
);
-- Rows come and go: without this, readers would pass over the dead ones of a long time.
ALTER TABLE profile_count_changes SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

CREATE TABLE "profile_counts" (
    "measure" TEXT NOT NULL,
    "key" INTEGER NOT NULL,
    "count" INTEGER NOT NULL,
    CONSTRAINT "profile_counts_pkey" PRIMARY KEY ("measure","key")
);

-- The bit of each completion field that is filled, as src/modules/profile/completion-sql.ts has them, in its order. A test
-- compares the two, and says what to do when they differ.
CREATE FUNCTION filled_fields(username text, profile profiles, has_picture boolean) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
    ((coalesce(username ~ '[^\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]', false))::int << 0) |
    ((coalesce(profile.display_name ~ '[^\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]', false))::int << 1) |
    ((profile.experience_level is not null)::int << 2) |
    ((profile.education_level is not null)::int << 3) |
    ((profile.years_of_experience >= 0)::int << 4) |
    ((coalesce(profile.bio ~ '[^\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]', false))::int << 5) |
    ((coalesce(profile.field_of_study ~ '[^\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]', false))::int << 6) |
    ((coalesce(array_to_string(profile.skills, '') ~ '[^\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]', false))::int << 7) |
    ((coalesce(array_to_string(profile.preferred_locations, '') ~ '[^\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]', false))::int << 8) |
    (((profile.salary_min is not null or profile.salary_max is not null))::int << 9) |
    ((has_picture)::int << 10)
$$;

-- What a state counts for: its user by the fields that are filled, in all and among the complete, and two days in UTC,
-- counted from 1970.
CREATE FUNCTION counts_of(state completion_states) RETURNS TABLE (measure text, key integer)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    VALUES ('USERS', state.filled),
           ('COMPLETE', CASE WHEN state.completed_on IS NOT NULL THEN state.filled END),
           ('SIGN_UPS', state.signed_up_on - DATE '1970-01-01'),
           ('COMPLETIONS', state.completed_on - DATE '1970-01-01')
$$;

-- Adds what was appended up to the totals. One process at a time, and none waits: whoever finds another at it leaves it to
-- the next.
CREATE FUNCTION fold_profile_counts() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('visage.profile_counts', 0)) THEN
        RETURN;
    END IF;
    WITH taken AS (DELETE FROM profile_count_changes RETURNING measure, key, change)
    INSERT INTO profile_counts AS total (measure, key, count)
    SELECT measure, key, sum(change) FROM taken GROUP BY measure, key HAVING sum(change) <> 0
    ON CONFLICT (measure, key) DO UPDATE SET count = total.count + excluded.count;
END $$;

CREATE FUNCTION count_completion_states() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE is_time_to_fold boolean;
BEGIN
    IF TG_OP = 'INSERT' THEN
        WITH appended AS (
            INSERT INTO profile_count_changes (measure, key, change)
            SELECT measure, key, count(*) FROM added CROSS JOIN LATERAL counts_of(added)
            WHERE key IS NOT NULL GROUP BY measure, key
            RETURNING id
        ) SELECT bool_or(id % 1000 = 0) INTO is_time_to_fold FROM appended;
    ELSIF TG_OP = 'DELETE' THEN
        WITH appended AS (
            INSERT INTO profile_count_changes (measure, key, change)
            SELECT measure, key, -count(*) FROM taken CROSS JOIN LATERAL counts_of(taken)
            WHERE key IS NOT NULL GROUP BY measure, key
            RETURNING id
        ) SELECT bool_or(id % 1000 = 0) INTO is_time_to_fold FROM appended;
    ELSE
        WITH appended AS (
            INSERT INTO profile_count_changes (measure, key, change)
            SELECT measure, key, sum(step) FROM (
                SELECT measure, key, 1 AS step FROM added CROSS JOIN LATERAL counts_of(added)
                UNION ALL SELECT measure, key, -1 FROM taken CROSS JOIN LATERAL counts_of(taken)) AS steps
            WHERE key IS NOT NULL GROUP BY measure, key HAVING sum(step) <> 0
            RETURNING id
        ) SELECT bool_or(id % 1000 = 0) INTO is_time_to_fold FROM appended;
    END IF;
    IF is_time_to_fold THEN
        PERFORM fold_profile_counts();
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER completion_states_count_inserted AFTER INSERT ON completion_states REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_completion_states();
CREATE TRIGGER completion_states_count_updated AFTER UPDATE ON completion_states
    REFERENCING OLD TABLE AS taken NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_completion_states();
CREATE TRIGGER completion_states_count_deleted AFTER DELETE ON completion_states REFERENCING OLD TABLE AS taken
    FOR EACH STATEMENT EXECUTE FUNCTION count_completion_states();

-- What the states of these users should say.
CREATE FUNCTION current_completion_states(user_ids text[]) RETURNS SETOF completion_states
LANGUAGE sql STABLE AS $$
    SELECT users.id, filled_fields(users.username, profiles, picture.user_id IS NOT NULL),
        (users.created_at AT TIME ZONE 'UTC')::date, (profiles.completed_at AT TIME ZONE 'UTC')::date
    FROM unnest(user_ids) AS asked (id)
    JOIN users ON users.id = asked.id
    JOIN profiles ON profiles.user_id = users.id
    LEFT JOIN pictures picture ON picture.user_id = users.id AND picture.is_active
$$;

-- Locked first and read second, by another statement: what is written is what stands there once whoever had the lock is
-- done. In the order of ids, so that two who change the same users can't deadlock.
CREATE FUNCTION refresh_completion_states(user_ids text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM completion_states WHERE user_id = ANY (user_ids) ORDER BY user_id FOR NO KEY UPDATE;
    UPDATE completion_states AS state
    SET filled = current.filled, signed_up_on = current.signed_up_on, completed_on = current.completed_on
    FROM current_completion_states(user_ids) AS current
    WHERE state.user_id = current.user_id
        AND (state.filled, state.signed_up_on, state.completed_on)
            IS DISTINCT FROM (current.filled, current.signed_up_on, current.completed_on);
END $$;

CREATE FUNCTION add_completion_states() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO completion_states
    SELECT * FROM current_completion_states(ARRAY(SELECT user_id FROM added)) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER profiles_complete_inserted AFTER INSERT ON profiles REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION add_completion_states();

-- Most updates change nothing that counts: these lock nothing more.
CREATE FUNCTION refresh_profiles() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE user_ids text[];
BEGIN
    SELECT array_agg(added.user_id) INTO user_ids
    FROM added JOIN taken ON taken.user_id = added.user_id
    WHERE added.completed_at IS DISTINCT FROM taken.completed_at
        OR filled_fields(NULL, added, false) <> filled_fields(NULL, taken, false);
    IF user_ids IS NOT NULL THEN
        PERFORM refresh_completion_states(user_ids);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER profiles_complete_updated AFTER UPDATE ON profiles REFERENCING OLD TABLE AS taken NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION refresh_profiles();

-- By row, since counters of users change with every follow: those updates must cost nothing here.
CREATE FUNCTION refresh_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refresh_completion_states(ARRAY[NEW.id]);
    RETURN NULL;
END $$;
CREATE TRIGGER users_complete_updated AFTER UPDATE OF username, created_at ON users FOR EACH ROW
    WHEN (OLD.username IS DISTINCT FROM NEW.username OR OLD.created_at IS DISTINCT FROM NEW.created_at)
    EXECUTE FUNCTION refresh_user();

CREATE FUNCTION refresh_pictures() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE user_ids text[];
BEGIN
    SELECT array_agg(DISTINCT user_id) INTO user_ids FROM changed WHERE is_active;
    IF user_ids IS NOT NULL THEN
        PERFORM refresh_completion_states(user_ids);
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION refresh_changed_pictures() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE user_ids text[];
BEGIN
    SELECT array_agg(DISTINCT added.user_id) INTO user_ids
    FROM added JOIN taken ON taken.id = added.id WHERE taken.is_active <> added.is_active;
    IF user_ids IS NOT NULL THEN
        PERFORM refresh_completion_states(user_ids);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER pictures_complete_inserted AFTER INSERT ON pictures REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION refresh_pictures();
CREATE TRIGGER pictures_complete_updated AFTER UPDATE ON pictures REFERENCING OLD TABLE AS taken NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION refresh_changed_pictures();
CREATE TRIGGER pictures_complete_deleted AFTER DELETE ON pictures REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION refresh_pictures();

-- Those who are there already. The triggers above keep everybody from changing until this is done.
INSERT INTO completion_states SELECT * FROM current_completion_states(ARRAY(SELECT id FROM users));
SELECT fold_profile_counts();
