import { v7 as uuidv7 } from 'uuid';
import { InvalidInputError } from '../../errors.ts';
import { announcing } from '../../platform/announcements.ts';
import type { Database, Statement } from '../../platform/database.ts';
import { maxNotifications, readPreferencesInput } from './input.ts';

/**
 * One statement, which merges in the database: two tabs that change different things at the same moment lose nothing. Null
 * leaves a column as it is. No row comes back where the notifications would be too many.
 */
const mergePreferences: Statement = {
  name: 'merge_preferences',
  text: `
with changed as (
  update preferences set
    favorite_genres = coalesce($2::int[], favorite_genres),
    adult_content = coalesce($3::boolean, adult_content),
    language = coalesce($4::text, language),
    theme = coalesce($5::theme, theme),
    notifications = case when $7 then '{}' else notifications end || $6::jsonb,
    revision = revision + 1,
    updated_at = now()
  where user_id = $1
    and (select count(*) from jsonb_object_keys(case when $7 then '{}' else notifications end || $6::jsonb)) <= ${maxNotifications}
  returning user_id, revision
),
audited as (
  insert into audit_entries (id, user_id, action, actor, changed_fields)
  select $8::uuid, user_id, 'preferences.changed', 'OWNER', $9::text[] from changed
)
select ${announcing('preferences', 'changed')} from changed`,
};

/** Changes what was given of the user's preferences, all of it or nothing. Throws InvalidInputError. */
export async function upsertPreferences({ db }: { db: Database }, userId: string, input: unknown): Promise<void> {
  const patch = readPreferencesInput(input);
  const changedFields = Object.keys(patch);
  if (changedFields.length === 0) return;
  const { favoriteGenres = null, adultContent = null, language = null, theme = null, notifications = [] } = patch;
  const merged = Object.fromEntries((notifications ?? []).map(({ name, enabled }) => [name, enabled]));
  const rows = await db.query(mergePreferences, [
    userId,
    favoriteGenres,
    adultContent,
    language,
    theme,
    JSON.stringify(merged),
    notifications === null,
    uuidv7(),
    changedFields,
  ]);
  if (rows.length > 0) return;
  const message = `Expected at most ${maxNotifications} notifications, those set before included.`;
  throw new InvalidInputError([{ path: 'notifications', message }]);
}
