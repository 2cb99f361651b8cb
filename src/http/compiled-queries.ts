import { setFlagsFromString } from 'node:v8';
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
import { countCompilable } from './compilable.ts';

/** An operation seen once may never come again, and compiling it takes as long as running it fifty times. */
const compileFrom = 2;
/** What compiled operations may take in all. */
const maxBytes = 50_000_000;
/** What one takes, measured: of itself, for each of its fields, and for each character of its document. */
const bytesOf = { operation: 60_000, field: 4_000, character: 70 } as const;

/** How to run an operation faster. */
interface Compiled {
  query: CompiledQuery['query'];
  /** Variables that stand inside of values, as `{ id: $id }`. */
  inside: string[];
  bytes: number;
}

/** What is known of an operation: how often it was run, and how it is compiled; null: it can't be. */
interface Operation {
  runs: number;
  compiled: Compiled | null | undefined;
}

/**
 * Runs queries and mutations that come again as compiled code. Documents are kept by those who parse them, and what is
 * known of one goes with it.
 */
export function useCompiledQueries(): Plugin {
  // By node: a document may hold several operations.
  const operations = new WeakMap<OperationDefinitionNode, Operation>();
  const keep = createShelf();

  const find = (node: OperationDefinitionNode): Operation => {
    const known = operations.get(node);
    if (known) return known;
    const operation = { runs: 0, compiled: undefined };
    operations.set(node, operation);
    return operation;
  };

  return {
    onExecute({ args, setExecuteFn }) {
      const node = getOperationAST(args.document, args.operationName);
      if (!node) return;
      const operation = find(node);
      operation.runs++;
      if (operation.compiled === undefined && operation.runs >= compileFrom) operation.compiled = compile(args, node);
      const { compiled } = operation;
      if (!compiled) return;
      keep(operation, compiled);
      if (areVariablesRight(args, node, compiled)) setExecuteFn((args: ExecutionArgs) => run(compiled.query, args));
    },
  };
}

/** Keeps what was run last as it is compiled, as much as there is room for, and lets go of the rest. */
function createShelf() {
  const shelf = new Map<Operation, Compiled>();
  let bytes = 0;
  let latest: Operation | undefined;
  return (operation: Operation, compiled: Compiled) => {
    if (operation === latest) return;
    if (!shelf.delete(operation)) bytes += compiled.bytes;
    shelf.set(operation, compiled);
    latest = operation;
    for (const [oldest, { bytes: freed }] of shelf) {
      if (bytes <= maxBytes) break;
      shelf.delete(oldest);
      bytes -= freed;
      Object.assign(oldest, { runs: 0, compiled: undefined });
      if (oldest === latest) latest = undefined;
    }
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
function areVariablesRight(
  { schema, variableValues }: ExecutionArgs,
  { variableDefinitions = [] }: OperationDefinitionNode,
  { inside }: Compiled,
): boolean {
  if (variableDefinitions.length === 0) return true;
  const { coerced } = getVariableValues(schema, variableDefinitions, variableValues ?? {}, { maxErrors: 1 });
  return coerced !== undefined && inside.every((name) => coerced[name] != null);
}

function compile({ schema, document, operationName }: ExecutionArgs, node: OperationDefinitionNode): Compiled | null {
  const fields = countCompilable(document, node);
  if (fields === null) return null;
  try {
    const compiled = withoutCodeCache(() => compileQuery(schema, document, operationName ?? undefined));
    if (!isCompiledQuery(compiled)) return null;
    const characters = document.loc?.end ?? 0;
    const bytes = bytesOf.operation + fields * bytesOf.field + characters * bytesOf.character;
    return { query: compiled.query, inside: variablesInside(document), bytes };
  } catch {
    // What can't be compiled runs as it always did.
    return null;
  }
}

/**
 * V8 keeps the code that it made of a text, by the text, until memory is short: of operations that come and go, all of them.
 * The flag is looked at whenever a text becomes code, and at no other time.
 */
function withoutCodeCache<Code>(make: () => Code): Code {
  setFlagsFromString('--no-compilation-cache');
  try {
    return make();
  } finally {
    setFlagsFromString('--compilation-cache');
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
