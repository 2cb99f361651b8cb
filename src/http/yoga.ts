import { randomUUID } from 'node:crypto';
import {
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  NoSchemaIntrospectionCustomRule,
  parse,
} from 'graphql';
import { createYoga, handleStreamOrSingleExecutionResult, type Plugin } from 'graphql-yoga';
import type { Context } from '../graphql/context.ts';
import { assertWithinLimits, limits, tooComplex } from '../graphql/limits.ts';
import { maskError, requestErrorFace } from '../graphql/masking.ts';
import type { Log } from '../platform/log.ts';

/** Yoga without what the server does itself before a request gets here: CORS, limits of bodies, GraphiQL, other routes. */
export function createGraphQL(options: { schema: GraphQLSchema; introspection: boolean; log: Log }) {
  return createYoga<Context>({
    schema: options.schema,
    graphqlEndpoint: '/graphql',
    cors: false,
    graphiql: false,
    landingPage: false,
    logging: false,
    maxRequestBodySize: false,
    // What is thrown outside of an operation has no context, so its log line gets an id of its own.
    maskedErrors: { maskError: (error) => maskError(error, { requestId: randomUUID(), log: options.log }) },
    plugins: [useLimitedParser(), ...(options.introspection ? [] : [useNoIntrospection()]), useLimits(), useMasking()],
  });
}

export type GraphQLServer = ReturnType<typeof createGraphQL>;

/** A mistake of the document: 400 where the client accepts application/graphql-response+json, else 200. */
const documentError = { spec: true, status: 400 };

function useLimitedParser(): Plugin {
  const parseWithinLimit: typeof parse = (source, options) => {
    try {
      return parse(source, { ...options, maxTokens: limits.tokens });
    } catch (error) {
      if (!(error instanceof GraphQLError)) throw error;
      if (
        error.message.includes(`more that ${limits.tokens} tokens`) ||
        error.message.includes(`more than ${limits.tokens} tokens`)
      ) {
        throw requestErrorFace(tooComplex('tokens', limits.tokens, 'more'));
      }
      error.extensions.code = 'GRAPHQL_PARSE_FAILED';
      error.extensions.http = documentError;
      throw error;
    }
  };
  return { onParse: ({ setParseFn }) => setParseFn(parseWithinLimit) };
}

function useNoIntrospection(): Plugin {
  return { onValidate: ({ addValidationRule }) => addValidationRule(NoSchemaIntrospectionCustomRule) };
}

/** Refuses what asks for too much, once it is known to be valid, and before any of it runs. */
function useLimits(): Plugin<Context> {
  const refusal = (args: ExecutionArgs): ExecutionResult | null => {
    const operation = getOperationAST(args.document, args.operationName);
    if (!operation) return null;
    try {
      assertWithinLimits(args.schema, args.document, operation, args.variableValues ?? {});
      return null;
    } catch (error) {
      return { errors: [maskError(error, args.contextValue as Context)] };
    }
  };
  return {
    onExecute({ args, setResultAndStopExecution }) {
      const result = refusal(args);
      if (result) setResultAndStopExecution(result);
    },
    onSubscribe({ args, setResultAndStopExecution }) {
      const result = refusal(args);
      if (result) setResultAndStopExecution(result);
    },
  };
}

/** Masks what an operation's resolvers threw, under the request's own id. */
function useMasking(): Plugin<Context> {
  const masked =
    (context: Context) =>
    ({ result, setResult }: { result: ExecutionResult; setResult(result: ExecutionResult): void }) => {
      if (result.errors) setResult({ ...result, errors: result.errors.map((error) => maskError(error, context)) });
    };
  return {
    onExecute: ({ args }) => ({
      onExecuteDone: (payload) => handleStreamOrSingleExecutionResult(payload, masked(args.contextValue)),
    }),
    onSubscribe: ({ args }) => ({
      onSubscribeResult: (payload) => handleStreamOrSingleExecutionResult(payload, masked(args.contextValue)),
      onSubscribeError: ({ error, setError }) => setError(maskError(error, args.contextValue)),
    }),
  };
}
