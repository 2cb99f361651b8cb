import { validate as isUuid } from 'uuid';
import { badUserInput } from '../errors.ts';
import { isUserId, maxInt32 } from '../validation.ts';

/** What an id of the API stands for. */
export interface GlobalId {
  typename: string;
  id: string;
}

/** One row a type: the readable prefix, and what may follow it. A user's id is Clerk's, bare. */
const prefixes: { typename: string; prefix: string; isKey: (key: string) => boolean }[] = [
  { typename: 'Profile', prefix: 'profile_', isKey: isUserId },
  { typename: 'Preferences', prefix: 'preferences_', isKey: isUserId },
  { typename: 'Privacy', prefix: 'privacy_', isKey: isUserId },
  { typename: 'ProfilePicture', prefix: 'picture_', isKey: isUuid },
  { typename: 'Event', prefix: 'event_', isKey: isUuid },
  { typename: 'CrewMember', prefix: 'crew_', isKey: isTmdbId },
  { typename: 'Studio', prefix: 'studio_', isKey: isTmdbId },
];

/** A positive integer as GraphQL's Int and PostgreSQL's integer hold it, written in one way only. */
function isTmdbId(id: string): boolean {
  return /^[1-9]\d{0,9}$/.test(id) && Number(id) <= maxInt32;
}

/** How the ids of one type are written. */
export function toGlobalId(typename: string): (id: string) => string {
  const { prefix = '' } = prefixes.find((row) => row.typename === typename) ?? {};
  return (id) => prefix + id;
}

export const encodeGlobalId = (typename: string, id: string): string => toGlobalId(typename)(id);

/** Throws BAD_USER_INPUT for what can't be an id. */
export function decodeGlobalId(globalId: string): GlobalId {
  const row = prefixes.find(({ prefix }) => globalId.startsWith(prefix));
  const id = globalId.slice(row?.prefix.length ?? 0);
  if (!(row?.isKey ?? isUserId)(id))
    throw badUserInput(`Expected an id, and got ${JSON.stringify(globalId.slice(0, 60))}.`);
  return { typename: row?.typename ?? 'User', id };
}

/** A user's id; null for an id of another type. Throws BAD_USER_INPUT for what can't be an id. */
export function decodeUserId(globalId: string): string | null {
  const { typename, id } = decodeGlobalId(globalId);
  return typename === 'User' ? id : null;
}

/** Null for what can't be an id. */
export function tryDecodeGlobalId(globalId: string): GlobalId | null {
  try {
    return decodeGlobalId(globalId);
  } catch {
    return null;
  }
}
