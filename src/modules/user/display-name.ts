import type { UserRecord } from './record.ts';

/** What a user without any name is called. */
const namelessUser = 'Someone';

/** The profile's display name, else the username, else a neutral word; never empty. */
export const displayNameOf = (user: Pick<UserRecord, 'username' | 'profile'>): string =>
  user.profile.displayName ?? user.username ?? namelessUser;
