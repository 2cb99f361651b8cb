import {
  type DocumentNode,
  type FieldNode,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  isCompositeType,
  isInterfaceType,
  isIntrospectionType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  SchemaMetaFieldDef,
  type SelectionSetNode,
  TypeMetaFieldDef,
  valueFromASTUntyped,
  visit,
} from 'graphql';
import { RequestError } from '../errors.ts';

/** What a document may ask for. The parser stops at `tokens`, before anything else looks at the document. */
export const limits = { tokens: 2_000, depth: 15, aliases: 50, directives: 10, cost: 10_000 } as const;

/** Introspection nests deep by nature. */
const introspectionDepth = 20;
/** It costs no database: counted so, two of the whole schema are within the limit, and fifty are not. */
const introspectionListSize = 5;
/** What a list may hold that has no page size. */
const unpagedListSize = 10;
const defaultPageSize = 20;

/** What a selection asks for: fields below each other, and fields in all, each counted once for every item of its list. */
interface Extent {
  depth: number;
  cost: number;
}

/** The error of a document that asks for too much; for people to read, with what was expected and what came. */
export const tooComplex = (what: string, limit: number, got: number | string) =>
  new RequestError('QUERY_TOO_COMPLEX', `Expected at most ${limit} ${what}, and got ${got}.`);

/**
 * Refuses an operation that is too deep, has too many aliases or directives, or would read too much: throws
 * QUERY_TOO_COMPLEX. Page sizes count as they are given, in variables too, so the answer depends on both. Fragments are
 * measured once however often they are spread, so that a document of nested spreads costs no time.
 */
export function assertWithinLimits(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): void {
  const counts = countSyntax(document);
  if (counts.aliases > limits.aliases) throw tooComplex('aliases', limits.aliases, counts.aliases);
  if (counts.directives > limits.directives) throw tooComplex('directives', limits.directives, counts.directives);
  const { depth, cost } = readExtent(schema, document, operation, variables);
  if (depth > limits.depth) throw tooComplex('levels of fields', limits.depth, depth);
  if (cost > limits.cost)
    throw tooComplex('fields, counted once for each item of a list', limits.cost, Math.round(cost));
}

const fixedExtents = new WeakMap<OperationDefinitionNode, Extent>();

/** What an operation asks for is always the same where no variable says how much. */
function readExtent(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): Extent {
  const known = fixedExtents.get(operation);
  if (known) return known;
  const extent = measureOperation(schema, document, operation, withDefaults(operation, variables));
  if (!countSyntax(document).hasVariableSizes) fixedExtents.set(operation, extent);
  return extent;
}

/** Variables as the operation will see them: what was left out has its default. */
function withDefaults({ variableDefinitions = [] }: OperationDefinitionNode, given: Readonly<Record<string, unknown>>) {
  const defaults = variableDefinitions.flatMap(({ variable, defaultValue }) =>
    defaultValue ? [[variable.name.value, valueFromASTUntyped(defaultValue)]] : [],
  );
  return { ...Object.fromEntries(defaults), ...given };
}

interface SyntaxCounts {
  aliases: number;
  directives: number;
  /** A variable says how long a list is. */
  hasVariableSizes: boolean;
}

const syntaxCounts = new WeakMap<DocumentNode, SyntaxCounts>();

function countSyntax(document: DocumentNode): SyntaxCounts {
  const known = syntaxCounts.get(document);
  if (known) return known;
  const counts = { aliases: 0, directives: 0, hasVariableSizes: false };
  visit(document, {
    Field: (field) => {
      if (field.alias) counts.aliases += 1;
    },
    Directive: () => {
      counts.directives += 1;
    },
    Argument: ({ name, value }) => {
      if (sizeArguments.has(name.value) && value.kind === Kind.VARIABLE) counts.hasVariableSizes = true;
    },
  });
  syntaxCounts.set(document, counts);
  return counts;
}

