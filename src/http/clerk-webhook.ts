import { RequestError, serviceUnavailable } from '../errors.ts';
import { receiveDelivery } from '../modules/identity/webhook-service.ts';
import { MalformedWebhookError, readClerkWebhook, WebhookSignatureError } from '../platform/clerk-webhooks.ts';
import { databaseCode } from '../platform/database.ts';
import type { Log } from '../platform/log.ts';
import type { Platform } from '../platform/platform.ts';
import { methodNotAllowed, withApiErrors } from './api-errors.ts';
import { type HttpHandler, type HttpReply, type HttpRequest, header, jsonReply } from './exchange.ts';

/** Clerk's events of users are a few kB; whatever is over this isn't read. */
const maxBodyBytes = 256 * 1024;

export interface ClerkWebhookOptions {
  /** None: nothing is accepted. */
  signingSecrets: readonly string[];
  platform: Pick<Platform, 'db' | 'deletedUsers' | 'mirrors'>;
  /** Called for each request that nobody who has a signing secret has signed. */
  onRejected(): void;
  log: Log;
}

/**
 * Where Clerk tells of users who come, change and leave. Clerk sends again what isn't answered with 200: so a 400 is for what
 * will never be right, and a 503 for what will.
 */
export function createClerkWebhook(options: ClerkWebhookOptions): HttpHandler {
  const { signingSecrets, platform, onRejected, log } = options;
  const handle = async (request: HttpRequest): Promise<HttpReply> => {
    if (request.method !== 'POST') return methodNotAllowed(['POST']);
    if (signingSecrets.length === 0) throw notSetUp();
    const body = await request.readBody(maxBodyBytes);
    const delivery = await readClerkWebhook({ headers: toSvixHeaders(request), body }, signingSecrets);
    const outcome = await receiveDelivery(platform, delivery);
    const { id, type } = delivery;
    log.debug({ requestId: request.id, deliveryId: id, type, outcome }, 'a webhook was received');
    return jsonReply(200, { outcome });
  };
  return withApiErrors(async (request) => {
    try {
      return await handle(request);
    } catch (error) {
      if (error instanceof WebhookSignatureError) onRejected();
      throw toRequestError(error, request, log);
    }
  }, log);
}

const toSvixHeaders = (request: HttpRequest) => ({
  'svix-id': header(request, 'svix-id'),
  'svix-timestamp': header(request, 'svix-timestamp'),
  'svix-signature': header(request, 'svix-signature'),
});

const notSetUp = () =>
  new RequestError('SERVICE_UNAVAILABLE', 'Webhooks are not set up: CLERK_WEBHOOK_SIGNING_SECRET is missing.', {
    status: 503,
  });

function toRequestError(error: unknown, { id: requestId }: HttpRequest, log: Log): unknown {
  if (error instanceof WebhookSignatureError || error instanceof MalformedWebhookError) {
    log.warn({ requestId, reason: error.message }, 'a webhook was refused');
    return new RequestError('BAD_USER_INPUT', error.message, { status: 400 });
  }
  return passingCodes.has(databaseCode(error) ?? '') ? serviceUnavailable('The database', error) : error;
}

/** Deadlock, serialization failure and write conflict, each once too often; a statement or a lock that took too long. */
const passingCodes = new Set(['40P01', '40001', 'P2034', '57014', '55P03']);
