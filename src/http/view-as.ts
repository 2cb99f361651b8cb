import { type ExecutionArgs, GraphQLError, getOperationAST } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { badUserInput } from '../errors.ts';
import type { Context } from '../graphql/context.ts';
import { maskError } from '../graphql/masking.ts';
import type { HttpRequest } from './exchange.ts';

/**
 * For addresses where nobody looks as others do. Throws BAD_USER_INPUT: ignored, the header would let somebody change or
 * hand on what they think they only look at.
 */
export function refuseViewAs({ headers }: Pick<HttpRequest, 'headers'>): void {
  if (headers['visage-view-as'] !== undefined)
    throw badUserInput('Expected no Visage-View-As: it is for queries of GraphQL.');
}

/** Who looks as others see them only looks: queries alone run. */
export function useViewAs(): Plugin<Context> {
  const refusal = (args: ExecutionArgs) => {
    const context = args.contextValue as Context;
    if (context.viewAs === null) return null;
    const operation = getOperationAST(args.document, args.operationName)?.operation;
    if (operation === undefined || operation === 'query') return null;
    const originalError = badUserInput(`Expected a query with Visage-View-As, and got a ${operation}.`);
    return { errors: [maskError(new GraphQLError(originalError.message, { originalError }), context)] };
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
