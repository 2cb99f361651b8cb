import { v7 as uuidv7 } from 'uuid';
import { InvalidInputError, ProfileIncompleteError, unauthenticated } from '../../errors.ts';
import type { Prisma } from '../../generated/prisma/client.ts';
import { announce, announcing } from '../../platform/announcements.ts';
import { ClerkRefusedError } from '../../platform/clerk.ts';
import type { Statement, Transaction } from '../../platform/database.ts';
import type { Platform } from '../../platform/platform.ts';
import { enqueue } from '../outbox/service.ts';
import { toSearchName } from '../user/search-name.ts';
import { claimUsername, toUsernameTaken } from '../user/username-service.ts';
import { completionOf } from './completion.ts';
import { type ProfilePatch, readProfileInput } from './input.ts';
import { tellUsername } from './tell-username.ts';

type Deps = Pick<Platform, 'db' | 'mirrors'>;

/**
 * Changes what was given of the user's username and profile, the username in Clerk too: all of it or nothing. Throws
 * InvalidInputError, UsernameTakenError, RATE_LIMITED, and UNAUTHENTICATED for a user whom Clerk doesn't have.
 */
export async function upsertProfile(
  deps: Deps & Pick<Platform, 'clerk' | 'clerkGate'>,
  userId: string,
  input: unknown,
): Promise<void> {
  const { username, patch } = readProfileInput(input);
  const outcome = await withRefusalsOfClerk(deps, username, () =>
    deps.db.transaction(async (tx) => {
      const owner = await lockOwner(tx, userId);
      const claim =
        username === undefined ? 'UNCHANGED' : await claimUsername(tx, { userId, from: owner.username, to: username });
      if (claim === 'TAKEN') return claim;
      const isChanged = await changeProfile(tx, { ...owner, username: username ?? owner.username }, patch);
      if (isChanged || claim === 'CHANGED') await mirrorMetadata(tx, deps, userId);
      // Last: what may be undone and run again comes before what Clerk is told.
      if (claim === 'CHANGED' && username !== undefined) await tellUsername(tx, deps, { userId, username });
      return claim;
    }),
  );
  if (outcome === 'TAKEN' && username !== undefined) throw await toUsernameTaken(deps, username);
}

/** Clerk's refusal of a username as the mistake that it is here. */
async function withRefusalsOfClerk<Result>(
  deps: Pick<Platform, 'db'>,
  username: string | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ClerkRefusedError) || username === undefined) throw error;
    if (error.code === 'form_identifier_exists') throw await toUsernameTaken(deps, username);
    throw new InvalidInputError([{ path: 'username', message: error.message }]);
  }
}

/** Marks the user's profile as complete; one that is stays as it was. Throws ProfileIncompleteError. */
export async function markProfileComplete({ db, mirrors }: Deps, userId: string): Promise<void> {
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
    await mirrorMetadata(tx, { mirrors }, userId);
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
select ${announcing('profile', 'skipped')}::text from skipped`,
};

/** Notes that the user needn't be sent to profile setup again; the first time counts. */
export async function skipProfileSetup({ db, mirrors }: Deps, userId: string): Promise<void> {
  if (!mirrors.metadata) return void (await db.query(skipSetup, [userId, uuidv7()]));
  await db.transaction(async (tx) => {
    const skipped = await tx.$queryRawUnsafe<object[]>(skipSetup.text, userId, uuidv7());
    if (skipped.length > 0) await mirrorMetadata(tx, { mirrors }, userId);
  });
}

/** How far the profile is may have changed: Clerk is to have it, too, where it has a copy. */
export async function mirrorMetadata(
  tx: Transaction,
  { mirrors }: Pick<Platform, 'mirrors'>,
  userId: string,
): Promise<void> {
  if (mirrors.metadata) await enqueue(tx, { userId, kind: 'METADATA' });
}

type LockedOwner = Awaited<ReturnType<typeof lockOwner>>;

/** The user's row is locked first, so that two changes of one user come one after the other. */
async function lockOwner(tx: Transaction, userId: string) {
  await tx.$queryRaw`select id from users where id = ${userId} for no key update`;
  const owner = await tx.user.findUnique({
    // Closed while this waited for its row: what would be written now, such as a username, could outlive the user.
    where: { id: userId, closedAt: null },
    select: { id: true, username: true, profile: true, pictures: { where: { isActive: true }, select: { id: true } } },
  });
  if (!owner?.profile) throw unauthenticated('The user of this token was deleted.');
  return { ...owner, profile: owner.profile };
}

/** Whether anything of it is new. */
async function changeProfile(
  tx: Transaction,
  { id: userId, username, profile, pictures }: LockedOwner,
  patch: ProfilePatch,
): Promise<boolean> {
  const changedColumns = (Object.keys(patch) as (keyof ProfilePatch)[]).filter(
    (column) => JSON.stringify(patch[column]) !== JSON.stringify(profile[column]),
  );
  if (changedColumns.length === 0) return false;
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
  return true;
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
