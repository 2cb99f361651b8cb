import {
  type ASTNode,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type FieldNode,
  GraphQLError,
  getOperationAST,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  visit,
} from 'graphql';
import { type CompiledQuery, compileQuery, isCompiledQuery } from 'graphql-jit';
import type { Plugin } from 'graphql-yoga';

/** An operation seen once may never come again, and compiling it takes as long as running it fifty times. */
const compileFrom = 2;

/** What is known of one operation of a document: how often it was run, and how to run it faster; null: it can't be. */
interface Operation {
  node: OperationDefinitionNode;
  /** Variables that stand inside of values, as `{ id: $id }`. */
  inside: string[];
  runs: number;
  compiled: CompiledQuery['query'] | null | undefined;
}

/**
 * Runs queries and mutations that come again as compiled code. Documents are kept by Yoga's parser, so many and no more,
 * and what was compiled of one goes with it.
 */
export function useCompiledQueries(): Plugin {
  // By document and name: a document may hold several operations.
  const documents = new WeakMap<DocumentNode, Map<string, Operation>>();

  const find = ({ document, operationName }: ExecutionArgs): Operation | null => {
    const operations = documents.get(document) ?? new Map<string, Operation>();
    const known = operations.get(operationName ?? '');
    if (known) return known;
    const node = getOperationAST(document, operationName);
    // A name that isn't in the document comes from the client: it is not kept.
    if (!node) return null;
    const operation: Operation = { node, inside: variablesInside(document), runs: 0, compiled: undefined };
    documents.set(document, operations.set(operationName ?? '', operation));
    return operation;
  };

  return {
    onExecute({ args, setExecuteFn }) {
      const operation = find(args);
      if (!operation || !areVariablesRight(args, operation)) return;
      operation.runs++;
      if (operation.compiled === undefined && operation.runs >= compileFrom) operation.compiled = compile(args);
      const { compiled } = operation;
      if (compiled) setExecuteFn((args: ExecutionArgs) => run(compiled, args));
    },
  };
}

/** In the whole document, whichever operation they are of. */
function variablesInside(document: DocumentNode): string[] {
  const names = new Set<string>();
  const collect = (value: ASTNode) => void visit(value, { Variable: ({ name }) => void names.add(name.value) });
  visit(document, { ObjectValue: collect, ListValue: collect });
  return [...names];
}

/**
 * Compiled code doesn't look whether variables fit @oneOf inputs, nor whether a value is whole without one inside of it that
 * is missing, and calls the rest a mistake of ours. Those that don't fit are left to graphql-js, who says what is wrong.
 */
function areVariablesRight({ schema, variableValues }: ExecutionArgs, { node, inside }: Operation): boolean {
  const { variableDefinitions = [] } = node;
  if (variableDefinitions.length === 0) return true;
  const { coerced } = getVariableValues(schema, variableDefinitions, variableValues ?? {}, { maxErrors: 1 });
  return coerced !== undefined && inside.every((name) => coerced[name] != null);
}

function compile({ schema, document, operationName }: ExecutionArgs): Operation['compiled'] {
  try {
    const compiled = compileQuery(schema, document, operationName ?? undefined);
    return isCompiledQuery(compiled) ? compiled.query : null;
  } catch {
    // What can't be compiled runs as it always did.
    return null;
  }
}

function run(compiled: CompiledQuery['query'], args: ExecutionArgs) {
  const result = compiled(args.rootValue, args.contextValue, args.variableValues ?? {}) as
    | ExecutionResult
    | Promise<ExecutionResult>;
  return result instanceof Promise ? result.then((result) => located(result, args)) : located(result, args);
}

/** Compiled code doesn't say where in the document an error came about. */
function located(result: ExecutionResult, { document, operationName }: ExecutionArgs): ExecutionResult {
  if (!result.errors) return result;
  const errors = result.errors.map((error) => {
    const nodes = error.path ? findFields(document, operationName, error.path) : null;
    const { message, path, originalError } = error;
    return new GraphQLError(message, { nodes, path: path ?? null, originalError: originalError ?? null });
  });
  // In the order in which graphql-js has them: of two answers that are to be the same, one may be compiled.
  return { errors, data: result.data ?? null };
}

/** The fields of the document that stand at a path of its answer. */
function findFields(
  document: DocumentNode,
  operationName: ExecutionArgs['operationName'],
  path: NonNullable<GraphQLError['path']>,
): FieldNode[] {
  const operation = getOperationAST(document, operationName);
  let sets: SelectionSetNode[] = operation ? [operation.selectionSet] : [];
  let fields: FieldNode[] = [];
  for (const key of path) {
    if (typeof key === 'number') continue;
    fields = sets.flatMap((set) => fieldsOf(set, document)).filter(({ alias, name }) => (alias ?? name).value === key);
    sets = fields.flatMap(({ selectionSet }) => selectionSet ?? []);
  }
  return fields;
}

function fieldsOf({ selections }: SelectionSetNode, document: DocumentNode): FieldNode[] {
  return selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return [selection];
    if (selection.kind === Kind.INLINE_FRAGMENT) return fieldsOf(selection.selectionSet, document);
    const fragment = document.definitions.find(
      (definition) => definition.kind === Kind.FRAGMENT_DEFINITION && definition.name.value === selection.name.value,
    );
    return fragment && 'selectionSet' in fragment ? fieldsOf(fragment.selectionSet, document) : [];
  });
}
