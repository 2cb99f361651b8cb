import type { Transaction } from '../../platform/database.ts';
import type { Platform } from '../../platform/platform.ts';
import { enqueue } from '../outbox/service.ts';
import { lockIdentities } from '../user/identity-lock.ts';
import { deletedAmong } from '../user/queries.ts';
import { lockNames, takenUsernames } from '../user/username-service.ts';
import { auditImport } from './audit.ts';
import { type CurrentUser, type Merged, mergeUser } from './merge.ts';
import type { ImportedUser } from './record.ts';
import {
  announceProfiles,
  changeUsernames,
  dateProfiles,
  insertUsers,
  lockUsers,
  readUsers,
  touchedFields,
  updateAccounts,
  updatePreferences,
  updatePrivacy,
  updateProfiles,
} from './user-queries.ts';
import { toAccountRow, toPreferencesRow, toPrivacyRow, toProfileRow } from './user-rows.ts';

/** What became of a user of a batch. */
export interface WrittenUser {
  id: string;
  outcome: 'created' | 'changed' | 'unchanged' | 'left out';
  /** The username that the file has was taken since it was checked. */
  lostUsername: string | null;
}

/**
 * Creates users, or changes those who are here as `mergeUser` says: all of a batch, or nothing. Left out is who was deleted.
 */
export async function writeUsers(
  { db, mirrors }: Pick<Platform, 'db' | 'mirrors'>,
  users: ImportedUser[],
  { overwrite }: { overwrite: boolean },
): Promise<WrittenUser[]> {
  return db.transaction(async (tx) => {
    const { there, created } = await ensureUsers(tx, users);
    const current = await readCurrent(tx, there, created);
    const touched = await readTouched(
      tx,
      there.filter((id) => !created.has(id)),
    );
    const taken = await claimNames(tx, users, { current, overwrite });
    const merged = users.flatMap((user) => {
      const here = current.get(user.id);
      const rules = { overwrite, touched: touched.get(user.id) ?? nothing, isUsernameTaken: taken.has(user.id) };
      return here ? [mergeUser(here, user, rules)] : [];
    });
    await writeParts(tx, merged, current);
    if (created.size > 0) await tx.$executeRawUnsafe(dateProfiles.text, [...created]);
    const changes = merged.filter(({ id, changedFields }) => created.has(id) || changedFields.length > 0);
    await auditImport(
      tx,
      changes.map(({ id, changedFields }) => ({ userId: id, changedFields })),
    );
    // How far a profile is: Clerk is to have it where it has a copy.
    if (mirrors.metadata) for (const { id } of changes) await enqueue(tx, { userId: id, kind: 'METADATA' });
    const changed = new Set(changes.map(({ id }) => id));
    return users.map(({ id, account }) => ({
      id,
      outcome: toOutcome({ isThere: current.has(id), isCreated: created.has(id), isChanged: changed.has(id) }),
      lostUsername: taken.has(id) ? (account.username ?? null) : null,
    }));
  });
}

const nothing: ReadonlySet<string> = new Set();

function toOutcome({ isThere, isCreated, isChanged }: Record<'isThere' | 'isCreated' | 'isChanged', boolean>) {
  if (!isThere) return 'left out';
  if (isCreated) return 'created';
  return isChanged ? 'changed' : 'unchanged';
}

/** Makes sure that the users are there, and locks them; those who were deleted stay away. */
async function ensureUsers(tx: Transaction, users: ImportedUser[]) {
  const ids = users.map(({ id }) => id);
  await lockIdentities(tx, ids);
  const deleted = toIds(await tx.$queryRawUnsafe<{ userId: string }[]>(deletedAmong.text, ids), 'userId');
  const wanted = users.filter(({ id }) => !deleted.has(id));
  const rows = wanted.map(({ id, account }) => ({ id, created_at: account.createdAt ?? null }));
  const created = await tx.$queryRawUnsafe<{ id: string }[]>(insertUsers.text, JSON.stringify(rows));
  const there = await tx.$queryRawUnsafe<{ id: string }[]>(
    lockUsers.text,
    wanted.map(({ id }) => id),
  );
  return { there: there.map(({ id }) => id), created: toIds(created, 'id') };
}

const toIds = <Key extends string>(rows: Record<Key, string>[], key: Key) => new Set(rows.map((row) => row[key]));

