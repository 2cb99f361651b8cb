import type { OutboxKind } from '../../generated/prisma/enums.ts';
import type { Database, Transaction } from '../../platform/database.ts';
import { pendingWishes, postponeWish, releaseWish, removeWish, takeWish, upsertWish, withdrawWish } from './queries.ts';

/** Something that Clerk is to be told of a user, or asked. */
export interface Wish {
  userId: string;
  kind: OutboxKind;
}

/** A wish that is being sent; nobody else sends it meanwhile. */
export interface TakenWish extends Wish {
  id: string;
  /** Until then. */
  leasedUntil: Date;
  /** This one included. */
  attempts: number;
}

/** How many wishes of a kind wait, and since when the oldest does. */
export interface PendingWishes {
  kind: OutboxKind;
  count: number;
  oldestAt: Date;
}

/**
 * Notes what Clerk is to be told, to be sent once the transaction has committed. There is one wish for a user and kind: the
 * newest. Whoever sends it reads what is true by then. Only where there is a Clerk.
 */
export async function enqueue(tx: Transaction, { userId, kind }: Wish): Promise<void> {
  await tx.$queryRawUnsafe(upsertWish.text, userId, kind);
}

/**
 * Clerk knows by now. What is being sent at this moment may be older and reach Clerk last, so it is sent once more, as it is
 * by then.
 */
export async function withdraw(tx: Transaction, { userId, kind }: Wish): Promise<void> {
  const beingSent = await tx.$queryRawUnsafe<object[]>(withdrawWish.text, userId, kind);
  if (beingSent.length > 0) await enqueue(tx, { userId, kind });
}

/** Whether Clerk is yet to be told. */
export async function isWaiting(tx: Transaction, { userId, kind }: Pick<Wish, 'userId' | 'kind'>): Promise<boolean> {
  return (await tx.outboxEntry.count({ where: { userId, kind } })) > 0;
}

type Deps = { db: Pick<Database, 'query'> };

/** Takes the next wish whose time has come, for that long; null where there is none. */
export async function takeNextWish({ db }: Deps, leaseMs: number): Promise<TakenWish | null> {
  const [wish] = await db.query<TakenWish>(takeWish, [leaseMs]);
  return wish ?? null;
}

/** What was taken is sent; twice does no harm. A newer wish that took its place meanwhile is sent next. */
export async function settleWish(tx: Transaction, wish: TakenWish): Promise<void> {
  const removed = await tx.$queryRawUnsafe<object[]>(removeWish.text, wish.id);
  if (removed.length === 0) await tx.$executeRawUnsafe(releaseWish.text, ...toLease(wish));
}

/** What was taken could not be sent. A newer wish that took its place meanwhile need not wait. */
export async function postpone(
  { db }: Deps,
  wish: TakenWish,
  after: { delayMs: number; reason: string },
): Promise<void> {
  const postponed = await db.query(postponeWish, [wish.id, Math.round(after.delayMs), after.reason]);
  if (postponed.length === 0) await db.query(releaseWish, toLease(wish));
}

const toLease = ({ userId, kind, leasedUntil }: TakenWish) => [userId, kind, leasedUntil];

/** What Clerk hasn't been told yet, kinds without a wish left out. */
export const countPendingWishes = ({ db }: Deps): Promise<PendingWishes[]> =>
  db.query<PendingWishes>(pendingWishes, []);
