import { v7 as uuidv7 } from 'uuid';
import { rateLimited, UsernameTakenError } from '../../errors.ts';
import type { Database, Statement, Transaction } from '../../platform/database.ts';
import { suggestUsernames } from './username.ts';

/** A former username is kept for its former owner for so long; anybody may have it afterwards. */
const heldDays = 30;
const maxChangesADay = 5;
const suggestionCount = 3;

/** Which of $1 usernames nobody has and nobody but $2 may have back. By unique index and by history. */
const freeUsernames: Statement = {
  name: 'free_usernames',
  text: `
select candidate.username from unnest($1::text[]) with ordinality as candidate (username, ordinal)
where not exists (select from users where users.username = candidate.username)
  and not exists (
    select from username_history history
    where history.username = candidate.username and history.user_id is distinct from $2
      and history.released_at > now() - interval '${heldDays} days')
order by ordinal`,
};

/** The free ones among some usernames, for one user. */
export async function findFreeUsernames(
  { db }: { db: Pick<Database, 'query'> },
  usernames: string[],
  userId: string | null,
): Promise<string[]> {
  const rows = await db.query<{ username: string }>(freeUsernames, [usernames, userId]);
  return rows.map(({ username }) => username);
}

/** The error of a username that is taken or held, with free ones that come close. */
export async function toUsernameTaken(
  deps: { db: Pick<Database, 'query'> },
  username: string,
): Promise<UsernameTakenError> {
  const free = await findFreeUsernames(deps, suggestUsernames(username), null);
  return new UsernameTakenError(username, free.slice(0, suggestionCount));
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
  return 'CHANGED';
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
