import type { ClerkUser } from '../../platform/clerk.ts';
import type { Database, Statement } from '../../platform/database.ts';
import { deletedAmong } from '../user/queries.ts';
import { type Fact, fieldNames, toFacts } from './clerk-facts.ts';
import { toTold } from './clerk-username.ts';

/** A user here, as far as Clerk has a say in them. */
export interface UserHere extends Record<Fact, string | null> {
  id: string;
  username: string | null;
  clerkUsername: string | null;
  clerkUpdatedAt: Date | null;
  clerkMirroredImageUrl: string | null;
  isClosed: boolean;
  /** The owner chose a username that Clerk hasn't been told of yet. */
  isTellingClerk: boolean;
}

/** $1 users, by primary key and by the outbox' unique index. */
const usersHere: Statement = {
  name: 'reconcile_users',
  text: `
select id, username, email, first_name as "firstName", last_name as "lastName", clerk_image_url as "clerkImageUrl",
  clerk_username as "clerkUsername", clerk_updated_at as "clerkUpdatedAt",
  clerk_mirrored_image_url as "clerkMirroredImageUrl", closed_at is not null as "isClosed",
  exists (select from clerk_outbox where user_id = users.id and kind = 'USERNAME') as "isTellingClerk"
from users
where id = any($1::text[])`,
};

/** A user in Clerk and here. */
export interface Pair {
  clerkUser: ClerkUser;
  here: UserHere;
}

/** Users of Clerk's, by how they stand to what is here. Those who are as Clerk has them, or newer, are in none. */
export interface Comparison {
  missing: ClerkUser[];
  differing: Pair[];
  /** Of an older state, which says the same. */
  outdated: Pair[];
  /** They deleted their account here. */
  deletedHere: ClerkUser[];
}

/** Looks for users of Clerk's here. */
export async function compareUsers(
  { db }: { db: Pick<Database, 'query'> },
  clerkUsers: ClerkUser[],
): Promise<Comparison> {
  const ids = clerkUsers.map(({ id }) => id);
  const known = new Map((await db.query<UserHere>(usersHere, [ids])).map((here) => [here.id, here]));
  const deleted = new Set((await db.query<{ userId: string }>(deletedAmong, [ids])).map(({ userId }) => userId));
  const comparison: Comparison = { missing: [], differing: [], outdated: [], deletedHere: [] };
  for (const clerkUser of clerkUsers) {
    const here = known.get(clerkUser.id);
    if (here?.isClosed || deleted.has(clerkUser.id)) comparison.deletedHere.push(clerkUser);
    else if (!here) comparison.missing.push(clerkUser);
    // Clerk's lists may lag behind its webhooks.
    else if (here.clerkUpdatedAt && here.clerkUpdatedAt > clerkUser.updatedAt) continue;
    else if (isDiffering({ clerkUser, here })) comparison.differing.push({ clerkUser, here });
    else if (isOutdated({ clerkUser, here })) comparison.outdated.push({ clerkUser, here });
  }
  return comparison;
}

/** What Clerk alone says, and says otherwise. */
export function differingFacts({ clerkUser, here }: Pair): Fact[] {
  const facts = toFacts(clerkUser, here.clerkMirroredImageUrl);
  return (Object.keys(fieldNames) as Fact[]).filter((name) => facts[name] !== here[name]);
}

/** Clerk tells of another username than before, and than the one here; what the owner chose here since is no difference. */
export function hasNewUsername({ clerkUser: { username }, here }: Pair): boolean {
  const told = username === null ? null : toTold(username);
  return told !== null && told !== here.clerkUsername && told !== here.username;
}

const isDiffering = (pair: Pair): boolean => hasNewUsername(pair) || differingFacts(pair).length > 0;

const isOutdated = ({ here, clerkUser }: Pair): boolean =>
  here.clerkUpdatedAt === null ||
  here.clerkUpdatedAt < clerkUser.updatedAt ||
  (clerkUser.username !== null && toTold(clerkUser.username) !== here.clerkUsername);
