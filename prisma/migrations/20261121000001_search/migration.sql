-- Search by what a username or a display name starts with, case and accents ignored.

-- The display name as search compares it. The server writes it, by src/modules/user/search-name.ts, whenever it writes
-- the display name.
ALTER TABLE "profiles" ADD COLUMN "search_name" TEXT;

-- Byte by byte, whatever the database's collation: only so does an index find what starts with a text, and in order.
-- Prisma can't say so of an index; it passes over partial ones, as these are.
CREATE INDEX users_username_search_idx ON users (username text_pattern_ops) WHERE username IS NOT NULL;
CREATE INDEX profiles_search_name_idx ON profiles (search_name text_pattern_ops, user_id text_pattern_ops)
    WHERE search_name IS NOT NULL;

-- The names that are there already, as near to the server's way as SQL comes: letters of which `lower` knows no lower case
-- in the database's locale (in "C" all but a-z), and marks other than those of Latin, Greek and Cyrillic, stay until the
-- name is written again.
UPDATE profiles SET search_name = folded.name
FROM (
    SELECT user_id, left(btrim(regexp_replace(
        replace(replace(replace(replace(replace(replace(replace(replace(
            translate(
                lower(regexp_replace(normalize(display_name, NFKD), '[\u0300-\u036f\u200b-\u200f\ufe00-\ufe0f]', '', 'g')),
                'øØłŁđĐðÐıς', 'oollddddiσ'),
            'ß', 'ss'), 'ẞ', 'ss'), 'æ', 'ae'), 'Æ', 'ae'), 'œ', 'oe'), 'Œ', 'oe'), 'þ', 'th'), 'Þ', 'th'),
        '\s+', ' ', 'g')), 100) AS name
    FROM profiles
    WHERE display_name IS NOT NULL
) AS folded
WHERE profiles.user_id = folded.user_id;
