import { verifyWebhook } from '@clerk/backend/webhooks';
import { type ClerkUser, MalformedClerkUserError, readClerkUser } from './clerk.ts';

/** Something that Clerk tells us, and that Clerk did send. */
export interface ClerkDelivery {
  /** The svix-id: the same however often it is sent. */
  id: string;
  /** Clerk's name of the event, such as user.updated. */
  type: string;
  event: ClerkEvent;
}

export type ClerkEvent =
  | { kind: 'USER'; user: ClerkUser }
  | { kind: 'USER_DELETED'; userId: string }
  /** Something else than users. */
  | { kind: 'OTHER' };

/** The request of a webhook, its body byte for byte. */
export interface WebhookRequest {
  headers: Record<'svix-id' | 'svix-timestamp' | 'svix-signature', string | undefined>;
  body: Buffer;
}

/** Nobody who has one of our secrets signed it, or not within the last five minutes. */
export class WebhookSignatureError extends Error {
  override name = 'WebhookSignatureError';
}

/** It is signed, and says nothing that can be understood. The message holds nothing of what came. */
export class MalformedWebhookError extends Error {
  override name = 'MalformedWebhookError';
}

/** Names such as organizationInvitation.accepted. */
const typePattern = /^[\w.-]{1,100}$/;
/** Svix's ids are about 30 characters. */
const maxIdLength = 255;

/**
 * Verifies a webhook with each of the signing secrets (two while one is rotated), and reads it. Throws
 * WebhookSignatureError, MalformedWebhookError.
 */
export async function readClerkWebhook(
  request: WebhookRequest,
  signingSecrets: readonly string[],
): Promise<ClerkDelivery> {
  const { type, data } = await verified(request, signingSecrets);
  const id = request.headers['svix-id']?.trim() ?? '';
  if (id.length > maxIdLength)
    throw new MalformedWebhookError(`Expected a svix-id of at most ${maxIdLength} characters.`);
  if (typeof type !== 'string' || !typePattern.test(type))
    throw new MalformedWebhookError('Expected an event with a type.');
  return { id, type, event: readEvent(type, data) };
}

async function verified(request: WebhookRequest, signingSecrets: readonly string[]) {
  let cause: unknown;
  for (const signingSecret of signingSecrets) {
    try {
      // A signature counts for one secret, and a request's body can be read once.
      return (await verifyWebhook(toWebRequest(request), { signingSecret })) as { type: unknown; data: unknown };
    } catch (error) {
      cause = error;
    }
  }
  throw new WebhookSignatureError(`Expected a webhook that Clerk signed. ${reasonOf(cause)}`);
}

/** What Clerk's client throws may quote the body, and comes for a body that is no JSON too. These are the usual reasons. */
function reasonOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : '';
  if (/timestamp too (old|new)/.test(message)) return 'The time that it was signed at is more than five minutes away.';
  if (/Missing required webhook headers/.test(message)) return 'Its svix headers are missing.';
  return 'None of its signatures is by a signing secret of ours, or it is no JSON.';
}

function toWebRequest({ headers, body }: WebhookRequest): Request {
  const given = Object.entries(headers).filter((header): header is [string, string] => header[1] !== undefined);
  return new Request('http://webhook.invalid', { method: 'POST', headers: given, body: new Uint8Array(body) });
}

function readEvent(type: string, data: unknown): ClerkEvent {
  if (type === 'user.created' || type === 'user.updated') return { kind: 'USER', user: readUser(data) };
  if (type === 'user.deleted') return { kind: 'USER_DELETED', userId: readUserId(data) };
  return { kind: 'OTHER' };
}

function readUser(data: unknown): ClerkUser {
  try {
    return readClerkUser(data);
  } catch (error) {
    throw error instanceof MalformedClerkUserError ? new MalformedWebhookError(error.message) : error;
  }
}

function readUserId(data: unknown): string {
  const id = (data as { id?: unknown } | null)?.id;
  if (typeof id === 'string' && /^[\w-]{1,200}$/.test(id)) return id;
  throw new MalformedWebhookError('Expected the id of the user who was deleted.');
}
