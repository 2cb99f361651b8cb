import { followUsers, type UserStream, type UserSubscription } from '../modules/user/live.ts';
import { noteMeeting } from '../modules/user/reader.ts';
import type { UserRecord } from '../modules/user/record.ts';
import type { Context } from './context.ts';

/** Starts a subscription to users as the viewer may know them. Throws BAD_USER_INPUT as `followUsers` does. */
export const subscribeToUsers = (
  { platform, liveUsers, viewer }: Context,
  subscription: Omit<UserSubscription, 'viewer'>,
): Promise<UserStream> => followUsers({ ...platform, liveUsers }, { ...subscription, viewer });

/** A user whom a subscription tells of: what else is asked for with them is read anew. */
export function toFreshUser(user: UserRecord, { users, reads }: Context): UserRecord {
  // The subscription's own loader still has what it read at an earlier change.
  users.clearAll();
  noteMeeting(reads, user);
  return user;
}
