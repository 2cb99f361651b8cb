import type { Clerk } from './clerk.ts';
import type { Database } from './database.ts';
import type { DeletedUsers } from './deleted-users.ts';
import type { Gate } from './gate.ts';
import type { ImageProcessor } from './images.ts';
import type { LiveBus } from './live-bus.ts';
import type { PictureStore } from './picture-store.ts';

/** What the server stands on: each thing outside of it, once. Services take the few of these that they need. */
export interface Platform {
  db: Database;
  live: LiveBus;
  deletedUsers: DeletedUsers;
  images: ImageProcessor;
  pictures: PictureStore;
  /** Null without CLERK_SECRET_KEY. */
  clerk: Clerk | null;
  /** Calls to Clerk that a transaction waits for: few at once, so that a slow Clerk doesn't hold every connection. */
  clerkGate: Gate;
  mirrors: Mirrors;
}

/** What of ours Clerk has a copy of; nothing without CLERK_SECRET_KEY. */
export interface Mirrors {
  metadata: boolean;
  picture: boolean;
}
