import { announcing } from '../../platform/announcements.ts';
import type { Statement, Transaction } from '../../platform/database.ts';

const countUp: Statement = {
  name: 'count_profile_change',
  text: `
with changed as (
  update profiles set revision = revision + 1 where user_id = $1 returning user_id, revision
)
select ${announcing('profile', 'changed')}::text from changed`,
};

/**
 * Tells whoever is subscribed to a user's profile, once the transaction commits, that what they see of it changed by
 * something else than a write of the profile itself: by the username, or by who may see it.
 */
export async function announceProfile(tx: Transaction, userId: string): Promise<void> {
  await tx.$queryRawUnsafe(countUp.text, userId);
}
