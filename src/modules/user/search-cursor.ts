import { createHash } from 'node:crypto';
import { badUserInput } from '../../errors.ts';
import { ranks } from './search-queries.ts';

/** Where a match stands: how good it is, the text that matched, and whose it is. */
export interface MatchPosition {
  rank: number;
  key: string;
  id: string;
}

/** Cursors of one search don't fit another. */
const markOf = (searchName: string) =>
  createHash('sha256').update(`users.search.${searchName}`).digest('base64url').slice(0, 8);

export function encodeMatchCursor({ rank, key, id }: MatchPosition, searchName: string): string {
  return Buffer.from(`${markOf(searchName)}.${rank}.${id} ${key}`).toString('base64url');
}

/** Throws BAD_USER_INPUT for what is no cursor, or one of another search. */
export function decodeMatchCursor(cursor: string, searchName: string): MatchPosition {
  const text = Buffer.from(cursor, 'base64url').toString();
  const [, rank = '', id = '', key = ''] = /^[\w-]{8}\.([0-3])\.([\x21-\x7e]{1,255}) (\P{Cc}+)$/u.exec(text) ?? [];
  const position = { rank: Number(rank), key, id };
  const isWhole = position.rank < ranks.username ? key === searchName : key.startsWith(searchName);
  // Made again, it must be the same: so it is of this search, and nothing in it was passed over.
  if (!isWhole || encodeMatchCursor(position, searchName) !== cursor) {
    throw badUserInput('Expected a cursor of this search.');
  }
  return position;
}
