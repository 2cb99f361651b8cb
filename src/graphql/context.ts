import { RequestError, unauthenticated } from '../errors.ts';
import type { AdministratorReads } from '../modules/audit/administrator-reads.ts';
import type { SessionSightings } from '../modules/picture/sync-sessions-sightings.ts';
import type { LiveUsers, UserLoader } from '../modules/user/loaders.ts';
import type { UserRecord } from '../modules/user/record.ts';
import type { ViewAs } from '../modules/user/view-as.ts';
import type { Log } from '../platform/log.ts';
import type { Platform } from '../platform/platform.ts';

/** The signed-in user who asks. */
export interface Viewer {
  id: string;
  /** Clerk's session; null in tokens without one. */
  sessionId: string | null;
  /** As the claims of their token say. */
  isAdministrator: boolean;
}

/** What resolvers get. One a request; a subscription's lives as long as the subscription. */
export interface Context {
  /** Null: anonymous. */
  viewer: Viewer | null;
  /** The audience as which the viewer looks at what is their own; null: as its owner. */
  viewAs: ViewAs | null;
  platform: Platform;
  /** Users as this viewer may know them, each read once a request. */
  users: UserLoader;
  /** What the viewer reads that only an administrator can; written to the audit logs before each answer. */
  reads: AdministratorReads;
  /** Users read anew each time, for subscriptions. */
  liveUsers: LiveUsers;
  /** Told of sessions that follow pictures. */
  sightings: SessionSightings;
  /** Where clients reach the server; picture addresses start with it. No slash at the end. */
  publicUrl: string;
  requestId: string;
  /** How the client names itself; of a WebSocket, when it was opened. */
  userAgent: string | null;
  log: Log;
}

/** By which id the viewer is the owner of something; null for anonymous viewers, and for who looks as others see them. */
export const ownerIdOf = ({ viewer, viewAs }: Pick<Context, 'viewer' | 'viewAs'>): string | null =>
  viewAs === null ? (viewer?.id ?? null) : null;

/**
 * For whom the lists of that user are read: for the viewer, or for nobody in particular where these are their own lists,
 * looked at as others see them.
 */
export const readerIdOf = (
  { viewer, viewAs }: Pick<Context, 'viewer' | 'viewAs'>,
  listOwnerId: string,
): string | null => (viewAs !== null && viewer?.id === listOwnerId ? null : (viewer?.id ?? null));

/** Whether the lists of that user are read for an administrator: not their own, while they look at these as others do. */
export const isReadByAdministrator = (
  { viewer, viewAs }: Pick<Context, 'viewer' | 'viewAs'>,
  listOwnerId: string,
): boolean => viewer?.isAdministrator === true && !(viewAs !== null && viewer.id === listOwnerId);

/** What a context takes from the request itself. */
export type RequestFacts = Pick<Context, 'requestId' | 'userAgent' | 'viewAs'>;

/** The viewer of a field that is for signed-in users. Throws UNAUTHENTICATED. */
export function requireViewer({ viewer }: Pick<Context, 'viewer'>): Viewer {
  if (!viewer) throw new RequestError('UNAUTHENTICATED', 'Sign in first: this needs a session token.');
  return viewer;
}

/** The viewer of a field that is for administrators. Throws UNAUTHENTICATED, FORBIDDEN. */
export function requireAdministrator(context: Pick<Context, 'viewer'>): Viewer {
  const viewer = requireViewer(context);
  if (!viewer.isAdministrator) throw new RequestError('FORBIDDEN', 'Only administrators may ask for this.');
  return viewer;
}

/** The viewer's own record. Throws UNAUTHENTICATED for one who was deleted while their token still holds. */
export async function loadViewer(context: Context): Promise<UserRecord> {
  const user = await context.users.load(requireViewer(context).id);
  if (!user) throw unauthenticated('The user of this token was deleted.');
  return user;
}

/** The viewer's own record as it is after a mutation: read anew. */
export function reloadViewer(context: Context): Promise<UserRecord> {
  context.users.clear(requireViewer(context).id);
  return loadViewer(context);
}
