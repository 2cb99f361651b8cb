import { createClerkClient } from '@clerk/backend';
import { isClerkAPIResponseError } from '@clerk/backend/errors';
import {
  type Clerk,
  ClerkAwayError,
  ClerkKeyRefusedError,
  type ClerkPicture,
  ClerkRefusedError,
  type ClerkUser,
  MalformedClerkUserError,
  readClerkUser,
} from './clerk.ts';
import type { Log } from './log.ts';
import { TimeLimitError, within } from './time-limit.ts';

/** Where and as whom to call Clerk, and for how long. */
export interface ClerkOptions {
  secretKey: string;
  /** Null: Clerk's own. */
  apiUrl: string | null;
  /** Told of a secret key that Clerk doesn't take. */
  log?: Log;
  /** For each call that says no other; default 3 s. */
  timeoutMs?: number;
  /** For whole pages of users, and for pictures; default 20 s. */
  longTimeoutMs?: number;
}

/** A secret key that was taken back stays so until an operator acts: one line in this time says it. */
const refusedKeyLogEveryMs = 60_000;

/** Clerk's Backend API by Clerk's own client, with time limits and our errors. */
export function createClerk({
  secretKey,
  apiUrl,
  log,
  timeoutMs = 3_000,
  longTimeoutMs = 20_000,
}: ClerkOptions): Clerk {
  const { users } = createClerkClient({ secretKey, ...(apiUrl && { apiUrl }), telemetry: { disabled: true } });
  const noteRefusedKey = createRefusedKeyNotes(log);

  /** Null is Clerk's own 404. */
  const call = async <Answer>(limitMs: number, request: () => Promise<Answer>): Promise<Answer | null> => {
    try {
      // The client takes no signal: a request that hangs is left behind, and ends by itself some minutes later.
      return await within(limitMs, request());
    } catch (error) {
      if (isNotThere(error)) return null;
      if (isRefusedKey(error)) noteRefusedKey();
      throw toOurs(error);
    }
  };
  const callForUser = async (userId: string, limitMs: number, request: () => Promise<{ raw: unknown }>) => {
    const answer = isId(userId) ? await call(limitMs, request) : null;
    return answer && readAnswer(answer);
  };

  return {
    getUser: (userId, options) => callForUser(userId, options?.timeoutMs ?? timeoutMs, () => users.getUser(userId)),
    async listUsers({ limit, offset = 0, createdAfter, userIds }) {
      const page = await call(longTimeoutMs, () =>
        users.getUserList({
          limit,
          offset,
          orderBy: '+created_at',
          ...(createdAfter && { createdAtAfter: createdAfter.getTime() }),
          ...(userIds && { userId: userIds }),
        }),
      );
      if (!Array.isArray(page?.data) || !Number.isInteger(page.totalCount)) throw notFromClerk();
      return { users: page.data.map(readAnswer), totalCount: page.totalCount };
    },
    updateUsername: (userId, username) =>
      callForUser(userId, timeoutMs, () => users.updateUser(userId, { username })).catch(unlessWithoutUsernames),
    updatePublicMetadata: (userId, publicMetadata) =>
      callForUser(userId, timeoutMs, () => users.updateUserMetadata(userId, { publicMetadata })),
    updatePicture: (userId, picture) =>
      callForUser(userId, longTimeoutMs, () =>
        picture
          ? users.updateUserProfileImage(userId, { file: toFile(picture) })
          : users.deleteUserProfileImage(userId),
      ),
    async deleteUser(userId) {
      const answer = isId(userId) ? await call(timeoutMs, () => users.deleteUser(userId)) : null;
      // The client's types promise a user; what comes says no more than this.
      if (answer && (answer as { deleted?: unknown }).deleted !== true) throw notFromClerk();
    },
  };
}

/**
 * The client puts ids into paths as they are, and a made-up one would change the path. Nobody in Clerk has such an id: it is
 * answered as Clerk's own 404, without asking.
 */
const isId = (userId: string): boolean => /^[\w-]+$/.test(userId);

function readAnswer(answer: { raw?: unknown } | null): ClerkUser {
  try {
    return readClerkUser(answer?.raw);
  } catch (error) {
    throw error instanceof MalformedClerkUserError ? notFromClerk(error) : error;
  }
}

/** Where a proxy or a captive portal answers in Clerk's place, nothing of what it says counts. */
const notFromClerk = (cause?: unknown) => new ClerkAwayError("Clerk's answer could not be understood.", { cause });

const toFile = ({ bytes, mimeType }: ClerkPicture): File =>
  new File([new Uint8Array(bytes)], `picture.${mimeType.replace('image/', '')}`, { type: mimeType });

/** That there is no such user, in Clerk's own words: a 404 alone may be anybody's. */
const isNotThere = (error: unknown): boolean =>
  isClerkAPIResponseError(error) &&
  error.status === 404 &&
  error.errors.some(({ code }) => code === 'resource_not_found');

const isRefusedKey = (error: unknown): boolean =>
  isClerkAPIResponseError(error) && (error.status === 401 || error.status === 403);

function toOurs(cause: unknown): unknown {
  if (cause instanceof TimeLimitError) return new ClerkAwayError(`Clerk gave ${cause.message}.`, { cause });
  if (!isClerkAPIResponseError(cause)) return cause;
  const { status, retryAfter, errors } = cause;
  const [first] = errors;
  if (isRefusedKey(cause)) return new ClerkKeyRefusedError("Clerk doesn't take CLERK_SECRET_KEY.", { cause });
  // Without a status nothing came back at all; without a code of Clerk's, what came back is somebody else's, and so is a 404
  // in other words than Clerk's.
  if (!status || [404, 408, 429].includes(status) || status >= 500 || !first?.code) {
    return new ClerkAwayError(`Clerk can't be asked: ${status ?? first?.message ?? 'no answer'}.`, {
      cause,
      retryAfterMs: retryAfter === undefined ? null : Math.max(0, retryAfter) * 1_000,
    });
  }
  return new ClerkRefusedError(first.longMessage ?? first.message, { status, code: first.code, cause });
}

/** What is not switched on is no parameter that Clerk knows. */
function unlessWithoutUsernames(error: unknown): 'NO_USERNAMES' {
  if (error instanceof ClerkRefusedError && error.code === 'form_param_unknown') return 'NO_USERNAMES';
  throw error;
}

function createRefusedKeyNotes(log: Log | undefined): () => void {
  let notedAt = Number.NEGATIVE_INFINITY;
  return () => {
    if (performance.now() - notedAt < refusedKeyLogEveryMs) return;
    notedAt = performance.now();
    log?.error("Clerk doesn't take CLERK_SECRET_KEY: what it should be told waits, and nothing is fetched from it");
  };
}
