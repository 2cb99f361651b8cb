import { v7 as uuidv7 } from 'uuid';
import type { OutboxKind } from '../../generated/prisma/enums.ts';
import { type Clerk, ClerkRefusedError, type ClerkUser } from '../../platform/clerk.ts';
import type { Transaction } from '../../platform/database.ts';
import type { Platform } from '../../platform/platform.ts';
import { lockUser } from '../account/delete-user.ts';
import { enqueue, settleWish, type TakenWish } from '../outbox/service.ts';
import { readClerkPicture } from '../picture/clerk-picture.ts';
import { readClerkMetadata } from '../profile/clerk-metadata.ts';
import { noteToldUsername } from '../profile/tell-username.ts';
import { applyClerkUser } from './apply-clerk-user.ts';

export type SendDeps = Pick<Platform, 'db' | 'pictures'> & { clerk: Clerk };

/**
 * What came of a wish: Clerk was told, or there was nothing (any more) to tell; or Clerk refuses it for good, as it would
 * again.
 */
export type Sent = 'TOLD' | 'NOTHING_TO_TELL' | 'REFUSED';

/**
 * How each kind is sent: what is true by now, not when it was wished for. Each may be sent twice, where a process dies in
 * between, and then does nothing more the second time. Throws ClerkAwayError, and ClerkRefusedError where Clerk may mean the
 * opposite later.
 */
export const sends: Record<OutboxKind, (deps: SendDeps, wish: TakenWish) => Promise<Sent>> = {
  USERNAME: sendUsername,
  METADATA: sendMetadata,
  PICTURE: sendPicture,
  DELETE_USER: sendDeletion,
  REFRESH: refresh,
};

async function sendUsername({ db, clerk }: SendDeps, { userId }: TakenWish): Promise<Sent> {
  const user = await db.prisma.user.findUnique({ where: { id: userId }, select: { username: true } });
  const username = user?.username;
  if (!username) return 'NOTHING_TO_TELL';
  const answer = await clerk.updateUsername(userId, username).catch(asRefusal);
  if (answer === 'REFUSED') await db.transaction((tx) => noteConflict(tx, userId));
  if (answer === 'NO_USERNAMES') return 'NOTHING_TO_TELL';
  if (answer === 'REFUSED' || answer === null) return toSent(answer);
  await db.transaction(async (tx) => {
    const locked = await lockUser(tx, userId);
    if (!locked) return;
    await noteToldUsername(tx, { userId, username }, answer);
    // Chosen while this was on its way, and perhaps told by another way: whichever of the two reached Clerk last, this does.
    if (locked.username !== username) await enqueue(tx, { userId, kind: 'USERNAME' });
  });
  return 'TOLD';
}

/** The user keeps the name here, and sees in the audit log that the two differ; operators count these entries. */
async function noteConflict(tx: Transaction, userId: string): Promise<void> {
  if (!(await lockUser(tx, userId))) return;
  await tx.auditEntry.create({
    data: { id: uuidv7(), userId, action: 'username.conflict', actor: 'CLERK', changedFields: ['username'] },
  });
}

async function sendMetadata({ db, clerk }: SendDeps, { userId }: TakenWish): Promise<Sent> {
  const metadata = await readClerkMetadata({ db }, userId);
  if (!metadata) return 'NOTHING_TO_TELL';
  return toSent(await clerk.updatePublicMetadata(userId, { ...metadata }).catch(asRefusal));
}

async function sendPicture({ db, clerk, pictures }: SendDeps, wish: TakenWish): Promise<Sent> {
  const { userId } = wish;
  const answer = await clerk.updatePicture(userId, await readClerkPicture({ db, pictures }, userId)).catch(asRefusal);
  if (answer === 'REFUSED' || answer === null) return toSent(answer);
  await db.transaction(async (tx) => {
    if (!(await lockUser(tx, userId))) return;
    // What Clerk shows from now on is ours, and no picture of Clerk's: without this it would outlive its deletion here.
    await tx.user.updateMany({ where: { id: userId }, data: { clerkMirroredImageUrl: answer.imageUrl } });
    await settleWish(tx, wish);
    await applyClerkUser(tx, answer, 'CLERK');
  });
  return 'TOLD';
}

async function sendDeletion({ clerk }: SendDeps, { userId }: TakenWish): Promise<Sent> {
  await clerk.deleteUser(userId);
  return 'TOLD';
}

/**
 * What Clerk has of a user who came while it was away. One whom it doesn't have gets no more tokens; they are erased by
 * comparing with Clerk, which notices where it is not one but many, and the key is that of another instance.
 */
async function refresh({ db, clerk }: SendDeps, { userId }: TakenWish): Promise<Sent> {
  const answer = await clerk.getUser(userId).catch(asRefusal);
  if (answer !== 'REFUSED' && answer !== null) await db.transaction((tx) => applyClerkUser(tx, answer, 'CLERK'));
  return toSent(answer);
}

/** Null, Clerk's own 404: the user is gone there, and soon here. */
const toSent = (answer: ClerkUser | 'REFUSED' | null): Sent =>
  answer === 'REFUSED' ? 'REFUSED' : answer === null ? 'NOTHING_TO_TELL' : 'TOLD';

function asRefusal(error: unknown): 'REFUSED' {
  if (error instanceof ClerkRefusedError) return 'REFUSED';
  throw error;
}
