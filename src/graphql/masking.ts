import { GraphQLError, Kind } from 'graphql';
import { RequestError } from '../errors.ts';
import type { Log } from '../platform/log.ts';

/** What an answer says of an error of ours. The log has the cause, under the same request id. */
const unexpectedMessage = 'Unexpected error.';

interface MaskOptions {
  requestId: string;
  log: Log;
  /** The rest of the answer has data in spite of this error. */
  isPartial?: boolean;
}

/** Makes what was thrown fit for a client: our own errors keep their code, whatever else is hidden and logged. */
export function maskError(error: unknown, { requestId, log, isPartial = false }: MaskOptions): GraphQLError {
  const cause = rootCause(error);
  if (cause instanceof RequestError) {
    if (cause.cause) log.warn({ error: cause.cause, requestId }, cause.message);
    return requestErrorFace(cause, error);
  }
  if (error instanceof GraphQLError && cause instanceof GraphQLError && isOfClient(error)) return withCode(error);
  log.error({ error: cause, requestId }, 'unexpected error');
  return new GraphQLError(unexpectedMessage, {
    ...position(error),
    extensions: {
      code: 'INTERNAL_SERVER_ERROR',
      requestId,
      unexpected: true,
      ...(!isPartial && { http: { spec: true, status: 500 } }),
    },
  });
}

/** The GraphQL error of one of ours; its HTTP status applies whatever else the answer holds. */
export function requestErrorFace(cause: RequestError, error: unknown = cause): GraphQLError {
  const { code, status, retryAfter } = cause;
  const headers = retryAfter === undefined ? {} : { headers: { 'Retry-After': String(retryAfter) } };
  const http = status ? { status, ...headers } : isOfWholeRequest(code, error) ? documentError : undefined;
  return new GraphQLError(error instanceof GraphQLError ? shorten(error.message) : cause.message, {
    ...position(error),
    extensions: { code, ...(retryAfter !== undefined && { retryAfter }), ...(http && { http }) },
  });
}

/** A mistake of the document or its variables: 400 where the client accepts application/graphql-response+json, else 200. */
export const documentError = { spec: true, status: 400 };

/** A scalar's refusal of a variable comes without the path of a field: nothing ran. */
const isOfWholeRequest = (code: string, error: unknown) =>
  code === 'QUERY_TOO_COMPLEX' || (code === 'BAD_USER_INPUT' && error instanceof GraphQLError && !error.path);

/**
 * What graphql-js refuses below a field is the client's mistake where it points at a value in the document; where it
 * points at the field itself, what we resolved doesn't fit the schema.
 */
function isOfClient({ extensions, path, nodes }: GraphQLError): boolean {
  return extensions.code !== undefined || !path || (nodes?.some(({ kind }) => kind !== Kind.FIELD) ?? false);
}

/** graphql-js gives no code to what it refuses itself: variables that don't fit their types. */
function withCode(error: GraphQLError): GraphQLError {
  if (error.extensions.code) return error;
  return new GraphQLError(shorten(error.message), {
    ...position(error),
    extensions: { ...error.extensions, code: 'BAD_USER_INPUT', http: documentError },
  });
}

/** graphql-js shows a variable that it refuses whole, though it be a text of megabytes in an upload; why comes last. */
const shorten = (message: string): string =>
  message.length <= 1_000 ? message : `${message.slice(0, 500)} … ${message.slice(-300)}`;

function position(error: unknown) {
  return error instanceof GraphQLError ? { nodes: error.nodes ?? null, path: error.path ?? null } : {};
}

function rootCause(error: unknown): unknown {
  let cause = error;
  while (cause instanceof GraphQLError && cause.originalError) cause = cause.originalError;
  return cause;
}
