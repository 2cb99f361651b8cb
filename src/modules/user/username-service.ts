import { v7 as uuidv7 } from 'uuid';
import { rateLimited, UsernameTakenError } from '../../errors.ts';
import type { AuditActor } from '../../generated/prisma/enums.ts';
import type { Database, Statement, Transaction } from '../../platform/database.ts';
import { polling } from '../../platform/worker.ts';
import { announceProfile } from './profile-revision.ts';
import { parseUsername, suggestUsernames } from './username.ts';

/** A former username is kept for its former owner for so long; anybody may have it afterwards. */
const heldDays = 30;

/** Takes the names of deleted accounts out of the history that nobody is kept from any more. By partial index. */
export const forgetHeldUsernames: Statement = {
  name: 'forget_held_usernames',
  text: `${polling}
delete from username_history where user_id is null and released_at <= now() - interval '${heldDays} days'`,
};
const maxChangesADay = 5;
const suggestionCount = 3;

/**
 * Which of $1 usernames are free for $2 user (null: for anybody): nobody else has them, and nobody else may have them back.
 * By unique index and by history.
 */
export const freeUsernames: Statement = {
  name: 'free_usernames',
  text: `
select candidate.username,
  exists (select from users where users.username = candidate.username) as "isOwn"
from unnest($1::text[]) with ordinality as candidate (username, ordinal)
where not exists (
    select from users where users.username = candidate.username and users.id is distinct from $2::text)
  and not exists (
    select from username_history history
    where history.username = candidate.username
      -- Nobody's is the name of a deleted account: held for everybody.
      and (history.user_id is null or history.user_id is distinct from $2::text)
      and history.released_at > now() - interval '${heldDays} days')
order by ordinal`,
};

/**
 * Which of $1 usernames aren't free for the user at the same place of $2: somebody else has them, or may have them back. By
 * unique index and by history.
 */
export const takenUsernames: Statement = {
  name: 'taken_usernames',
  text: `
select candidate.username, candidate.user_id as "userId"
from unnest($1::text[], $2::text[]) as candidate (username, user_id)
where exists (select from users where users.username = candidate.username and users.id <> candidate.user_id)
  or exists (
    select from username_history history
    where history.username = candidate.username
      and (history.user_id is null or history.user_id <> candidate.user_id)
      and history.released_at > now() - interval '${heldDays} days')`,
};

/** A username that is free for somebody; their own is. */
interface FreeUsername {
  username: string;
  isOwn: boolean;
}

const findFreeUsernames = (
  { db }: { db: Pick<Database, 'query'> },
  usernames: string[],
  userId: string | null,
): Promise<FreeUsername[]> => db.query<FreeUsername>(freeUsernames, [usernames, userId]);

/** Whether a username can be had, as the API answers it. */
export interface UsernameCheck {
  /** As it would be stored. */
  username: string;
  reason: 'INVALID' | 'RESERVED' | 'TAKEN' | null;
  suggestions: string[];
}

/** Whether the viewer (null: anybody) can have a username; what they have, or had last, they can. */
export async function checkUsername(
  deps: { db: Pick<Database, 'query'> },
  { viewerId, raw }: { viewerId: string | null; raw: string },
): Promise<UsernameCheck> {
  const parsed = parseUsername(raw);
  const asked = 'username' in parsed ? [parsed.username] : [];
  const free = await findFreeUsernames(deps, [...asked, ...suggestUsernames(raw)], viewerId);
  const username = asked[0] ?? raw.trim().toLowerCase();
  if (asked.length > 0 && free[0]?.username === username) return { username, reason: null, suggestions: [] };
  return { username, reason: 'reason' in parsed ? parsed.reason : 'TAKEN', suggestions: toSuggestions(free) };
}

const toSuggestions = (free: FreeUsername[]) =>
  free
    .filter(({ isOwn }) => !isOwn)
    .slice(0, suggestionCount)
    .map(({ username }) => username);

/** The error of a username that is taken or held, with free ones that come close. */
export async function toUsernameTaken(
  deps: { db: Pick<Database, 'query'> },
  username: string,
): Promise<UsernameTakenError> {
  const free = await findFreeUsernames(deps, suggestUsernames(username), null);
  return new UsernameTakenError(username, toSuggestions(free));
}

/** What `claimUsername` found: the name is the user's now, was already, or somebody else's. */
export type UsernameClaim = 'CHANGED' | 'UNCHANGED' | 'TAKEN';

/** A user's change of username, and who asked for it. */
export interface UsernameChange {
  userId: string;
  from: string | null;
  to: string;
  /** The owner if left out. */
  actor?: AuditActor;
}

/**
 * Gives the user a username that `parseUsername` let pass; their former one is held for them. Throws RATE_LIMITED past five
 * changes in 24 hours by the owner. The caller has locked the user's row.
 */
export async function claimUsername(
  tx: Transaction,
  { userId, from, to, actor = 'OWNER' }: UsernameChange,
): Promise<UsernameClaim> {
  if (from === to) return 'UNCHANGED';
  await lockNames(tx, [to, ...(from ? [from] : [])]);
  if (!(await isFree(tx, to, userId))) return 'TAKEN';
  // What was changed elsewhere has happened, within the limits there: refused here, the two would differ from then on.
  if (actor === 'OWNER') await assertMayChange(tx, userId);
  const now = new Date();
  await tx.usernameHistory.updateMany({ where: { userId, releasedAt: null }, data: { releasedAt: now } });
  await tx.usernameHistory.create({ data: { userId, username: to, takenAt: now } });
  await tx.user.update({ where: { id: userId }, data: { username: to, updatedAt: now } });
  await tx.auditEntry.create({
    data: { id: uuidv7(), userId, action: 'username.changed', actor, changedFields: ['username'] },
  });
  await announceProfile(tx, userId);
  return 'CHANGED';
}

/** Keeps the names of a user who is being deleted from anybody else for as long as any name that was given up. */
export async function holdUsernames(tx: Transaction, userId: string): Promise<void> {
  const [now, since] = [new Date(), new Date(Date.now() - heldDays * 24 * 3_600_000)];
  await tx.usernameHistory.updateMany({
    // What is free already, another may have had meanwhile.
    where: { userId, OR: [{ releasedAt: null }, { releasedAt: { gt: since } }] },
    data: { releasedAt: now },
  });
}

/** Whoever takes or gives up a name waits here for the others; in order, so that two who swap names can't deadlock. */
export async function lockNames(tx: Transaction, names: string[]): Promise<void> {
  const keys = names.toSorted().map((name) => `visage.username.${name}`);
  await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended(key, 0)) from unnest(${keys}::text[]) as key`;
}

async function isFree(tx: Transaction, username: string, userId: string): Promise<boolean> {
  const rows = await tx.$queryRawUnsafe<unknown[]>(freeUsernames.text, [username], userId);
  return rows.length > 0;
}

async function assertMayChange(tx: Transaction, userId: string): Promise<void> {
  const since = new Date(Date.now() - 24 * 3_600_000);
  const changes = await tx.usernameHistory.findMany({
    where: { userId, takenAt: { gt: since } },
    orderBy: { takenAt: 'asc' },
    select: { takenAt: true },
  });
  const oldest = changes[changes.length - maxChangesADay];
  if (!oldest) return;
  const waitS = (oldest.takenAt.getTime() - since.getTime()) / 1000;
  throw rateLimited(`Expected at most ${maxChangesADay} changes of the username in 24 hours.`, waitS);
}
