import { v7 as uuidv7 } from 'uuid';
import { unauthenticated } from '../../errors.ts';
import type { Database, Statement } from '../../platform/database.ts';

/**
 * One statement, so that a first request that comes twice, or together with a webhook, makes one user with one audit
 * entry. Profile, preferences and privacy come from a trigger.
 */
const insertUser: Statement = {
  name: 'insert_user',
  text: `
with created as (
  insert into users (id)
  select $1 where not exists (select from tombstones where user_id = $1)
  on conflict do nothing
  returning id
)
insert into audit_entries (id, user_id, action, actor, changed_fields)
select $2::uuid, id, 'user.created', 'OWNER', '{}' from created`,
};

const isThere: Statement = { name: 'user_exists', text: 'select from users where id = $1' };

/** Creates the user of a valid token where there is none yet. Throws UNAUTHENTICATED for one who was deleted. */
export async function ensureUser({ db }: { db: Pick<Database, 'query'> }, userId: string): Promise<void> {
  await db.query(insertUser, [userId, uuidv7()]);
  const rows = await db.query(isThere, [userId]);
  if (rows.length === 0) throw userDeleted();
}

/** What an old token of a user gets who was deleted. */
export const userDeleted = () => unauthenticated('The user of this token was deleted.');
