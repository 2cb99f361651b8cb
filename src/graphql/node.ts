import { resolveNodes } from '@pothos/plugin-relay';
import { badUserInput } from '../errors.ts';
import { builder } from './builder.ts';
import { decodeGlobalId, tryDecodeGlobalId } from './global-id.ts';

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
