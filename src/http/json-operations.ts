import { RequestCache } from '@pothos/plugin-scope-auth';
import { type DocumentNode, type ExecutionArgs, type ExecutionResult, getOperationAST } from 'graphql';
import { processRegularResult } from 'graphql-yoga';
import type { Context } from '../graphql/context.ts';
import { maskError } from '../graphql/masking.ts';
import { createDocumentCache } from './document-cache.ts';
import type { HttpReply } from './exchange.ts';
import { toReply } from './web-messages.ts';
import type { GraphQLServer } from './yoga.ts';

/** Answers an operation that came as JSON; null for anything unusual, which Yoga answers: nothing of it ran. */
export type JsonOperations = (body: Buffer, accept: string | undefined, context: Context) => Promise<HttpReply | null>;

interface Params {
  query: string;
  operationName?: string | null;
  variables?: Record<string, unknown> | null;
}

/**
 * The short way of what most clients send: a query or a mutation by POST, JSON there and back. It goes through the same
 * engine as all others, with the same plugins, and spares what Yoga does around it for requests of any kind: making a
 * Request of the message, and a message of the Response, costs more than the operation.
 */
export function createJsonOperations(graphql: GraphQLServer): JsonOperations {
  /** Those that were found valid. */
  const documents = createDocumentCache<DocumentNode>();
  // Taken once: the server is a proxy, which binds what it is asked for anew each time.
  const { getEnveloped } = graphql;

  const findDocument = (engine: Engine, query: string): DocumentNode | null => {
    const known = documents.get(query);
    if (known) return known;
    const document = readDocument(engine, query);
    if (document) documents.set(query, document);
    return document;
  };

  return async (body, accept, context) => {
    const type = toMediaType(accept);
    const params = type && readParams(body);
    if (!params) return null;
    const { query, operationName = null, variables } = params;
    const engine = getEnveloped({ params, request: postRequest, ...context });
    const document = findDocument(engine, query);
    const operation = document && getOperationAST(document, operationName);
    if (!operation || operation.operation === 'subscription') return null;
    const contextValue = await engine.contextFactory();
    const variableValues = variables ?? {};
    const result = await execute(engine, {
      schema: engine.schema,
      document,
      operationName,
      variableValues,
      contextValue,
    });
    return toJsonReply(result, type, graphql);
  };
}

/** What failed is told by Yoga, who knows the status that goes with it. */
async function toJsonReply(result: ExecutionResult, type: string, { fetchAPI }: GraphQLServer): Promise<HttpReply> {
  if (result.errors || result.extensions)
    return toReply(processRegularResult(result, fetchAPI, type), (stream) => stream);
  const headers = { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-store' };
  return { status: 200, headers, body: JSON.stringify(result) };
}

type Engine = ReturnType<GraphQLServer['getEnveloped']>;

/** What plugins ask of the request of an operation. */
const postRequest = { method: 'POST' } as Request;

/** The type of the answer; null where it may be none of ours. Of two that a client accepts alike, Yoga takes the first. */
function toMediaType(accept = '*/*'): string | null {
  for (const item of accept.toLowerCase().split(',')) {
    const [type = ''] = item.split(';', 1);
    const known = mediaTypes.get(type.trim());
    if (known !== undefined) return item.includes('charset') ? null : known;
  }
  return null;
}

const mediaTypes = new Map<string, string | null>([
  ['*/*', 'application/json'],
  ['application/*', 'application/json'],
  ['application/json', 'application/json'],
  ['application/graphql-response+json', 'application/graphql-response+json'],
  ['text/event-stream', null],
  ['multipart/mixed', null],
]);

/** The parameters of an operation, where they are just as the specification has them. */
function readParams(body: Buffer): Params | null {
  try {
    const params = JSON.parse(body.toString()) as unknown;
    return isRegular(params) ? params : null;
  } catch {
    return null;
  }
}

function isRegular(params: unknown): params is Params {
  if (!isObject(params)) return false;
  const { query, operationName, variables, extensions, ...rest } = params;
  return (
    typeof query === 'string' &&
    (operationName == null || typeof operationName === 'string') &&
    (variables == null || isObject(variables)) &&
    (extensions == null || isObject(extensions)) &&
    Object.keys(rest).length === 0
  );
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Null where the document can't be parsed or isn't valid. */
function readDocument({ parse, validate, schema }: Engine, query: string): DocumentNode | null {
  try {
    const document = parse(query) as DocumentNode;
    return validate(schema, document).length === 0 ? document : null;
  } catch {
    return null;
  }
}

async function execute(engine: Engine, args: ExecutionArgs): Promise<ExecutionResult> {
  try {
    return (await engine.execute(args)) as ExecutionResult;
  } catch (error) {
    return { errors: [maskError(error, args.contextValue as Context)] };
  } finally {
    // What scopes it kept there would keep the whole request in memory until V8 looks through the old.
    RequestCache.clearForContext(args.contextValue as Context);
  }
}
