import type { Database, Statement, Transaction } from '../../platform/database.ts';
import type { RemovalKind } from '../user/removals.ts';
import { auditImport } from './audit.ts';
import type { Kind, Outcome } from './record.ts';
import { isNewer, readRemovals } from './removal.ts';
import {
  crewMemberStatements,
  findBlocks,
  findEvents,
  findFollows,
  insertBlocks,
  insertEvents,
  insertFollows,
  keepUsers,
  lockPairs,
  type RowState,
  studioStatements,
} from './row-queries.ts';

/** A row of a user's to be made where it isn't there, by the names of its columns. */
export interface Row {
  user_id: string;
  /** Of a follow or a block. */
  other_id?: string;
  [column: string]: unknown;
}

/** How rows of a kind are found, made and named. */
interface RowKind {
  lock: Statement;
  find: Statement;
  insert: Statement;
  /** When it happened; null where nobody knows. */
  timeOf(row: Row): Date | null;
  /** As what its removal by the owner is noted; */
  removal: RemovalKind;
  /** and as what that by the other user. */
  removalByOther?: RemovalKind;
  /** Whoever is blocked can't block in turn. */
  isOneWay?: true;
  /** What the user's list is called in the API. */
  field: string;
}

const since = (row: Row) => row.since as Date | null;

const rowKinds = {
  events: {
    lock: keepUsers,
    find: findEvents,
    insert: insertEvents,
    timeOf: (row) => row.occurred_at as Date,
    removal: 'EVENT',
    field: 'events',
  },
  follows: {
    lock: lockPairs,
    find: findFollows,
    insert: insertFollows,
    timeOf: since,
    removal: 'FOLLOW',
    removalByOther: 'FOLLOWER',
    field: 'following',
  },
  blocks: {
    lock: lockPairs,
    find: findBlocks,
    insert: insertBlocks,
    timeOf: since,
    removal: 'BLOCK',
    isOneWay: true,
    field: 'blockedUsers',
  },
  'crew members': {
    lock: keepUsers,
    ...crewMemberStatements,
    timeOf: since,
    removal: 'CREW_MEMBER',
    field: 'followedCrewMembers',
  },
  studios: {
    lock: keepUsers,
    ...studioStatements,
    timeOf: since,
    removal: 'STUDIO',
    field: 'followedStudios',
  },
} satisfies Partial<Record<Kind, RowKind>>;

export type KindOfRow = keyof typeof rowKinds;

/** Rows of one transaction. */
const chunkSize = 1_000;

/** Makes what isn't there of a kind, a thousand rows at a time, and counts what became of them. */
export async function writeRows(
  { db }: { db: Pick<Database, 'transaction'> },
  kind: KindOfRow,
  rows: Row[],
): Promise<Partial<Record<Outcome, number>>> {
  const counts = { created: 0, unchanged: 0, 'left out': 0 };
  for (let start = 0; start < rows.length; start += chunkSize) {
    const chunk = rows.slice(start, start + chunkSize);
    const { created, unchanged } = await db.transaction((tx) => writeChunk(tx, rowKinds[kind], chunk));
    counts.created += created;
    counts.unchanged += unchanged;
    counts['left out'] += chunk.length - created - unchanged;
  }
  return counts;
}

async function writeChunk(tx: Transaction, kind: RowKind, rows: Row[]) {
  const ids = [...new Set(rows.flatMap(({ user_id, other_id }) => (other_id ? [user_id, other_id] : [user_id])))];
  const locked = await tx.$queryRawUnsafe<{ id: string }[]>(kind.lock.text, ids);
  const owners = new Set(locked.map(({ id }) => id));
  const here = rows.filter(({ user_id }) => owners.has(user_id));
  const states = await tx.$queryRawUnsafe<RowState[]>(kind.find.text, toJson(here));
  const inState = (wanted: RowState['state']) =>
    states.flatMap(({ at, state }) => (state === wanted && here[at] ? [here[at]] : []));
  const missing = await withoutRemoved(tx, kind, inState('absent'));
  const created = await insert(tx, kind, kind.isOneWay ? oneWay(missing) : missing);
  return { created, unchanged: inState('there').length };
}

const toJson = (rows: Row[]) => JSON.stringify(rows.map((row, at) => ({ ...row, at })));

async function withoutRemoved(tx: Transaction, kind: RowKind, rows: Row[]): Promise<Row[]> {
  if (rows.length === 0) return rows;
  const [owners, others] = [rows.map(({ user_id }) => user_id), rows.map(({ other_id }) => other_id ?? '')];
  const byOwner = await readRemovals(tx, distinct(owners), kind.removal);
  const byOther = kind.removalByOther
    ? await readRemovals(tx, distinct(others), kind.removalByOther)
    : new Map<string, Date>();
  return rows.filter((row) => {
    const at = kind.timeOf(row);
    return isNewer(at, byOwner.get(row.user_id)) && isNewer(at, byOther.get(row.other_id ?? ''));
  });
}

const distinct = (ids: string[]) => [...new Set(ids)];

/** Of two rows that go opposite ways, the first alone. */
function oneWay(rows: Row[]): Row[] {
  const pairs = new Set<string>();
  return rows.filter(({ user_id, other_id = '' }) => {
    const isFirst = !pairs.has(`${other_id} ${user_id}`);
    pairs.add(`${user_id} ${other_id}`);
    return isFirst;
  });
}

async function insert(tx: Transaction, kind: RowKind, rows: Row[]): Promise<number> {
  if (rows.length === 0) return 0;
  const made = await tx.$queryRawUnsafe<{ userId: string }[]>(kind.insert.text, toJson(rows));
  const changes = distinct(made.map(({ userId }) => userId)).map((userId) => ({ userId, changedFields: [kind.field] }));
  await auditImport(tx, changes);
  return made.length;
}
