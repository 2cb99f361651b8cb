import { v7 as uuidv7 } from 'uuid';
import { rateLimited, UsernameTakenError } from '../../errors.ts';
import type { Database, Statement, Transaction } from '../../platform/database.ts';
import { announceProfile } from './profile-revision.ts';
import { parseUsername, suggestUsernames } from './username.ts';

/** A former username is kept for its former owner for so long; anybody may have it afterwards. */
const heldDays = 30;
const maxChangesADay = 5;
const suggestionCount = 3;

/**
 * Which of $1 usernames are free for $2 user (null: for anybody): nobody else has them, and nobody else may have them back.
 * By unique index and by history.
 */
const freeUsernames: Statement = {
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

/**
 * Gives the user a username that `parseUsername` let pass; their former one is held for them. Throws RATE_LIMITED past five
 * changes in 24 hours. The caller has locked the user's row.
 */
export async function claimUsername(
  tx: Transaction,
  { userId, from, to }: { userId: string; from: string | null; to: string },
): Promise<UsernameClaim> {
  if (from === to) return 'UNCHANGED';
  await lockNames(tx, [to, ...(from ? [from] : [])]);
  if (!(await isFree(tx, to, userId))) return 'TAKEN';
  await assertMayChange(tx, userId);
  const now = new Date();
  await tx.usernameHistory.updateMany({ where: { userId, releasedAt: null }, data: { releasedAt: now } });
  await tx.usernameHistory.create({ data: { userId, username: to, takenAt: now } });
  await tx.user.update({ where: { id: userId }, data: { username: to, updatedAt: now } });
  await tx.auditEntry.create({
    data: { id: uuidv7(), userId, action: 'username.changed', actor: 'OWNER', changedFields: ['username'] },
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
async function lockNames(tx: Transaction, names: string[]): Promise<void> {
  for (const name of names.toSorted()) {
    await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${`visage.username.${name}`}, 0))`;
  }
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
