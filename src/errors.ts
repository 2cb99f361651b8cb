/**
 * Everything that can go wrong and is not a bug.
 *
 * - `UserError`: a mistake that a person can mend; a member of the mutation's result union.
 * - `RequestError`: the request as a whole, or a field of it, can't be served; a GraphQL error with a code.
 * - `StartError`: the server can't start; one line for the operator, exit code 1.
 *
 * Whatever else is thrown is ours: masked, and logged with the request's id.
 */

/** A mistake that a person can mend. */
export abstract class UserError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** One input field that is wrong: its dotted path below the argument, and what was expected. */
export interface FieldError {
  path: string;
  message: string;
}

/** Input that was refused; one row for each wrong field. */
export class InvalidInputError extends UserError {
  readonly fields: FieldError[];

  constructor(fields: FieldError[]) {
    super(fields.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join(' '));
    this.fields = fields;
  }
}

/** The username is another user's, or held for its former owner. */
export class UsernameTakenError extends UserError {
  readonly suggestions: string[];

  constructor(username: string, suggestions: string[]) {
    super(`The username "${username}" is taken.`);
    this.suggestions = suggestions;
  }
}

/** The profile can't be marked as complete while a required field is empty. */
export class ProfileIncompleteError extends UserError {
  readonly missingFields: string[];

  constructor(missingFields: string[]) {
    super(`Expected every required field, and these are empty: ${missingFields.join(', ')}.`);
    this.missingFields = missingFields;
  }
}

/** The account wasn't deleted: what was typed is neither its username nor, where it has none, its id. */
export class WrongConfirmationError extends UserError {}

/** What was named is not there, or the viewer may not know of it. */
export class NotFoundError extends UserError {}

/** An uploaded file of more bytes than are accepted. */
export class FileTooLargeError extends UserError {
  readonly limitBytes: number;

  constructor(bytes: number, limitBytes: number) {
    super(`Expected a file of at most ${limitBytes} bytes, and got ${bytes}.`);
    this.limitBytes = limitBytes;
  }
}

/** The image types that are accepted, by content. */
export const supportedMimeTypes = ['image/jpeg', 'image/png', 'image/gif', 'image/webp'] as const;

/** A file that isn't a picture we accept: another type, damaged, empty, or too many pixels or frames; the message says which. */
export class UnsupportedImageError extends UserError {
  readonly supportedMimeTypes = [...supportedMimeTypes];
}

/** The codes of GraphQL errors that are not `UserError`s. */
export type RequestErrorCode =
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'BAD_USER_INPUT'
  | 'QUERY_TOO_COMPLEX'
  | 'RATE_LIMITED'
  | 'REQUEST_TIMEOUT'
  | 'PAYLOAD_TOO_LARGE'
  | 'UNSUPPORTED_MEDIA_TYPE'
  | 'SERVICE_UNAVAILABLE';

/** A request, or a field of it, that can't be served. `status` is the HTTP status where the whole answer must carry one. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code: RequestErrorCode;
  readonly status: number | undefined;
  /** Seconds after which a new try makes sense; for RATE_LIMITED. */
  readonly retryAfter: number | undefined;

  constructor(
    code: RequestErrorCode,
    message: string,
    options: { status?: number; retryAfter?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.status = options.status;
    this.retryAfter = options.retryAfter;
  }
}

/** A token that doesn't hold, or a user who was deleted: nothing of the request runs. */
export const unauthenticated = (message: string) => new RequestError('UNAUTHENTICATED', message, { status: 401 });

/** An argument that can't be used at all. */
export const badUserInput = (message: string) => new RequestError('BAD_USER_INPUT', message);

/** Too often, or a queue that is full. */
export const rateLimited = (message: string, retryAfterS: number) =>
  new RequestError('RATE_LIMITED', message, { status: 429, retryAfter: Math.max(1, Math.ceil(retryAfterS)) });

/** The database or the picture store is away. */
export const serviceUnavailable = (what: string, cause?: unknown) =>
  new RequestError('SERVICE_UNAVAILABLE', `${what} can't be reached at the moment. Try again soon.`, {
    status: 503,
    cause,
  });

/** The server can't start: one line that says what is wrong and what would be right. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
