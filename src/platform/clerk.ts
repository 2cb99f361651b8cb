/** A user as Clerk has them, as far as it matters here. */
export interface ClerkUser {
  id: string;
  /** As Clerk has it: any case, and characters that are not allowed here. */
  username: string | null;
  /** The primary address. */
  email: string | null;
  firstName: string | null;
  lastName: string | null;
  /** Null where Clerk shows a picture of its own making only. */
  imageUrl: string | null;
  createdAt: Date;
  updatedAt: Date;
}

/** A page of Clerk's users, oldest first. */
export interface ClerkUserPage {
  users: ClerkUser[];
  totalCount: number;
}

/** A picture for Clerk's profile image. */
export interface ClerkPicture {
  bytes: Uint8Array;
  mimeType: string;
}

/**
 * Clerk's Backend API. Every call throws ClerkAwayError where it could not be made or answered (no connection, no answer in
 * time, 429, 5xx), and ClerkRefusedError where Clerk said no; what is not there is not an error.
 */
export interface Clerk {
  /** Null is Clerk's own 404. */
  getUser(userId: string, options?: { timeoutMs?: number }): Promise<ClerkUser | null>;
  /** At most 500 users from `offset`. */
  listUsers(page: { offset: number; limit: number }): Promise<ClerkUserPage>;
  /** Null is Clerk's own 404; so it is below. */
  updateUsername(userId: string, username: string): Promise<ClerkUser | null>;
  /** Merges top-level keys into the user's public metadata. */
  updatePublicMetadata(userId: string, metadata: Record<string, unknown>): Promise<ClerkUser | null>;
  /** Null takes the picture away. */
  updatePicture(userId: string, picture: ClerkPicture | null): Promise<ClerkUser | null>;
  deleteUser(userId: string): Promise<void>;
}

/** Clerk can't be asked now; the same call may succeed later. */
export class ClerkAwayError extends Error {
  override name = 'ClerkAwayError';
  /** How long Clerk wants us to wait; null where it didn't say. */
  readonly retryAfterMs: number | null;

  constructor(message: string, options: ErrorOptions & { retryAfterMs?: number | null } = {}) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}

/** Clerk said no, and would again. */
export class ClerkRefusedError extends Error {
  override name = 'ClerkRefusedError';
  /** HTTP status. */
  readonly status: number;
  /** Clerk's code, such as `form_identifier_exists`. */
  readonly code: string;

  constructor(message: string, { status, code, ...options }: ErrorOptions & { status: number; code: string }) {
    super(message, options);
    this.status = status;
    this.code = code;
  }
}
