import { randomUUID } from 'node:crypto';
import { type ExecutionResult, GraphQLError, type GraphQLSchema } from 'graphql';
import { createYoga, handleStreamOrSingleExecutionResult, isAsyncIterable, type Plugin } from 'graphql-yoga';
import type { Context } from '../graphql/context.ts';
import { maskError } from '../graphql/masking.ts';
import type { Log } from '../platform/log.ts';
import { useAdministratorReads } from './administrator-reads.ts';
import { useCompiledQueries } from './compiled-queries.ts';
import { createDocumentCache } from './document-cache.ts';
import { useLimitedParser, useLimits, useNoIntrospection, useValidationBudget } from './document-limits.ts';
import { useUploads } from './upload-operation.ts';
import { useViewAs } from './view-as.ts';

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
    // Yoga would keep a thousand of each, however long they are.
    parserAndValidationCache: { documentCache: createDocumentCache(), errorCache: createDocumentCache() },
    // What is thrown outside of an operation has no context, so its log line gets an id of its own.
    maskedErrors: { maskError: (error) => maskError(error, { requestId: randomUUID(), log: options.log }) },
    plugins: [
      useUploads(),
      // After those that set a parser: it wraps the one that was set.
      useMalformedRequests(),
      useLimitedParser(),
      ...(options.introspection ? [] : [useNoIntrospection()]),
      useValidationBudget(),
      useLimits(),
      useViewAs(),
      useNoDeadSubscriptions(),
      useAdministratorReads(),
      useMasking(),
      useCompiledQueries(),
    ],
  });
}

export type GraphQLServer = ReturnType<typeof createGraphQL>;

/** Yoga refuses a subscription whose client takes no events once it has begun, and leaves it open: nobody would end it. */
function useNoDeadSubscriptions(): Plugin {
  return {
    async onResultProcess({ result, resultProcessor }) {
      if (isAsyncIterable(result) && !resultProcessor) await result[Symbol.asyncIterator]().return?.();
    },
  };
}

/** Yoga's parsers of requests stumble over what they don't expect; whatever they throw, the client sent it. */
function useMalformedRequests(): Plugin {
  return {
    onRequestParse({ requestParser, setRequestParser }) {
      if (!requestParser) return;
      setRequestParser(async (request) => {
        try {
          return await requestParser(request);
        } catch (error) {
          throw malformed(error);
        }
      });
    },
  };
}

function malformed(error: unknown): GraphQLError {
  const message = error instanceof GraphQLError ? error.message : 'The request is not GraphQL over HTTP.';
  return new GraphQLError(message, { extensions: { code: 'BAD_REQUEST', http: { status: 400 } } });
}

/** Masks what an operation's resolvers threw, under the request's own id. */
function useMasking(): Plugin<Context> {
  const masked =
    (context: Context) =>
    ({ result, setResult }: { result: ExecutionResult; setResult(result: ExecutionResult): void }) => {
      if (!result.errors) return;
      const { requestId, log } = context;
      const isPartial = result.data != null;
      setResult({ ...result, errors: result.errors.map((error) => maskError(error, { requestId, log, isPartial })) });
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
