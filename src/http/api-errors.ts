import {
  FileTooLargeError,
  InvalidInputError,
  NotFoundError,
  ProfileIncompleteError,
  UnsupportedImageError,
  type UserError,
  UsernameTakenError,
  WrongConfirmationError,
} from '../errors.ts';
import { maskError } from '../graphql/masking.ts';
import type { Log } from '../platform/log.ts';
import { type HttpHandler, type HttpReply, type HttpRequest, jsonReply } from './exchange.ts';

/** The codes of errors below `/api` and the HTTP status of each. What GraphQL has too has the same name there. */
export const apiErrorStatus = {
  BAD_USER_INPUT: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  REQUEST_TIMEOUT: 408,
  CONFLICT: 409,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  RATE_LIMITED: 429,
  INTERNAL_SERVER_ERROR: 500,
  SERVICE_UNAVAILABLE: 503,
} as const;

export type ApiErrorCode = keyof typeof apiErrorStatus;

/**
 * The handler of an address below `/api`: whatever it throws is answered as JSON, `{ code, message, fields? }`, with the
 * status that belongs to the code. Bugs are masked and logged as they are for GraphQL, and name the request's id.
 */
export function withApiErrors(handle: HttpHandler, log: Log): HttpHandler {
  return async (request) => {
    try {
      return await handle(request);
    } catch (error) {
      return apiErrorReply(request, error, log);
    }
  };
}

/** An error as the whole answer; see `withApiErrors`. */
export function apiErrorReply(request: Pick<HttpRequest, 'id'>, error: unknown, log: Log): HttpReply {
  const code = userErrorCode(error);
  if (code) {
    const { message, fields } = error as UserError & Partial<Pick<InvalidInputError, 'fields'>>;
    return reply(code, { message, fields });
  }
  const { message, extensions } = maskError(error, { requestId: request.id, log });
  const { requestId, retryAfter } = extensions;
  const headers: Record<string, string> = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
  return reply(isApiErrorCode(extensions.code) ? extensions.code : 'BAD_USER_INPUT', { message, requestId }, headers);
}

function reply(code: ApiErrorCode, details: object, headers?: Record<string, string>): HttpReply {
  return jsonReply(apiErrorStatus[code], { code, ...details }, headers);
}

/** 405, with the methods that the address has. */
export const methodNotAllowed = (allowed: readonly string[]): HttpReply =>
  reply(
    'METHOD_NOT_ALLOWED',
    { message: `Expected a method of ${allowed.join(', ')}.` },
    { allow: allowed.join(', ') },
  );

/** Null for what isn't a mistake that a person can mend. */
function userErrorCode(error: unknown): ApiErrorCode | null {
  if (error instanceof InvalidInputError || error instanceof WrongConfirmationError) return 'BAD_USER_INPUT';
  if (error instanceof NotFoundError) return 'NOT_FOUND';
  if (error instanceof UsernameTakenError || error instanceof ProfileIncompleteError) return 'CONFLICT';
  if (error instanceof FileTooLargeError) return 'PAYLOAD_TOO_LARGE';
  if (error instanceof UnsupportedImageError) return 'UNSUPPORTED_MEDIA_TYPE';
  return null;
}

const isApiErrorCode = (code: unknown): code is ApiErrorCode =>
  typeof code === 'string' && Object.hasOwn(apiErrorStatus, code);
