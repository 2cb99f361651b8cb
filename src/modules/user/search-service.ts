import { badUserInput } from '../../errors.ts';
import type { Database } from '../../platform/database.ts';
import { toUserRecord } from './queries.ts';
import { decodeMatchCursor, encodeMatchCursor } from './search-cursor.ts';
import { toSearchName } from './search-name.ts';
import { type MatchRow, searchUsersByText } from './search-queries.ts';
import { asSeenBy, type ViewAs } from './view-as.ts';

export interface UserSearch {
  viewerId: string | null;
  /** How the viewer's own record is shown; null: as it is. */
  viewAs: ViewAs | null;
  search: string;
  /** Matches wanted, 1 to 100. */
  size: number;
  /** A cursor of the same search. */
  after: string | null;
}

/** The last of all characters: no text that starts with another comes after that text and this. */
const lastCharacter = '\u{10ffff}';

/**
 * One page of the users whose username or display name starts with a text, best match first; those whom the viewer may not
 * know of aren't among them. Throws BAD_USER_INPUT for a text without anything to search for, and for a foreign cursor.
 */
export async function searchUsers(
  { db }: { db: Pick<Database, 'query'> },
  { viewerId, viewAs, search, size, after }: UserSearch,
) {
  const searchName = toSearchName(search);
  if (searchName === '') throw badUserInput('Expected the start of a name to search for, and got nothing of one.');
  const { rank, key, id } = after === null ? { rank: -1, key: '', id: '' } : decodeMatchCursor(after, searchName);
  const values = [viewerId, searchName, `${searchName}${lastCharacter}`, rank, key, id, size + 1];
  const read = await db.query<MatchRow>(searchUsersByText, values);
  const edges = read.slice(0, size).map((row) => ({
    cursor: encodeMatchCursor(row, searchName),
    node: asSeenBy(viewAs, toUserRecord(row)),
  }));
  return {
    edges,
    pageInfo: {
      hasNextPage: read.length > size,
      hasPreviousPage: after !== null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}
