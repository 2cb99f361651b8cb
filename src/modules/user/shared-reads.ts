import type { Database, Statement } from '../../platform/database.ts';
import type { LiveUsers } from './loaders.ts';
import type { UserRecord } from './record.ts';

/** A user as all see them who may know of them, and who may not. */
export interface SharedState {
  user: UserRecord;
  isHiddenFrom(viewerId: string | null): boolean;
}

/** A user who is asked for, and the viewers who would be told. */
export interface SharedAsk {
  userId: string;
  viewerIds(): Iterable<string>;
}

/** Nearly everybody is in fewer blocks than this: whoever is asked for then needs no list of who would be told. */
const fewBlocks = 1_000;

/**
 * The other user of each block that one of $1, a JSON array of user ids, is in; of who is in more than $2 of either kind, more
 * than $2 of them. By primary key and by index.
 */
const blocksAround: Statement = {
  name: 'blocks_around_users',
  text: `
select asked.user_id as "userId", block.viewer_id as "viewerId"
from json_array_elements_text($1::json) as asked (user_id)
cross join lateral (
  (select blocked_id as viewer_id from blocks where blocker_id = asked.user_id limit $2 + 1)
  union
  (select blocker_id as viewer_id from blocks where blocked_id = asked.user_id limit $2 + 1)
) as block`,
};

/** Those of $1, a JSON array of pairs of user_id and viewer_id, of whom one blocks the other. By primary key. */
const blockedPairs: Statement = {
  name: 'blocked_pairs',
  text: `
select asked.user_id as "userId", asked.viewer_id as "viewerId"
from json_to_recordset($1::json) as asked (user_id text, viewer_id text)
where exists (select from blocks where blocker_id = asked.user_id and blocked_id = asked.viewer_id offset 0)
  or exists (select from blocks where blocker_id = asked.viewer_id and blocked_id = asked.user_id offset 0)`,
};

interface HiddenPair {
  userId: string;
  viewerId: string;
}

export interface SharedReadDeps {
  db: Pick<Database, 'query'>;
  liveUsers: LiveUsers;
}

/**
 * Reads users once for all who are told of them. Only what is the same for every viewer may be shown of what this answers:
 * the records are those of nobody in particular. Whoever isn't there is missing.
 */
export async function readShared(
  { db, liveUsers }: SharedReadDeps,
  asked: readonly SharedAsk[],
): Promise<Map<string, SharedState>> {
  const [users, hidden] = await Promise.all([
    Promise.all(asked.map(({ userId }) => liveUsers.load({ viewerId: null, userId }))),
    readHidden(db, asked),
  ]);
  const states = users.flatMap((user): [string, SharedState][] => {
    if (!user) return [];
    const viewers = hidden.get(user.id);
    return [[user.id, { user, isHiddenFrom: (viewerId) => viewerId !== null && (viewers?.has(viewerId) ?? false) }]];
  });
  return new Map(states);
}

async function readHidden(db: SharedReadDeps['db'], asked: readonly SharedAsk[]): Promise<Map<string, Set<string>>> {
  const hidden = new Map<string, Set<string>>();
  const hide = (pairs: HiddenPair[]) => {
    for (const { userId, viewerId } of pairs) hidden.set(userId, (hidden.get(userId) ?? new Set()).add(viewerId));
  };
  const userIds = new Set(asked.map(({ userId }) => userId));
  hide(await db.query(blocksAround, [JSON.stringify([...userIds]), fewBlocks]));
  const inMany = asked.filter(({ userId }) => (hidden.get(userId)?.size ?? 0) > fewBlocks);
  if (inMany.length > 0) hide(await db.query(blockedPairs, [JSON.stringify(toPairs(inMany))]));
  return hidden;
}

const toPairs = (asked: readonly SharedAsk[]) =>
  asked.flatMap(({ userId, viewerIds }) =>
    Array.from(new Set(viewerIds()), (viewer_id) => ({ user_id: userId, viewer_id })),
  );
