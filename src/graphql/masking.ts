import { GraphQLError } from 'graphql';
import { RequestError } from '../errors.ts';
import type { Log } from '../platform/log.ts';

/** What an answer says of an error of ours. The log has the cause, under the same request id. */
const unexpectedMessage = 'Unexpected error.';

/** Makes what was thrown fit for a client: our own errors keep their code, whatever else is hidden and logged. */
export function maskError(error: unknown, { requestId, log }: { requestId: string; log: Log }): GraphQLError {
  const cause = rootCause(error);
  if (cause instanceof RequestError) {
    if (cause.cause) log.warn({ error: cause.cause, requestId }, cause.message);
    return requestErrorFace(cause, error);
  }
  if (error instanceof GraphQLError && cause instanceof GraphQLError) return withCode(error);
  log.error({ error: cause, requestId }, 'unexpected error');
  return new GraphQLError(unexpectedMessage, {
    ...position(error),
    extensions: { code: 'INTERNAL_SERVER_ERROR', requestId, unexpected: true },
  });
}

/** The GraphQL error of one of ours; its HTTP status applies whatever else the answer holds. */
export function requestErrorFace(cause: RequestError, error: unknown = cause): GraphQLError {
  const { code, status, retryAfter } = cause;
  const isComplexity = code === 'QUERY_TOO_COMPLEX';
  return new GraphQLError(error instanceof GraphQLError ? error.message : cause.message, {
    ...position(error),
    extensions: {
      code,
      ...(retryAfter !== undefined && { retryAfter }),
      ...((status || isComplexity) && {
        http: {
          status: status ?? 400,
          // Yoga: only where the client accepts application/graphql-response+json.
          ...(isComplexity && { spec: true }),
          ...(retryAfter !== undefined && { headers: { 'Retry-After': String(retryAfter) } }),
        },
      }),
    },
  });
}

/** graphql-js gives no code to what it refuses itself: variables that don't fit their types. */
function withCode(error: GraphQLError): GraphQLError {
  if (error.extensions.code) return error;
  return new GraphQLError(error.message, {
    ...position(error),
    extensions: { ...error.extensions, code: 'BAD_USER_INPUT', http: { spec: true, status: 400 } },
  });
}

function position(error: unknown) {
  return error instanceof GraphQLError ? { nodes: error.nodes ?? null, path: error.path ?? null } : {};
}

function rootCause(error: unknown): unknown {
  let cause = error;
  while (cause instanceof GraphQLError && cause.originalError) cause = cause.originalError;
  return cause;
}
