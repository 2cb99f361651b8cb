import { z } from 'zod';

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

/** Which of Clerk's users are listed, oldest first. */
export interface ClerkUserFilter {
  /** At most 500. */
  limit: number;
  /** How many of those that the rest describes are left out; 0 if left out. */
  offset?: number;
  /** Whether those of that very moment are among them, Clerk doesn't say. */
  createdAfter?: Date;
  /** At most 100 of them; those that Clerk doesn't know are missing from the answer. */
  userIds?: string[];
}

/** A page of Clerk's users, oldest first. */
export interface ClerkUserPage {
  users: ClerkUser[];
  /** Of all users that the filter describes, on whatever page. */
  totalCount: number;
}

/** A picture for Clerk's profile image. */
export interface ClerkPicture {
  bytes: Uint8Array;
  mimeType: string;
}

/**
 * Clerk's Backend API. Every call has a time limit. It throws ClerkAwayError where it could not be made or answered (no
 * connection, no answer in time, 429, 5xx, a secret key that Clerk doesn't take, an answer that isn't Clerk's), and
 * ClerkRefusedError where Clerk said no; what is not there is not an error.
 */
export interface Clerk {
  /** Null is Clerk's own 404. */
  getUser(userId: string, options?: { timeoutMs?: number }): Promise<ClerkUser | null>;
  /** Costs two requests. */
  listUsers(filter: ClerkUserFilter): Promise<ClerkUserPage>;
  /** Null is Clerk's own 404; so it is below. NO_USERNAMES: this Clerk is set up without them, and nobody has one there. */
  updateUsername(userId: string, username: string): Promise<ClerkUser | 'NO_USERNAMES' | null>;
  /** Merges keys of any depth into the user's public metadata; null takes one away. */
  updatePublicMetadata(userId: string, metadata: Record<string, unknown>): Promise<ClerkUser | null>;
  /** Null for the picture takes it away. */
  updatePicture(userId: string, picture: ClerkPicture | null): Promise<ClerkUser | null>;
  /** One who is gone already counts as deleted. */
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

/** Clerk doesn't take CLERK_SECRET_KEY: only an operator can change that. */
export class ClerkKeyRefusedError extends ClerkAwayError {
  override name = 'ClerkKeyRefusedError';
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

/** What came is not a user as Clerk describes one; the message says where, and holds nothing of what came. */
export class MalformedClerkUserError extends Error {
  override name = 'MalformedClerkUserError';
}

const text = z
  .string()
  .nullish()
  // What PostgreSQL can't hold, Clerk might.
  .transform((value) => value?.replaceAll('\0', '').replace(/\p{Cs}/gu, '\uFFFD') || null);
/** The longest that RFC 5321 allows. What is longer is no address, and no index could hold it. */
const maxEmailLength = 320;
const time = z
  .int()
  .min(0)
  .max(8.64e15)
  .transform((ms) => new Date(ms));

const userJson = z.object({
  object: z.literal('user'),
  id: z.string().regex(/^[\w-]{1,200}$/, 'Expected an id of Clerk'),
  username: text,
  first_name: text,
  last_name: text,
  image_url: text,
  has_image: z.boolean().nullish(),
  primary_email_address_id: z.string().nullish(),
  email_addresses: z.array(z.object({ id: z.string(), email_address: text })).nullish(),
  created_at: time,
  updated_at: time,
});

/** Reads a user as webhooks and the Backend API send them. Throws MalformedClerkUserError. */
export function readClerkUser(json: unknown): ClerkUser {
  const { data: user, error } = userJson.safeParse(json);
  if (error) {
    const faults = error.issues.map(({ path, message }) => `${path.join('.') || 'the whole'}: ${message}`);
    throw new MalformedClerkUserError(`Expected a user of Clerk. ${faults.join('. ')}.`);
  }
  const primary = user.email_addresses?.find(({ id }) => id === user.primary_email_address_id);
  return {
    id: user.id,
    username: user.username,
    email: toEmail(primary?.email_address),
    firstName: user.first_name,
    lastName: user.last_name,
    imageUrl: user.has_image && /^https?:\/\//.test(user.image_url ?? '') ? user.image_url : null,
    createdAt: user.created_at,
    updatedAt: user.updated_at,
  };
}

const toEmail = (address: string | null | undefined): string | null =>
  address && address.length <= maxEmailLength ? address : null;
