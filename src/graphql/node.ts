import { resolveNodes } from '@pothos/plugin-relay';
import { type GraphQLFieldResolver, type GraphQLSchema, isInterfaceType } from 'graphql';
import { badUserInput } from '../errors.ts';
import { builder } from './builder.ts';
import { decodeGlobalId, toGlobalId, tryDecodeGlobalId } from './global-id.ts';

/** Ids that one `nodes` may ask for. */
const maxNodes = 100;

builder.queryFields((t) => ({
  node: t.field({
    type: builder.nodeInterfaceRef(),
    nullable: true,
    description: 'Anything that has an id; null where it is missing or the viewer may not see it.',
    args: { id: t.arg.id({ required: true, description: 'A malformed one is `BAD_USER_INPUT`.' }) },
    resolve: async (_, { id }, context, info) => {
      const [node] = await resolveNodes(builder, context, info, [decodeGlobalId(id)]);
      return node;
    },
  }),
  nodes: t.field({
    type: [builder.nodeInterfaceRef()],
    nullable: { list: false, items: true },
    description: 'At most 100. In the order asked, null for each that is malformed, missing or hidden.',
    args: { ids: t.arg.idList({ required: true, description: 'More than 100 are `BAD_USER_INPUT`.' }) },
    resolve: (_, { ids }, context, info) => {
      if (ids.length > maxNodes) throw badUserInput(`Expected at most ${maxNodes} ids, and got ${ids.length}.`);
      return resolveNodes(builder, context, info, ids.map(tryDecodeGlobalId));
    },
  }),
}));

/**
 * Ids at once, as the types' definitions have them: the relay plugin makes a promise of each, and a page of fifty would wait
 * for fifty of them.
 */
export function answerIdsAtOnce(schema: GraphQLSchema): GraphQLSchema {
  const node = schema.getType('Node');
  if (!isInterfaceType(node)) throw new Error('Expected the interface Node.');
  for (const type of schema.getPossibleTypes(node)) {
    const field = type.getFields().id;
    const { id } = type.extensions.pothosOptions as { id?: { resolve: GraphQLFieldResolver<unknown, unknown> } };
    if (!field || !id) throw new Error(`Expected an id of ${type.name}.`);
    const encode = toGlobalId(type.name);
    field.resolve = (...asked) => encode(String(id.resolve(...asked)));
  }
  return schema;
}
