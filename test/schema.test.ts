import {
  type GraphQLArgument,
  type GraphQLNamedType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
} from 'graphql';
import { expect, test } from 'vitest';
import { schema } from '../src/schema.ts';

const isOurs = (type: GraphQLNamedType) => !isIntrospectionType(type) && !isSpecifiedScalarType(type);

type Described = [name: string, description: string | null | undefined];

/** What of a type a client reads about: itself, its fields, their arguments. Enum values speak for themselves. */
function described(type: GraphQLNamedType): Described[] {
  if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) return [[type.name, type.description]];
  const fields = Object.values(type.getFields()).flatMap((field): Described[] => {
    const name = `${type.name}.${field.name}`;
    const args: readonly GraphQLArgument[] = 'args' in field ? field.args : [];
    return [[name, field.description], ...args.map((arg): Described => [`${name}(${arg.name})`, arg.description])];
  });
  return [[type.name, type.description], ...fields];
}

test('every type, field and argument of the schema says what it is', () => {
  const silent = Object.values(schema.getTypeMap())
    .filter(isOurs)
    .flatMap(described)
    .filter(([, description]) => !description?.trim())
    .map(([name]) => name);
  expect(silent).toEqual([]);
});
