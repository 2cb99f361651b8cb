import type { Config } from '../config.ts';
import { RequestError, unauthenticated } from '../errors.ts';
import type { Viewer } from '../graphql/context.ts';
import type { FirstRequests } from '../modules/identity/first-request.ts';
import { createUserLoader, type UserLoader } from '../modules/user/loaders.ts';
import { userDeleted } from '../modules/user/service.ts';
import type { Database } from '../platform/database.ts';
import type { DeletedUsers } from '../platform/deleted-users.ts';
import type { Session, SessionTokens } from '../platform/session-tokens.ts';

/** Who asks, and the loader through which they see users. */
export interface Authenticated {
  viewer: Viewer | null;
  users: UserLoader;
  /** When the viewer's token stops to hold, in milliseconds since 1970; null for anonymous viewers. */
  expiresAtMs: number | null;
}

export interface Authentication {
  /** From an Authorization header; without one the viewer is anonymous. Throws UNAUTHENTICATED. */
  fromHeader(authorization: string | undefined): Promise<Authenticated>;
  fromToken(token: string): Promise<Authenticated>;
}

/** Users known to be there aren't looked up again with each request. */
const knownUsersLimit = 50_000;

export interface AuthenticationOptions extends Pick<Config, 'adminClaim'> {
  tokens: SessionTokens;
  db: Database;
  deletedUsers: DeletedUsers;
  firstRequests: FirstRequests;
}

export function createAuthentication(options: AuthenticationOptions): Authentication {
  const { tokens, db, deletedUsers, firstRequests, adminClaim } = options;
  const known = new Set<string>();
  deletedUsers.watch({
    forget(userId) {
      tokens.forget(userId);
      known.delete(userId);
    },
    heldUserIds: () => known,
  });

  const signedIn = async ({ userId, sessionId, expiresAtMs, claims }: Session): Promise<Authenticated> => {
    const users = createUserLoader(db, userId);
    // The first look is the same statement, by the same loader, that most requests go on to need.
    if (!known.has(userId) && !(await users.load(userId))) {
      await firstRequests.admit(userId);
      users.clear(userId);
    }
    // Deleted while they were looked up: nobody would make `known` forget them again.
    if (deletedUsers.has(userId)) throw userDeleted();
    if (known.size >= knownUsersLimit) known.clear();
    known.add(userId);
    return { viewer: { id: userId, sessionId, isAdministrator: hasClaim(claims, adminClaim) }, users, expiresAtMs };
  };

  const fromToken = async (token: string) => signedIn(await tokens.verify(token));
  return {
    fromToken,
    async fromHeader(authorization) {
      if (authorization === undefined) return { viewer: null, users: createUserLoader(db, null), expiresAtMs: null };
      return fromToken(readBearer(authorization));
    },
  };
}

/** Whether the claims have the value at the path; a number or a truth value counts as it is written. */
function hasClaim(claims: Session['claims'], claim: Config['adminClaim']): boolean {
  if (!claim) return false;
  let value: unknown = claims;
  for (const name of claim.path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return false;
    value = (value as Record<string, unknown>)[name];
  }
  return typeof value !== 'object' && String(value) === claim.value;
}

/** The token of an Authorization header. Throws UNAUTHENTICATED for any other scheme. */
export function readBearer(authorization: string): string {
  const [, token] = /^Bearer +([^\s]+) *$/i.exec(authorization) ?? [];
  if (!token) throw unauthenticated('Expected "Authorization: Bearer <session token>".');
  return token;
}

/** Whether an error says that the token doesn't hold, rather than that it couldn't be looked at. */
export const isUnauthenticated = (error: unknown): boolean =>
  error instanceof RequestError && error.code === 'UNAUTHENTICATED';
