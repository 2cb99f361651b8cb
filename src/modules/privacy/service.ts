import { v7 as uuidv7 } from 'uuid';
import { unauthenticated } from '../../errors.ts';
import type { Database, Transaction } from '../../platform/database.ts';
import { announceProfile } from '../user/profile-revision.ts';
import { readPrivacyInput } from './input.ts';

/** Changes what was given of the user's privacy. A profile that becomes PUBLIC accepts the requests that wait. */
export async function upsertPrivacy({ db }: { db: Database }, userId: string, input: unknown): Promise<void> {
  const patch = readPrivacyInput(input);
  const changedFields = Object.keys(patch);
  if (changedFields.length === 0) return;
  await db.transaction(async (tx) => {
    const { count } = await tx.privacy.updateMany({ where: { userId }, data: { ...patch, updatedAt: new Date() } });
    if (count === 0) throw unauthenticated('The user of this token was deleted.');
    if (patch.profile === 'PUBLIC') await acceptAllRequests(tx, userId);
    if (patch.profile) await announceProfile(tx, userId);
    await tx.auditEntry.create({
      data: { id: uuidv7(), userId, action: 'privacy.changed', actor: 'OWNER', changedFields },
    });
  });
}

async function acceptAllRequests(tx: Transaction, userId: string): Promise<void> {
  await tx.$executeRaw`
    with accepted as (delete from follow_requests where requestee_id = ${userId} returning requester_id)
    insert into follows (follower_id, followee_id)
    select requester_id, ${userId} from accepted order by requester_id
    on conflict do nothing`;
}
