import {
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isCompositeType,
  isIntrospectionType,
  isObjectType,
  isRequiredArgument,
} from 'graphql';

/** The types of a schema that have fields to be asked for. */
export const objectTypes = (schema: GraphQLSchema): GraphQLObjectType[] =>
  Object.values(schema.getTypeMap())
    .filter(isObjectType)
    .filter((type) => !isIntrospectionType(type));

/** Every field of every object type of a schema, as `Type.field`. */
export const fieldNames = (schema: GraphQLSchema): string[] =>
  objectTypes(schema).flatMap((type) => Object.keys(type.getFields()).map((field) => `${type.name}.${field}`));

/** Rows of each page that is asked for: few, so that lists in lists stay below the limit of cost. */
export const pageSize = 5;

/**
 * Completes an operation with the fragments that it spreads: `...Type_2` is every field of a type, with users in it
 * that have every field of their own, with users in those that have what is no object. Lists below a user are one level
 * nearer to the end, since they multiply.
 */
export function withFragments(schema: GraphQLSchema, operation: string): string {
  const fragments = new Map<string, string>();
  const collect = (text: string): void => {
    for (const [, name = '', level = ''] of text.matchAll(/\.\.\.([A-Z]\w*)_(\d)/g)) {
      const key = `${name}_${level}`;
      if (fragments.has(key)) continue;
      const fragment = toFragment(schema, name, Number(level));
      fragments.set(key, fragment);
      collect(fragment);
    }
  };
  collect(operation);
  return [operation, ...fragments.values()].join('\n');
}

function toFragment(schema: GraphQLSchema, name: string, level: number): string {
  const type = schema.getType(name);
  const selections = isAbstractType(type)
    ? schema.getPossibleTypes(type).map((member) => `... on ${member.name} { ${spread(type, member, level)} }`)
    : isObjectType(type)
      ? Object.values(type.getFields()).flatMap((field) => select(type, field, level))
      : [];
  return `fragment ${name}_${level} on ${name} { __typename ${selections.join(' ')} }`;
}

function select(type: GraphQLObjectType, field: GraphQLField<unknown, unknown>, level: number): string[] {
  const below = getNamedType(field.type);
  const isPaged = field.args.some(({ name }) => name === 'first');
  const missing = field.args.find(isRequiredArgument);
  if (missing) throw new Error(`${type.name}.${field.name} needs the argument ${missing.name}: ask for it by hand.`);
  const call = isPaged ? `${field.name}(first: ${pageSize})` : field.name;
  if (!isCompositeType(below)) return [call];
  return levelBelow(type, below, level) < 0 ? [] : [`${call} { ${spread(type, below, level)} }`];
}

const spread = (from: GraphQLNamedType, to: GraphQLNamedType, level: number) =>
  `...${to.name}_${levelBelow(from, to, level)}`;

function levelBelow(from: GraphQLNamedType, to: GraphQLNamedType, level: number): number {
  if (to.name === 'User' || (from.name === 'User' && level === 0)) return level - 1;
  return from.name === 'User' && to.name.endsWith('Connection') ? Math.min(level, 1) : level;
}
