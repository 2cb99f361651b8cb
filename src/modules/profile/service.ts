import { v7 as uuidv7 } from 'uuid';
import { ProfileIncompleteError, unauthenticated } from '../../errors.ts';
import type { Prisma } from '../../generated/prisma/client.ts';
import { announce, announcing } from '../../platform/announcements.ts';
import type { Database, Statement, Transaction } from '../../platform/database.ts';
import { toSearchName } from '../user/search-name.ts';
import { claimUsername, toUsernameTaken } from '../user/username-service.ts';
import { completionOf } from './completion.ts';
import { type ProfilePatch, readProfileInput } from './input.ts';

/**
 * Changes what was given of the user's username and profile: all of it or nothing. Throws InvalidInputError,
 * UsernameTakenError, RATE_LIMITED.
 */
export async function upsertProfile({ db }: { db: Database }, userId: string, input: unknown): Promise<void> {
  const { username, patch } = readProfileInput(input);
  const outcome = await db.transaction(async (tx) => {
    const owner = await lockOwner(tx, userId);
    const claim =
      username === undefined ? 'UNCHANGED' : await claimUsername(tx, { userId, from: owner.username, to: username });
    if (claim !== 'TAKEN') await changeProfile(tx, { ...owner, username: username ?? owner.username }, patch);
    return claim;
  });
  if (outcome === 'TAKEN' && username !== undefined) throw await toUsernameTaken({ db }, username);
}

/** Marks the user's profile as complete; one that is stays as it was. Throws ProfileIncompleteError. */
export async function markProfileComplete({ db }: { db: Database }, userId: string): Promise<void> {
  await db.transaction(async (tx) => {
    const { username, profile, pictures } = await lockOwner(tx, userId);
    const { missingRequiredFields } = completionOf({ ...profile, username, hasPicture: pictures.length > 0 });
    if (missingRequiredFields.length > 0) throw new ProfileIncompleteError(missingRequiredFields);
    if (profile.completedAt) return;
    const now = new Date();
    await updateProfile(tx, userId, { completedAt: now, updatedAt: now });
    await tx.auditEntry.create({
      data: { id: uuidv7(), userId, action: 'profile.completed', actor: 'OWNER', changedFields: ['isComplete'] },
    });
  });
}

/** Others never see it, so `updated_at`, which they do, stays. No row changes the second time. */
const skipSetup: Statement = {
  name: 'skip_profile_setup',
  text: `
with skipped as (
  update profiles set setup_skipped_at = now(), revision = revision + 1
  where user_id = $1 and setup_skipped_at is null
  returning user_id, revision
),
audited as (
  insert into audit_entries (id, user_id, action, actor, changed_fields)
  select $2::uuid, user_id, 'profile.setupSkipped', 'OWNER', '{setupSkippedAt}' from skipped
)
select ${announcing('profile', 'skipped')} from skipped`,
};

/** Notes that the user needn't be sent to profile setup again; the first time counts. */
export async function skipProfileSetup({ db }: { db: Pick<Database, 'query'> }, userId: string): Promise<void> {
  await db.query(skipSetup, [userId, uuidv7()]);
}

type LockedOwner = Awaited<ReturnType<typeof lockOwner>>;

/** The user's row is locked first, so that two changes of one user come one after the other. */
async function lockOwner(tx: Transaction, userId: string) {
  await tx.$queryRaw`select id from users where id = ${userId} for no key update`;
  const owner = await tx.user.findUnique({
    where: { id: userId },
    select: { id: true, username: true, profile: true, pictures: { where: { isActive: true }, select: { id: true } } },
  });
  if (!owner?.profile) throw unauthenticated('The user of this token was deleted.');
  return { ...owner, profile: owner.profile };
}

async function changeProfile(
  tx: Transaction,
  { id: userId, username, profile, pictures }: LockedOwner,
  patch: ProfilePatch,
): Promise<void> {
  const changedColumns = (Object.keys(patch) as (keyof ProfilePatch)[]).filter(
    (column) => JSON.stringify(patch[column]) !== JSON.stringify(profile[column]),
  );
  if (changedColumns.length === 0) return;
  const changed = { ...profile, ...patch };
  const { missingRequiredFields } = completionOf({ ...changed, username, hasPicture: pictures.length > 0 });
  const now = new Date();
  await updateProfile(tx, userId, {
    ...patch,
    ...(patch.displayName !== undefined && { searchName: patch.displayName && toSearchName(patch.displayName) }),
    updatedAt: now,
    ...(missingRequiredFields.length > 0 && { completedAt: null }),
  });
  if (changedColumns.includes('displayName')) await tx.user.update({ where: { id: userId }, data: { updatedAt: now } });
  await tx.auditEntry.create({
    data: {
      id: uuidv7(),
      userId,
      action: 'profile.changed',
      actor: 'OWNER',
      changedFields: toFieldNames(changedColumns),
    },
  });
}

/** Writes the profile, and tells whoever is subscribed to it. */
async function updateProfile(tx: Transaction, userId: string, data: Prisma.ProfileUpdateInput): Promise<void> {
  const { revision } = await tx.profile.update({
    where: { userId },
    data: { ...data, revision: { increment: 1 } },
    select: { revision: true },
  });
  await announce(tx, 'profile', { userId, revision });
}

/** The API knows the three columns of the salary as one field. */
const toFieldNames = (columns: string[]) => [
  ...new Set(columns.map((column) => (column.startsWith('salary') ? 'salary' : column))),
];