type UserRow = CurrentUser['account'] &
  CurrentUser['profile'] &
  CurrentUser['preferences'] &
  Omit<CurrentUser['privacy'], 'profile'> & { profileVisibility: CurrentUser['privacy']['profile'] } & Pick<
    CurrentUser,
    'id' | 'isKnownToClerk' | 'hasPicture'
  >;

async function readCurrent(tx: Transaction, ids: string[], created: Set<string>): Promise<Map<string, CurrentUser>> {
  const rows = await tx.$queryRawUnsafe<UserRow[]>(readUsers.text, ids);
  return new Map(rows.map((row) => [row.id, { ...toCurrent(row), isNew: created.has(row.id) }]));
}

function toCurrent(row: UserRow): Omit<CurrentUser, 'isNew'> {
  const { id, isKnownToClerk, hasPicture, username, email, firstName, lastName, createdAt, ...parts } = row;
  const { favoriteGenres, adultContent, language, theme, notifications, ...rest } = parts;
  const { profileVisibility, watchHistory, ratings, ...profile } = rest;
  return {
    id,
    isKnownToClerk,
    hasPicture,
    account: { username, email, firstName, lastName, createdAt },
    preferences: { favoriteGenres, adultContent, language, theme, notifications },
    privacy: { profile: profileVisibility, watchHistory, ratings },
    profile,
  };
}

async function readTouched(tx: Transaction, ids: string[]): Promise<Map<string, Set<string>>> {
  if (ids.length === 0) return new Map();
  const rows = await tx.$queryRawUnsafe<{ userId: string; fields: string[] }[]>(touchedFields.text, ids);
  return new Map(rows.map(({ userId, fields }) => [userId, new Set(fields)]));
}

/** Keeps the names that users are to get from all others, and answers whose name somebody else has. */
async function claimNames(
  tx: Transaction,
  users: ImportedUser[],
  { current, overwrite }: { current: Map<string, CurrentUser>; overwrite: boolean },
): Promise<Set<string>> {
  const claims = users.flatMap(({ id, account }) => {
    const here = current.get(id)?.account.username ?? null;
    const isWanted = current.has(id) && account.username !== here && (here === null || overwrite);
    return isWanted && account.username ? [{ id, from: here, to: account.username }] : [];
  });
  if (claims.length === 0) return new Set();
  await lockNames(
    tx,
    claims.flatMap(({ from, to }) => (from ? [from, to] : [to])),
  );
  const [names, ids] = [claims.map(({ to }) => to), claims.map(({ id }) => id)];
  const taken = await tx.$queryRawUnsafe<{ userId: string }[]>(takenUsernames.text, names, ids);
  return toIds(taken, 'userId');
}

async function writeParts(tx: Transaction, merged: Merged[], current: Map<string, CurrentUser>): Promise<void> {
  const write = async ({ text }: { text: string }, rows: object[]) => {
    if (rows.length > 0) await tx.$queryRawUnsafe(text, JSON.stringify(rows));
  };
  await write(
    updatePrivacy,
    merged.flatMap(({ id, privacy }) => (privacy ? [toPrivacyRow(id, privacy)] : [])),
  );
  await write(
    updateAccounts,
    merged.flatMap((user) => toAccountRow(user, current)),
  );
  await writeUsernames(tx, merged, current);
  await write(
    updateProfiles,
    merged.flatMap(({ id, profile }) => (profile ? [toProfileRow(id, profile)] : [])),
  );
  await write(
    updatePreferences,
    merged.flatMap(({ id, preferences }) => (preferences ? [toPreferencesRow(id, preferences)] : [])),
  );
  const announced = merged.filter(({ profile, changedFields }) => profile || changedFields.some(isShownWithProfile));
  if (announced.length > 0)
    await tx.$queryRawUnsafe(
      announceProfiles.text,
      announced.map(({ id }) => id),
    );
}

const isShownWithProfile = (field: string) => field === 'username' || field === 'privacy.profile';

async function writeUsernames(tx: Transaction, merged: Merged[], current: Map<string, CurrentUser>): Promise<void> {
  const renamed = merged.flatMap(({ id, account, changedFields }) =>
    account && changedFields.includes('username') ? [{ id, ...account }] : [],
  );
  if (renamed.length === 0) return;
  await tx.$executeRawUnsafe(
    changeUsernames.text,
    renamed.map(({ id }) => id),
    renamed.map(({ username }) => username),
    // Whoever came with their name has had it from the first.
    renamed.map(({ id, createdAt }) => (current.get(id)?.isNew ? createdAt : new Date())),
  );
}
