import { type ExecutionResult, GraphQLError } from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import type { Context } from '../graphql/context.ts';

/**
 * No answer, and no message of a subscription, leaves before what an administrator read for it stands in the audit logs of
 * those whom it is about. Where that can't be written, nothing of it is told.
 */
export function useAdministratorReads(): Plugin<Context> {
  return {
    // Nobody else reads anything that is written down, and waiting for nothing costs time too.
    onExecute: ({ args }) =>
      args.contextValue.viewer?.isAdministrator
        ? { onExecuteDone: ({ setResult }) => writeReads(args.contextValue, setResult) }
        : undefined,
    onSubscribe: ({ args }) => ({
      onSubscribeResult: ({ result }) =>
        isAsyncIterable(result) ? { onNext: ({ setResult }) => writeReads(args.contextValue, setResult) } : undefined,
    }),
  };
}

async function writeReads({ reads }: Context, setResult: (result: ExecutionResult) => void): Promise<void> {
  try {
    await reads.write();
  } catch (error) {
    const originalError = error as Error;
    setResult({ errors: [new GraphQLError(originalError.message, { originalError })] });
  }
}
