import { badUserInput } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { FollowState } from '../../graphql/enums.ts';
import { catalogueOf } from './loaders.ts';
import type { CatalogueKind, CatalogueRecord } from './record.ts';

const catalogueNode = (kind: CatalogueKind, { what, prefix }: { what: string; prefix: string }) =>
  builder.node(builder.objectRef<CatalogueRecord>(kind), {
    description: `A ${what}, known by its id of The Movie Database alone: every positive id stands for one.`,
    id: { resolve: ({ tmdbId }) => String(tmdbId), description: `\`${prefix}\` and the id of The Movie Database.` },
    loadManyWithoutCache: (ids, context) => Promise.all(ids.map((id) => catalogueOf(context)[kind].load(Number(id)))),
    fields: (t) => ({
      tmdbId: t.exposeInt('tmdbId', { description: 'The id of The Movie Database.' }),
      followerCount: t.exposeInt('followerCount', { description: 'How many users follow it.' }),
      viewerFollow: t.field({
        type: FollowState,
        description: 'FOLLOWING or NONE; NONE without a token.',
        resolve: ({ viewerFollows }) => (viewerFollows ? 'FOLLOWING' : 'NONE'),
      }),
    }),
  });

const CrewMember = catalogueNode('CrewMember', { what: 'crew member', prefix: 'crew_' });
const Studio = catalogueNode('Studio', { what: 'studio', prefix: 'studio_' });

function loadCatalogue(kind: CatalogueKind, tmdbId: number, context: Context): Promise<CatalogueRecord> {
  if (tmdbId < 1) throw badUserInput(`Expected a positive tmdbId, and got ${tmdbId}.`);
  return catalogueOf(context)[kind].load(tmdbId);
}

builder.queryFields((t) => ({
  crewMember: t.field({
    type: CrewMember,
    description: 'A crew member; there is one for every positive id.',
    args: { tmdbId: t.arg.int({ required: true, description: 'Positive; else `BAD_USER_INPUT`.' }) },
    resolve: (_, { tmdbId }, context) => loadCatalogue('CrewMember', tmdbId, context),
  }),
  studio: t.field({
    type: Studio,
    description: 'A studio; there is one for every positive id.',
    args: { tmdbId: t.arg.int({ required: true, description: 'Positive; else `BAD_USER_INPUT`.' }) },
    resolve: (_, { tmdbId }, context) => loadCatalogue('Studio', tmdbId, context),
  }),
}));
