import { randomUUID } from 'node:crypto';
import { type DocumentNode, type ExecutionArgs, type GraphQLError, type GraphQLSchema, getOperationAST } from 'graphql';
import type { SubscribePayload } from 'graphql-ws';
import { badUserInput, RequestError } from '../errors.ts';
import type { Context, RequestFacts } from '../graphql/context.ts';
import { maskError } from '../graphql/masking.ts';
import { createUserLoader } from '../modules/user/loaders.ts';
import { userDeleted } from '../modules/user/service.ts';
import type { Database } from '../platform/database.ts';
import type { DeletedUsers } from '../platform/deleted-users.ts';
import type { Log } from '../platform/log.ts';
import type { RateLimits } from '../platform/rate-limits.ts';
import type { Authenticated } from './authentication.ts';
import type { Member } from './broadcast-member.ts';
import type { Broadcasts } from './broadcasts.ts';
import type { Outlet } from './websocket-outlet.ts';
import type { GraphQLServer } from './yoga.ts';

/** Operations open at once on one socket. */
const maxOperations = 100;

export interface OperationOptions {
  graphql: GraphQLServer;
  db: Pick<Database, 'query'>;
  rateLimits: RateLimits;
  deletedUsers: DeletedUsers;
  toContext(authenticated: Authenticated, request: RequestFacts): Context;
  broadcasts: Broadcasts;
  log: Log;
}

/** Who speaks through a socket, as long as it lives. */
export type SignedIn = Omit<Authenticated, 'users'>;

/** Who asks, and how many operations of theirs are open, this one included. */
export interface Asker {
  authenticated: SignedIn | null;
  peer: string;
  userAgent: string | null;
  operations: readonly string[];
  outlet: Outlet;
}

/** What a client asks for, and by which name of the operation. */
type Asked = Pick<SubscribePayload, 'query' | 'operationName' | 'variables'> & { id: string };

/** An operation that was found valid, and the engine that runs it. */
export type PreparedArgs = ExecutionArgs & { run(args: ExecutionArgs): never };

/** Parses and validates by the same rules as over HTTP. Whatever is wrong is an answer: thrown, it would close the socket. */
export async function prepareOperation(
  asker: Asker,
  asked: Asked,
  options: OperationOptions,
): Promise<PreparedArgs | readonly GraphQLError[]> {
  const requestId = randomUUID();
  try {
    return await prepare(asker, asked, options, requestId);
  } catch (error) {
    return [maskError(error, { requestId, log: options.log })];
  }
}

async function prepare(
  { authenticated, peer, userAgent, operations, outlet }: Asker,
  { id, query, operationName, variables }: Asked,
  { graphql, db, rateLimits, deletedUsers, toContext, broadcasts }: OperationOptions,
  requestId: string,
) {
  if (!authenticated) throw new Error('An operation came before the connection was signed in.');
  if (deletedUsers.has(authenticated.viewer?.id ?? null)) throw userDeleted();
  await rateLimits.take('requests', authenticated.viewer?.id ?? peer);
  if (operations.length > maxOperations) throw tooManyOperations();
  const users = createUserLoader(db, authenticated.viewer?.id ?? null);
  const context = toContext({ ...authenticated, users }, { requestId, userAgent, viewAs: null });
  const engine = graphql.getEnveloped(context);
  const document = engine.parse(query);
  const errors = engine.validate(engine.schema, document) as readonly GraphQLError[];
  if (errors.length > 0) return errors;
  const operation = getOperationAST(document, operationName);
  if (!operation) throw badUserInput('Expected the name of one of the operations.');
  const plan = {
    schema: engine.schema,
    document,
    operationName: operationName ?? null,
    variableValues: variables ?? null,
  };
  const member = await broadcasts.open({ id, query, args: { ...plan, contextValue: context }, outlet });
  if (member) return toBroadcast(engine.schema, document, member);
  return {
    ...plan,
    contextValue: await engine.contextFactory(),
    run: (operation.operation === 'subscription' ? engine.subscribe : engine.execute) as never,
  };
}

/** Has begun, and keeps nothing of how: as many are held as there are subscriptions. */
const toBroadcast = (schema: GraphQLSchema, document: DocumentNode, member: Member): PreparedArgs => ({
  schema,
  document,
  contextValue: null,
  run: () => member as never,
});

const tooManyOperations = () =>
  new RequestError('RATE_LIMITED', `Expected at most ${maxOperations} operations at once.`, { retryAfter: 1 });
