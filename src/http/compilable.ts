import {
  BREAK,
  type DocumentNode,
  type FieldNode,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionSetNode,
  type VariableDefinitionNode,
  visit,
} from 'graphql';

/** Compiling takes 50 to 100 µs a field, and everybody waits: no request may hold them up for long. */
const maxFields = 250;

/**
 * How many fields an operation has, with its fragments spelled out wherever they are spread: as many as its code has. Null
 * where it is not to be compiled. The document is valid.
 */
export function countCompilable(document: DocumentNode, operation: OperationDefinitionNode): number | null {
  if (!isRunAlike(document) || !isOneStep(operation)) return null;
  const fields = countFields(document, operation);
  return fields <= maxFields ? fields : null;
}

/** Whether graphql-jit 0.8.9 runs what is in a document as graphql-js does, and nothing else. */
function isRunAlike(document: DocumentNode): boolean {
  let isAlike = true;
  const refuse = () => {
    isAlike = false;
    return BREAK;
  };
  visit(document, {
    // It writes texts into the code, and some of them as code: whoever asks would have theirs run by the server.
    StringValue: refuse,
    // The condition of a spread holds for its fragment wherever else that is spread, in other operations too.
    Directive: refuse,
    Field: (field) => (isAmbiguous(field) ? refuse() : undefined),
    VariableDefinition: (definition) => (isMisread(definition) ? refuse() : undefined),
  });
  return isAlike;
}

/** It knows fields by the names on their path, with `_` between them: `a_b` may be mistaken for `a` in `b`. */
const isAmbiguous = ({ alias, name }: FieldNode): boolean =>
  alias ? alias.value.includes('_') : name.value.includes('_') && name.value !== '__typename';

/** It finds what every object has among the variables, and demands those that have a default and must not be null. */
const isMisread = ({ variable, type, defaultValue }: VariableDefinitionNode): boolean =>
  variable.name.value in {} || (type.kind === Kind.NON_NULL_TYPE && defaultValue !== undefined);

/** Of a mutation whose first field failed so that nothing is answered, it would do the next all the same. */
const isOneStep = ({ operation, selectionSet: { selections } }: OperationDefinitionNode): boolean =>
  operation !== OperationTypeNode.MUTATION || (selections.length === 1 && selections[0]?.kind === Kind.FIELD);

function countFields({ definitions }: DocumentNode, operation: OperationDefinitionNode): number {
  const fragments = new Map(
    definitions.flatMap((node) => (node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node]] : [])),
  );
  const counts = new Map<string, number>();
  const countFragment = (name: string): number => {
    const fragment = fragments.get(name);
    const count = counts.get(name) ?? (fragment ? countIn(fragment.selectionSet) : 0);
    counts.set(name, count);
    return count;
  };
  const countIn = ({ selections }: SelectionSetNode): number =>
    selections.reduce((sum, selection) => {
      if (selection.kind === Kind.FRAGMENT_SPREAD) return sum + countFragment(selection.name.value);
      const below = selection.selectionSet ? countIn(selection.selectionSet) : 0;
      return sum + below + (selection.kind === Kind.FIELD ? 1 : 0);
    }, 0);
  return countIn(operation.selectionSet);
}
