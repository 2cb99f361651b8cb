import { v7 as uuidv7 } from 'uuid';
import { readEventInput } from '../../src/modules/event/input.ts';
import type { Transaction } from '../../src/platform/database.ts';
import { demoPeople } from './people.ts';
import {
  type DemoName,
  demoCrewMembers,
  demoEvents,
  demoFollowRequests,
  demoFollows,
  demoId,
  demoStudios,
} from './relations.ts';

const dayMs = 24 * 3_600_000;
const daysBefore = (now: Date, days: number) => new Date(now.getTime() - days * dayMs);

/** Adds what these demo users follow, ask for and did, as far as the other end is there too. */
export async function relateDemoUsers(tx: Transaction, userIds: string[]): Promise<void> {
  const now = new Date();
  const isNew = (id: string) => userIds.includes(id);
  const isThere = await findDemoUsers(tx);
  await insertFollows(tx, (one, other) => isThere(one) && isThere(other) && (isNew(one) || isNew(other)), now);
  await insertCatalogueFollows(tx, isNew, now);
  await insertEvents(tx, isNew, now);
}

async function findDemoUsers(tx: Transaction): Promise<(id: string) => boolean> {
  const users = await tx.user.findMany({ where: { id: { in: demoPeople.map(({ id }) => id) } }, select: { id: true } });
  const ids = new Set(users.map(({ id }) => id));
  return (id) => ids.has(id);
}

async function insertFollows(tx: Transaction, isWanted: (one: string, other: string) => boolean, now: Date) {
  const follows = toPairs(demoFollows).map(([from, to], index) => ({
    followerId: from,
    followeeId: demoId(to),
    createdAt: daysBefore(now, 30 - index),
  }));
  const requests = demoFollowRequests.map(({ from, to }, index) => ({
    requesterId: demoId(from),
    requesteeId: demoId(to),
    createdAt: daysBefore(now, 3 - index),
  }));
  await tx.follow.createMany({
    data: follows.filter(({ followerId, followeeId }) => isWanted(followerId, followeeId)),
    skipDuplicates: true,
  });
  await tx.followRequest.createMany({
    data: requests.filter(({ requesterId, requesteeId }) => isWanted(requesterId, requesteeId)),
    skipDuplicates: true,
  });
}

async function insertCatalogueFollows(tx: Transaction, isNew: (id: string) => boolean, now: Date): Promise<void> {
  const toRows = (lists: Lists<number>) =>
    toPairs(lists)
      .filter(([userId]) => isNew(userId))
      .map(([userId, tmdbId], index) => ({ userId, tmdbId, createdAt: daysBefore(now, 20 - index) }));
  await tx.crewMemberFollow.createMany({ data: toRows(demoCrewMembers), skipDuplicates: true });
  await tx.studioFollow.createMany({ data: toRows(demoStudios), skipDuplicates: true });
}

async function insertEvents(tx: Transaction, isNew: (id: string) => boolean, now: Date): Promise<void> {
  const events = demoEvents.map(({ by, daysAgo, ...event }, index) => ({
    ...readEventInput({ ...event, occurredAt: daysBefore(now, daysAgo), idempotencyKey: `demo-${index}` }, now),
    id: uuidv7(),
    userId: demoId(by),
  }));
  await tx.event.createMany({ data: events.filter(({ userId }) => isNew(userId)), skipDuplicates: true });
}

type Lists<Item> = Partial<Record<DemoName, readonly Item[]>>;

/** Each demo user's id with each item of their list. */
const toPairs = <Item>(lists: Lists<Item>): [id: string, item: Item][] =>
  (Object.keys(lists) as DemoName[]).flatMap((name) =>
    (lists[name] ?? []).map((item): [string, Item] => [demoId(name), item]),
  );
