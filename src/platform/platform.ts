import type { Clerk } from './clerk.ts';
import type { Database } from './database.ts';
import type { DeletedUsers } from './deleted-users.ts';
import type { Gate } from './gate.ts';
import type { ImageProcessor } from './images.ts';
import type { LiveBus } from './live-bus.ts';
import type { PictureStore } from './picture-store.ts';
import type { RateLimits } from './rate-limits.ts';
import type { Scanner } from './scanner.ts';

/** What the server stands on: each thing outside of it, once. Services take the few of these that they need. */
export interface Platform {
  db: Database;
  live: LiveBus;
  deletedUsers: DeletedUsers;
  rateLimits: RateLimits;
  images: ImageProcessor;
  /** Where whoever wants a picture made waits for their turn. */
  pictureLine: Gate;
  pictures: PictureStore;
  /** Null without CLAMAV_HOST. */
  scanner: Scanner | null;
  /** Null without CLERK_SECRET_KEY. */
  clerk: Clerk | null;
  /** Calls to Clerk that a transaction waits for: few at once, so that a slow Clerk doesn't hold every connection. */
  clerkGate: Gate;
  mirrors: Mirrors;
  pictureRetention: PictureRetention;
}

/** What of ours Clerk has a copy of; nothing without CLERK_SECRET_KEY. */
export interface Mirrors {
  metadata: boolean;
  picture: boolean;
}

/** What of a user's pictures stays in the history. */
export interface PictureRetention {
  /** How many versions at most, the active one always among them; 1 or more. */
  versions: number;
  /** For how many days a version that was deleted; 0: until the next look. */
  deletedDays: number;
}
