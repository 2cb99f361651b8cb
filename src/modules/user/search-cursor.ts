import { createHash } from 'node:crypto';
import { badUserInput } from '../../errors.ts';
import { ranks } from './search-queries.ts';

/** Where a match stands: how good it is, the text that matched, and whose it is. */
export interface MatchPosition {
  rank: number;
  key: string;
  id: string;
}

/** What is searched for, folded as what it is compared with. */
export interface SearchText {
  by: 'name' | 'email';
  text: string;
}

/** Cursors of one search don't fit another. */
const markOf = ({ by, text }: SearchText) =>
  createHash('sha256').update(`users.search.${by}.${text}`).digest('base64url').slice(0, 8);

export function encodeMatchCursor({ rank, key, id }: MatchPosition, search: SearchText): string {
  return Buffer.from(`${markOf(search)}.${rank}.${id} ${key}`).toString('base64url');
}

/** Throws BAD_USER_INPUT for what is no cursor, or one of another search. */
export function decodeMatchCursor(cursor: string, search: SearchText): MatchPosition {
  const text = Buffer.from(cursor, 'base64url').toString();
  const [, rank = '', id = '', key = ''] = /^[\w-]{8}\.([0-4])\.([\x21-\x7e]{1,255}) (\P{Cc}+)$/u.exec(text) ?? [];
  const position = { rank: Number(rank), key, id };
  const isWhole = position.rank < ranks.username ? key === search.text : key.startsWith(search.text);
  const isOfThis = (position.rank === ranks.email) === (search.by === 'email');
  // Made again, it must be the same: so it is of this search, and nothing in it was passed over.
  if (!isWhole || !isOfThis || encodeMatchCursor(position, search) !== cursor) {
    throw badUserInput('Expected a cursor of this search.');
  }
  return position;
}
