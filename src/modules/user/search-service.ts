import { badUserInput } from '../../errors.ts';
import type { Database } from '../../platform/database.ts';
import { noteMeeting, type ReadNotes, statementFor } from './reader.ts';
import type { UserRecord } from './record.ts';
import { toUserRecord } from './rows.ts';
import { decodeMatchCursor, encodeMatchCursor, type SearchText } from './search-cursor.ts';
import { toSearchName } from './search-name.ts';
import { type MatchRow, searchUsersByEmail, searchUsersByText } from './search-queries.ts';
import { asSeenBy, type ViewAs } from './view-as.ts';

export interface UserSearch {
  viewer: { id: string; isAdministrator: boolean } | null;
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
/** No e-mail address is longer. */
const maxEmailLength = 320;

/**
 * One page of the users whose username or display name starts with a text, best match first; those whom the viewer may not
 * know of aren't among them. An administrator's text with an "@" is the start of an e-mail address instead, unless they look
 * as others do. Throws BAD_USER_INPUT for a text without anything to search for, and for a foreign cursor.
 */
export async function searchUsers(
  { db, reads }: { db: Pick<Database, 'query'>; reads: ReadNotes },
  { viewer, viewAs, search, size, after }: UserSearch,
) {
  const isByEmail = viewer?.isAdministrator === true && viewAs === null && search.includes('@');
  const wanted: SearchText = isByEmail
    ? { by: 'email', text: toSearchEmail(search) }
    : { by: 'name', text: toSearchName(search) };
  if (wanted.text === '') throw badUserInput('Expected the start of a name to search for, and got nothing of one.');
  const read = await readMatches(db, { viewer, wanted, size, after });
  const edges = read.slice(0, size).map((row) => {
    const user = toUserRecord(row);
    noteMatch(reads, user, wanted);
    return { cursor: encodeMatchCursor(row, wanted), node: asSeenBy(viewAs, user) };
  });
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

/** One match more than wanted, where there are more. */
function readMatches(
  db: Pick<Database, 'query'>,
  { viewer, wanted, size, after }: Pick<UserSearch, 'viewer' | 'size' | 'after'> & { wanted: SearchText },
): Promise<MatchRow[]> {
  const { text, by } = wanted;
  const { rank, key, id } = after === null ? { rank: -1, key: text, id: '' } : decodeMatchCursor(after, wanted);
  const [viewerId, end] = [viewer?.id ?? null, `${text}${lastCharacter}`];
  return by === 'email'
    ? db.query<MatchRow>(searchUsersByEmail, [viewerId, key, id, end, size + 1])
    : db.query<MatchRow>(statementFor(viewer, searchUsersByText), [viewerId, text, end, rank, key, id, size + 1]);
}

/** Whoever is found by their e-mail address has it told; nobody is found by it but by administrators. */
function noteMatch(reads: ReadNotes, user: UserRecord, { by }: SearchText): void {
  noteMeeting(reads, user);
  if (by === 'email' && user.relation.isAdministrator) reads.note(user.id, 'own');
}

/** The start of an e-mail address as its index has it: only a-z have a lower case in every database. */
const toSearchEmail = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Cs}]/gu, '')
    .trim()
    .slice(0, maxEmailLength)
    .replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
