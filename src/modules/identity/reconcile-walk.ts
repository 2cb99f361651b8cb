import type { ClerkUser } from '../../platform/clerk.ts';
import type { PacedClerk } from '../../platform/clerk-paced.ts';

/** As many as Clerk gives at once. */
const pageSize = 500;
/** Read twice where pages are counted: users who leave meanwhile move the others forward. */
const overlap = 50;

/** How far a walk has come. */
export interface WalkPosition {
  /** Everybody created before is done; null at the start. */
  createdAfter: Date | null;
  /** So many of those created later are done too. */
  offset: number;
}

/** A page of Clerk's users, and where the walk goes on after it. */
export interface WalkPage {
  users: ClerkUser[];
  next: WalkPosition;
  /** Users that were left when the page was asked for, those of the page among them. */
  remaining: number;
}

/**
 * All of Clerk's users, oldest first. Pages start by the time of creation, which doesn't move when users come and go;
 * only within a moment in which more were created than a page holds, they are counted.
 */
export async function* walkClerkUsers(clerk: PacedClerk, start: WalkPosition): AsyncGenerator<WalkPage> {
  let position = start;
  let previous: ReadonlySet<string> = new Set();
  for (;;) {
    const { createdAfter, offset } = position;
    const { users, totalCount } = await clerk.listUsers({
      limit: pageSize,
      offset,
      ...(createdAfter && { createdAfter }),
    });
    assertInOrder(users, position);
    position = nextPosition(position, users);
    yield { users: users.filter(({ id }) => !previous.has(id)), next: position, remaining: totalCount - offset };
    if (users.length < pageSize) return;
    previous = new Set(users.map(({ id }) => id));
  }
}

function nextPosition({ createdAfter, offset }: WalkPosition, users: ClerkUser[]): WalkPosition {
  const last = users.at(-1);
  // Others may have been created in the last one's millisecond.
  const before = last && new Date(last.createdAt.getTime() - 1);
  if (before && (createdAfter === null || before > createdAfter)) return { createdAfter: before, offset: 0 };
  return { createdAfter, offset: offset + Math.max(0, users.length - overlap) };
}

/** A Clerk that gave other users than those asked for would be walked for ever, or in part. */
function assertInOrder(users: ClerkUser[], { createdAfter }: WalkPosition): void {
  let earlier = createdAfter ?? new Date(0);
  for (const { createdAt } of users) {
    if (createdAt < earlier) throw new Error('Clerk does not list its users in the order of their creation.');
    earlier = createdAt;
  }
}
