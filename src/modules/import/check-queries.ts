import type { Statement } from '../../platform/database.ts';

/** Which of $1 users are here, and what their names are, by primary keys. */
export const namesOfUsers: Statement = {
  name: 'import_names_of_users',
  text: `
select users.id, users.username, profile.display_name as "displayName"
from users join profiles profile on profile.user_id = users.id
where users.id = any($1::text[]) and users.closed_at is null`,
};
