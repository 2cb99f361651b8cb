import {
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
  getOperationAST,
  NoSchemaIntrospectionCustomRule,
  parse,
} from 'graphql';
import { handleStreamOrSingleExecutionResult, type Plugin } from 'graphql-yoga';
import { RequestError } from '../errors.ts';
import type { Context } from '../graphql/context.ts';
import { assertWithinLimits, limits, tooComplex } from '../graphql/limits.ts';
import { documentError, maskError, requestErrorFace } from '../graphql/masking.ts';

const tooComplexFace = (message: string) => requestErrorFace(new RequestError('QUERY_TOO_COMPLEX', message));

/** Refuses a document of too many tokens before the rest of it is read. */
export function useLimitedParser(): Plugin {
  const parseWithinLimit: typeof parse = (source, options) => {
    try {
      return parse(source, { ...options, maxTokens: limits.tokens });
    } catch (error) {
      // Values in values: the stack ends a little before the tokens do.
      if (error instanceof RangeError) throw tooComplexFace('Expected a document that is nested less.');
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

/** Without introspection nothing else may tell the schema's names either: no error suggests the right one. */
export function useNoIntrospection(): Plugin {
  const withoutSuggestion = ({ message, nodes, path, originalError, extensions }: GraphQLError) =>
    new GraphQLError(message.replace(/ Did you mean [^?]*\?/, ''), {
      nodes: nodes ?? null,
      path: path ?? null,
      originalError: originalError ?? null,
      extensions,
    });
  const onDone = ({ result, setResult }: { result: ExecutionResult; setResult(result: ExecutionResult): void }) => {
    if (result.errors) setResult({ ...result, errors: result.errors.map(withoutSuggestion) });
  };
  return {
    onValidate({ addValidationRule }) {
      addValidationRule(NoSchemaIntrospectionCustomRule);
      return ({ result, setResult }) => setResult(errorsOf(result).map(withoutSuggestion));
    },
    onExecute: () => ({ onExecuteDone: (payload) => handleStreamOrSingleExecutionResult(payload, onDone) }),
    onSubscribe: () => ({ onSubscribeResult: (payload) => handleStreamOrSingleExecutionResult(payload, onDone) }),
  };
}

/** graphql-js stops validating where comparing a document's fields with each other would take too long. */
export function useValidationBudget(): Plugin {
  return {
    onValidate:
      () =>
      ({ result, setResult }) => {
        if (errorsOf(result).some(({ message }) => message === 'Validation aborted.'))
          setResult([tooComplexFace('Expected a document that asks for fewer fields at one place.')]);
      },
  };
}

const errorsOf = (result: readonly Error[]) => result as readonly GraphQLError[];

/** Refuses what asks for too much, once it is known to be valid, and before any of it runs. */
export function useLimits(): Plugin<Context> {
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