function measureOperation(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): Extent {
  const fragments = new Map(
    document.definitions.flatMap((node) => (node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node]] : [])),
  );
  const measured = new Map<string, Extent>();

  const measureFragment = (name: string): Extent => {
    const known = measured.get(name);
    const fragment = fragments.get(name);
    if (known || !fragment) return known ?? { depth: 0, cost: 0 };
    // Validation has refused cycles; this entry only keeps one from being endless.
    measured.set(name, { depth: 0, cost: 0 });
    const extent = measureSelections(fragment.selectionSet, fragment.typeCondition.name.value);
    measured.set(name, extent);
    return extent;
  };

  const measureSelections = (set: SelectionSetNode, typeName: string): Extent => {
    const total = { depth: 0, cost: 0 };
    for (const selection of set.selections) {
      const extent =
        selection.kind === Kind.FIELD
          ? measureField(selection, typeName)
          : selection.kind === Kind.FRAGMENT_SPREAD
            ? measureFragment(selection.name.value)
            : measureSelections(selection.selectionSet, selection.typeCondition?.name.value ?? typeName);
      total.depth = Math.max(total.depth, extent.depth);
      total.cost += extent.cost;
    }
    return total;
  };

  const measureField = (field: FieldNode, typeName: string): Extent => {
    const type = fieldType(schema, typeName, field.name.value);
    const named = type && getNamedType(type);
    if (!field.selectionSet || !named || !isCompositeType(named)) return { depth: 1, cost: 1 };
    const below = measureSelections(field.selectionSet, named.name);
    const cost = ownCost(schema, typeName, field.name.value) + itemsOf(field, type, variables) * below.cost;
    if (!metaFields.has(field.name.value)) return { depth: below.depth + 1, cost };
    if (below.depth > introspectionDepth) throw tooComplex('levels of introspection', introspectionDepth, below.depth);
    return { depth: 1, cost };
  };

  return measureSelections(operation.selectionSet, schema.getRootType(operation.operation)?.name ?? '');
}

/** Of a field whose work is more than reading: what its definition says as `extensions.cost`. */
function ownCost(schema: GraphQLSchema, typeName: string, fieldName: string): number {
  const type = schema.getType(typeName);
  const cost = isObjectType(type) ? type.getFields()[fieldName]?.extensions.cost : undefined;
  return typeof cost === 'number' ? cost : 1;
}

/** The fields through which introspection is entered; no type lists them. */
const metaFields = new Map<string, GraphQLOutputType>(
  [SchemaMetaFieldDef, TypeMetaFieldDef].map(({ name, type }) => [name, type]),
);

function fieldType(schema: GraphQLSchema, typeName: string, fieldName: string): GraphQLOutputType | undefined {
  const type = schema.getType(typeName);
  if (metaFields.has(fieldName)) return metaFields.get(fieldName);
  return isObjectType(type) || isInterfaceType(type) ? type.getFields()[fieldName]?.type : undefined;
}

/** Those by which `itemsOf` counts. */
const sizeArguments = new Set(['first', 'last', 'ids']);

/**
 * How many items what stands below a field is read for: a connection's page size, the ids that `nodes` was given, an
 * unpaged list's usual length. `edges` counts once, since its connection was counted already.
 */
function itemsOf(field: FieldNode, type: GraphQLOutputType, variables: Readonly<Record<string, unknown>>): number {
  const argument = (name: string) => argumentValue(field, name, variables);
  if (getNamedType(type).name.endsWith('Connection')) {
    const size = argument('first') ?? argument('last') ?? defaultPageSize;
    return typeof size === 'number' && size > 0 ? size : defaultPageSize;
  }
  const isList = isListType(isNonNullType(type) ? type.ofType : type);
  if (!isList || field.name.value === 'edges') return 1;
  if (isIntrospectionType(getNamedType(type))) return introspectionListSize;
  const ids = argument('ids');
  return Array.isArray(ids) ? ids.length : unpagedListSize;
}

function argumentValue(field: FieldNode, name: string, variables: Readonly<Record<string, unknown>>): unknown {
  const value = field.arguments?.find((argument) => argument.name.value === name)?.value;
  if (value?.kind === Kind.VARIABLE) return variables[value.name.value];
  if (value?.kind === Kind.INT) return Number(value.value);
  return value?.kind === Kind.LIST ? value.values : undefined;
}
