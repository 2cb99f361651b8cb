import { randomUUID } from 'node:crypto';
import { type ExecutionArgs, type GraphQLError, getOperationAST } from 'graphql';
import type { SubscribePayload } from 'graphql-ws';
import { badUserInput, RequestError } from '../errors.ts';
import type { Context, RequestFacts } from '../graphql/context.ts';
import { maskError } from '../graphql/masking.ts';
import { userDeleted } from '../modules/user/service.ts';
import type { DeletedUsers } from '../platform/deleted-users.ts';
import type { Log } from '../platform/log.ts';
import type { RateLimits } from '../platform/rate-limits.ts';
import type { Authenticated } from './authentication.ts';
import type { GraphQLServer } from './yoga.ts';

/** Operations open at once on one socket. */
const maxOperations = 100;

export interface OperationOptions {
  graphql: GraphQLServer;
  rateLimits: RateLimits;
  deletedUsers: DeletedUsers;
  toContext(authenticated: Authenticated, request: RequestFacts): Context;
  log: Log;
}

/** Who asks, and how many operations of theirs are open, this one included. */
export interface Asker {
  authenticated: Authenticated | null;
  peer: string;
  userAgent: string | null;
  operations: Set<string>;
}

/** An operation that was found valid, and the engine that runs it. */
export type PreparedArgs = ExecutionArgs & { run(args: ExecutionArgs): never };

/** Parses and validates by the same rules as over HTTP. Whatever is wrong is an answer: thrown, it would close the socket. */
export async function prepareOperation(
  asker: Asker,
  payload: SubscribePayload,
  options: OperationOptions,
): Promise<PreparedArgs | readonly GraphQLError[]> {
  const requestId = randomUUID();
  try {
    return await prepare(asker, payload, options, requestId);
  } catch (error) {
    return [maskError(error, { requestId, log: options.log })];
  }
}

async function prepare(
  { authenticated, peer, userAgent, operations }: Asker,
  { query, operationName, variables }: SubscribePayload,
  { graphql, rateLimits, deletedUsers, toContext }: OperationOptions,
  requestId: string,
) {
  if (!authenticated) throw new Error('An operation came before the connection was signed in.');
  if (deletedUsers.has(authenticated.viewer?.id ?? null)) throw userDeleted();
  await rateLimits.take('requests', authenticated.viewer?.id ?? peer);
  if (operations.size > maxOperations) throw tooManyOperations();
  // The socket's loader has whatever earlier operations read through it.
  authenticated.users.clearAll();
  const engine = graphql.getEnveloped(toContext(authenticated, { requestId, userAgent, viewAs: null }));
  const document = engine.parse(query);
  const errors = engine.validate(engine.schema, document) as readonly GraphQLError[];
  if (errors.length > 0) return errors;
  const operation = getOperationAST(document, operationName);
  if (!operation) throw badUserInput('Expected the name of one of the operations.');
  return {
    schema: engine.schema,
    document,
    operationName: operationName ?? null,
    variableValues: variables ?? null,
    contextValue: await engine.contextFactory(),
    run: (operation.operation === 'subscription' ? engine.subscribe : engine.execute) as never,
  };
}

const tooManyOperations = () =>
  new RequestError('RATE_LIMITED', `Expected at most ${maxOperations} operations at once.`, { retryAfter: 1 });

/** An error as clients see it: without what only HTTP needs. */
export function toFace(error: GraphQLError) {
  const { http: _, unexpected: __, ...extensions } = error.extensions;
  return { ...error.toJSON(), extensions };
}
