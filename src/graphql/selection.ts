import { type FieldNode, type GraphQLResolveInfo, Kind, type SelectionSetNode } from 'graphql';

/** Whether any of the fields is asked for right below this one, through whatever fragments. */
export function isAnySelected({ fieldNodes, fragments }: GraphQLResolveInfo, names: readonly string[]): boolean {
  const isIn = (set: SelectionSetNode | undefined): boolean =>
    set?.selections.some((selection) => {
      if (selection.kind === Kind.FIELD) return names.includes(selection.name.value);
      if (selection.kind === Kind.INLINE_FRAGMENT) return isIn(selection.selectionSet);
      return isIn(fragments[selection.name.value]?.selectionSet);
    }) ?? false;
  return fieldNodes.some(({ selectionSet }) => isIn(selectionSet));
}

/** Whether nothing but these fields is asked for right below this one, through whatever fragments. */
export function isOnlySelected({ fieldNodes, fragments }: GraphQLResolveInfo, names: readonly string[]): boolean {
  const isIn = (set: SelectionSetNode | undefined): boolean =>
    set?.selections.every((selection) => {
      if (selection.kind === Kind.FIELD) return names.includes(selection.name.value);
      if (selection.kind === Kind.INLINE_FRAGMENT) return isIn(selection.selectionSet);
      return isIn(fragments[selection.name.value]?.selectionSet);
    }) ?? true;
  return fieldNodes.every(({ selectionSet }) => isIn(selectionSet));
}

/** Whether nothing but these fields is asked for at the path below this field, as `['edges', 'node']`. */
export function isOnlySelectedAt(info: GraphQLResolveInfo, path: readonly string[], names: readonly string[]): boolean {
  const fieldNodes = path.reduce<readonly FieldNode[]>(
    (fields, name) => fields.flatMap(({ selectionSet }) => fieldsNamed(name, selectionSet, info)),
    info.fieldNodes,
  );
  return isOnlySelected({ ...info, fieldNodes: [...fieldNodes] }, names);
}

function fieldsNamed(
  name: string,
  set: SelectionSetNode | undefined,
  info: Pick<GraphQLResolveInfo, 'fragments'>,
): FieldNode[] {
  return (set?.selections ?? []).flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return selection.name.value === name ? [selection] : [];
    const below =
      selection.kind === Kind.INLINE_FRAGMENT
        ? selection.selectionSet
        : info.fragments[selection.name.value]?.selectionSet;
    return fieldsNamed(name, below, info);
  });
}
