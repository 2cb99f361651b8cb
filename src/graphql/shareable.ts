import {
  type ASTNode,
  type DocumentNode,
  type FieldNode,
  type GraphQLField,
  type GraphQLSchema,
  getNamedType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  visit,
} from 'graphql';

/**
 * The extensions of a field that answers the same to every viewer who may know of the user at all; of a subscription, that
 * its updates do as far as their own fields say so.
 */
export const sameForAll = { sameForAll: true };

/** What the messages of a subscription depend on beside the state that they tell: the variables of these names. */
export type Shareable = ReadonlySet<string>;

const known = new WeakMap<OperationDefinitionNode, Shareable | null>();

/**
 * Whether the messages of a subscription are the same for all who may get them; null where they are not, or where that can't
 * be told for sure. The document is valid.
 */
export function readShareable(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): Shareable | null {
  let shareable = known.get(operation);
  if (shareable === undefined) {
    shareable = analyse(schema, document, operation);
    known.set(operation, shareable);
  }
  return shareable;
}

function analyse(
  schema: GraphQLSchema,
  { definitions }: DocumentNode,
  { directives, selectionSet }: OperationDefinitionNode,
): Shareable | null {
  const [root, ...more] = selectionSet.selections;
  if (root?.kind !== Kind.FIELD || more.length > 0 || hasAny(directives) || hasAny(root.directives)) return null;
  // Each fragment on its own, once, however often it is spread.
  const fragments = definitions.filter((node) => node.kind === Kind.FRAGMENT_DEFINITION);
  const isShared =
    isFieldShared(schema, root, schema.getSubscriptionType()?.getFields()[root.name.value]) &&
    fragments.every((fragment) => isSelectionShared(schema, fragment.selectionSet, fragment.typeCondition.name.value));
  // What the field itself is given only says whom it is about.
  return isShared ? variablesIn([...(root.selectionSet ? [root.selectionSet] : []), ...fragments]) : null;
}

const hasAny = (nodes: readonly ASTNode[] | undefined): boolean => (nodes?.length ?? 0) > 0;

function isFieldShared(
  schema: GraphQLSchema,
  { selectionSet }: FieldNode,
  field: GraphQLField<unknown, unknown> | undefined,
): boolean {
  if (!isSameForAll(field)) return false;
  return !selectionSet || isSelectionShared(schema, selectionSet, getNamedType(field.type).name);
}

const isSameForAll = (field: GraphQLField<unknown, unknown> | undefined): field is GraphQLField<unknown, unknown> =>
  field?.extensions.sameForAll === true;

function isSelectionShared(schema: GraphQLSchema, { selections }: SelectionSetNode, typeName: string): boolean {
  const type = schema.getType(typeName);
  if (!isObjectType(type)) return false;
  return selections.every((selection) => {
    if (selection.kind === Kind.FRAGMENT_SPREAD) return true;
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      return isSelectionShared(schema, selection.selectionSet, selection.typeCondition?.name.value ?? typeName);
    }
    const { value: name } = selection.name;
    return name === '__typename' || isFieldShared(schema, selection, type.getFields()[name]);
  });
}

function variablesIn(nodes: readonly ASTNode[]): Shareable {
  const names = new Set<string>();
  for (const node of nodes) visit(node, { Variable: ({ name }) => void names.add(name.value) });
  return names;
}
