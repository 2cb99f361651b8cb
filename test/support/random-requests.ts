import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
} from 'graphql';

/** An operation as a client sends it. */
export interface RandomOperation {
  query: string;
  variables: Record<string, unknown>;
}

/** Numbers from 0 to below `limit`, the same for the same seed. */
export type Dice = (limit: number) => number;

/** Mulberry32. */
export function createDice(seed: number): Dice {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return Math.floor((((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}

export interface RandomOptions {
  schema: GraphQLSchema;
  dice: Dice;
  /** Ids to ask for, some of which nobody has. */
  ids: readonly string[];
}

/**
 * A query made by chance from what the schema has: fields, aliases, fragments, directives and arguments, as literals and as
 * variables, most of which fit. Two of three are plain: of what keeps an operation from being compiled they have nothing.
 */
export function randomQuery({ schema, dice, ids }: RandomOptions): RandomOperation {
  const variables: Record<string, unknown> = {};
  const definitions: string[] = [];
  const oneIn = (chances: number) => dice(chances) === 0;
  const isPlain = !oneIn(3);
  const pick = <Item>(items: readonly Item[]): Item => items[dice(items.length)] as Item;

  const scalar = (name: string): unknown => {
    if (name === 'Int') return pick([1, 2, 5, 20, 100, 603, ...(oneIn(6) ? [0, -1, 101, 5_000] : [])]);
    if (name === 'Float') return pick([0.5, 7, 10, 11]);
    if (name === 'Boolean') return oneIn(2);
    return pick(ids);
  };
  const value = (type: GraphQLInputType): unknown => {
    const nullable = getNullableType(type);
    if (!isNonNullType(type) && oneIn(5)) return null;
    if (isListType(nullable)) return Array.from({ length: dice(4) }, () => value(nullable.ofType));
    if (isEnumType(nullable)) return pick(nullable.getValues()).name;
    if (!isInputObjectType(nullable)) return scalar(getNamedType(nullable).name);
    const fields = Object.values(nullable.getFields());
    const given = nullable.isOneOf && !oneIn(8) ? [pick(fields)] : fields.filter(() => oneIn(2));
    return Object.fromEntries(given.map((field) => [field.name, value(field.type)]));
  };
  const literal = (given: unknown, type: GraphQLInputType): string => {
    const nullable = getNullableType(type);
    if (given === null) return 'null';
    if (isListType(nullable))
      return `[${(given as unknown[]).map((item) => literal(item, nullable.ofType)).join(' ')}]`;
    if (isEnumType(nullable)) return String(given);
    if (!isInputObjectType(nullable)) return JSON.stringify(given);
    const fields = Object.entries(given as object).map(([name, item]) => {
      const field = nullable.getFields()[name];
      return field ? `${name}: ${literal(item, field.type)}` : '';
    });
    return `{ ${fields.join(' ')} }`;
  };
  const argument = ({ name, type }: GraphQLArgument): string => {
    const given = value(type);
    if (oneIn(2) && !(isPlain && literal(given, type).includes('"'))) return `${name}: ${literal(given, type)}`;
    const variable = `v${definitions.length}`;
    definitions.push(`$${variable}: ${type}`);
    if (given !== null || oneIn(2)) variables[variable] = given;
    return `${name}: $${variable}`;
  };
  const directive = () => (oneIn(12) && !isPlain ? ` @${pick(['include', 'skip'])}(if: ${oneIn(2)})` : '');
  const select = (field: GraphQLField<unknown, unknown>, depth: number): string => {
    const args = field.args.filter((arg) => isRequiredArgument(arg) || oneIn(3)).map(argument);
    const alias = oneIn(8) ? `a${dice(3)}${isPlain ? '' : '_'}${field.name}: ` : '';
    const below = isCompositeType(getNamedType(field.type))
      ? ` ${selections(getNamedType(field.type).name, depth - 1)}`
      : '';
    return `${alias}${field.name}${args.length > 0 ? `(${args.join(' ')})` : ''}${directive()}${below}`;
  };
  const selections = (typeName: string, depth: number): string => {
    const type = schema.getType(typeName);
    if (isAbstractType(type)) {
      const members = schema.getPossibleTypes(type).map(({ name }) => `... on ${name} ${selections(name, depth)}`);
      return `{ __typename ${members.filter(() => oneIn(3)).join(' ')} }`;
    }
    if (!isObjectType(type)) throw new Error(`${typeName} has no fields.`);
    const fields = Object.values(type.getFields()).filter(
      ({ type }) => depth > 0 || !isCompositeType(getNamedType(type)),
    );
    const chosen = fields.filter(() => oneIn(Math.max(2, Math.ceil(fields.length / 4))));
    const parts = chosen.map((field) => select(field, depth));
    if (oneIn(6) && parts.length > 0) parts.push(`... on ${typeName}${directive()} { ${parts[0]} }`);
    return `{ ${['__typename', ...parts].join(' ')} }`;
  };

  const body = selections(schema.getQueryType()?.name ?? '', 4);
  return { query: `query Random${definitions.length > 0 ? `(${definitions.join(', ')})` : ''} ${body}`, variables };
}
