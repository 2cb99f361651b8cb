import { v7 as uuidv7 } from 'uuid';
import type { AuditActor } from '../../generated/prisma/enums.ts';
import type { ClerkUser } from '../../platform/clerk.ts';
import type { Transaction } from '../../platform/database.ts';
import { lockIdentity } from '../user/identity-lock.ts';
import { announceProfile } from '../user/profile-revision.ts';
import { type ClerkFacts, type Fact, factColumns, fieldNames, toFacts } from './clerk-facts.ts';
import { type ClerkUsernameOutcome, followClerkUsername, toTold } from './clerk-username.ts';
import { createUser, isDeleted } from './create-user.ts';
import { changeFacts, lockKnownUser, noteToldUsername } from './queries.ts';

/** What came of a state of Clerk's. */
export interface Applied {
  /** UNCHANGED: all of it was here; STALE: a newer one was here; DELETED: the user was deleted here, and stays so. */
  outcome: 'CREATED' | 'CHANGED' | 'UNCHANGED' | 'STALE' | 'DELETED';
  /** By their names in the API. */
  changedFields: string[];
  /** Clerk's username can't be the user's here: it isn't allowed, or is somebody else's. */
  hasUsernameConflict: boolean;
}

interface Arrival {
  clerkUser: ClerkUser;
  actor: AuditActor;
}

/**
 * Creates or changes a user as Clerk has them, whoever brought the state here. States may come in any order and more than
 * once: the newest by Clerk's own clock stays, and a deleted user stays deleted.
 */
export async function applyClerkUser(tx: Transaction, clerkUser: ClerkUser, actor: AuditActor): Promise<Applied> {
  await lockIdentity(tx, clerkUser.id);
  const known = await lockKnown(tx, clerkUser.id);
  if (known?.isClosed ?? (await isDeleted(tx, clerkUser.id))) return toApplied('DELETED');
  if (known) return changeUser(tx, known, { clerkUser, actor });
  const { id, updatedAt: clerkUpdatedAt } = clerkUser;
  await createUser(tx, { id, facts: toFacts(clerkUser), clerkUpdatedAt, actor });
  return toApplied('CREATED', { username: await tellUsername(tx, nothingKnown, { clerkUser, actor }) });
}

interface KnownUser extends ClerkFacts {
  username: string | null;
  clerkUsername: string | null;
  clerkUsernameUpdatedAt: Date | null;
  clerkUpdatedAt: Date | null;
  /** What was uploaded here, at Clerk's address: no picture of Clerk's. */
  clerkMirroredImageUrl: string | null;
  /** Clerk is yet to get what was uploaded here, or to answer where it has it: until then its picture may be ours. */
  isMirroringPicture: boolean;
  /** The user was deleted, and the row is about to go. */
  isClosed: boolean;
}

const nothingKnown = { username: null, clerkUsername: null, clerkUsernameUpdatedAt: null };

async function lockKnown(tx: Transaction, userId: string): Promise<KnownUser | undefined> {
  const [known] = await tx.$queryRawUnsafe<KnownUser[]>(lockKnownUser.text, userId);
  return known;
}

async function changeUser(tx: Transaction, known: KnownUser, arrival: Arrival): Promise<Applied> {
  const isNewest = isAtLeast(arrival.clerkUser.updatedAt, known.clerkUpdatedAt);
  const changedFacts = isNewest ? await takeFacts(tx, known, arrival) : [];
  const username = await tellUsername(tx, known, arrival);
  // Whoever took over the username has announced the profile, and whoever is told reads all of it.
  if (username !== 'CHANGED' && changedFacts.length > 0) await announceProfile(tx, arrival.clerkUser.id);
  const isChanged = changedFacts.length > 0 || username === 'CHANGED';
  return toApplied(isChanged ? 'CHANGED' : isNewest ? 'UNCHANGED' : 'STALE', { changedFacts, username });
}

/** Writes what Clerk alone says, and answers which of it changed. */
async function takeFacts(tx: Transaction, known: KnownUser, { clerkUser, actor }: Arrival): Promise<Fact[]> {
  const told = toFacts(clerkUser, known.clerkMirroredImageUrl);
  const facts = known.isMirroringPicture ? { ...told, clerkImageUrl: known.clerkImageUrl } : told;
  const changed = factColumns.filter((column) => facts[column] !== known[column]);
  const values = factColumns.map((column) => facts[column]);
  const entry = [uuidv7(), actor, changed.map((column) => fieldNames[column])];
  await tx.$executeRawUnsafe(changeFacts.text, clerkUser.id, ...values, clerkUser.updatedAt, ...entry);
  return changed;
}

/**
 * A state without a username takes none away, so that the last one told may be of an older state than all the rest: it is
 * compared with the state that the known one comes from.
 */
async function tellUsername(
  tx: Transaction,
  known: Pick<KnownUser, keyof typeof nothingKnown>,
  { clerkUser: { id: userId, username: told, updatedAt }, actor }: Arrival,
): Promise<ClerkUsernameOutcome> {
  if (told === null || !isAtLeast(updatedAt, known.clerkUsernameUpdatedAt)) return 'UNCHANGED';
  const change = { userId, current: known.username, lastTold: known.clerkUsername, told, actor };
  const outcome = await followClerkUsername(tx, change);
  await tx.$executeRawUnsafe(noteToldUsername.text, userId, toTold(told), updatedAt);
  return outcome;
}

const isAtLeast = (time: Date, other: Date | null): boolean => other === null || time.getTime() >= other.getTime();

function toApplied(
  outcome: Applied['outcome'],
  { changedFacts = [], username = 'UNCHANGED' }: { changedFacts?: Fact[]; username?: ClerkUsernameOutcome } = {},
): Applied {
  return {
    outcome,
    changedFields: [...changedFacts.map((name) => fieldNames[name]), ...(username === 'CHANGED' ? ['username'] : [])],
    hasUsernameConflict: username === 'CONFLICT',
  };
}
