import type { GraphQLResolveInfo } from 'graphql';
import { badUserInput, InvalidInputError, NotFoundError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { type Context, loadViewer, requireViewer } from '../../graphql/context.ts';
import { FollowState } from '../../graphql/enums.ts';
import { decodeUserId } from '../../graphql/global-id.ts';
import { isAnySelected } from '../../graphql/selection.ts';
import type { UserRecord } from '../user/record.ts';
import { blockUser, unblockUser } from './block-service.ts';
import { catalogueOf } from './loaders.ts';
import type { FollowRecord, FollowTarget } from './record.ts';
import { acceptFollowRequest, declineFollowRequest, follow, removeFollower, unfollow } from './service.ts';

const Followable = builder.unionType('Followable', {
  types: ['User', 'CrewMember', 'Studio'],
  description: 'What can be followed.',
  resolveType: (value) => ('kind' in value ? value.kind : 'User'),
});

const Follow = builder.objectRef<FollowRecord>('Follow').implement({
  description: 'Who follows what, as a mutation left it.',
  fields: (t) => ({
    follower: t.field({
      type: 'User',
      description: 'Who follows, or asks to.',
      resolve: ({ followerId }, _, context) => loadThere(followerId, context),
    }),
    state: t.expose('state', { type: FollowState, description: 'How the follower stands to the target now.' }),
    target: t.field({
      type: Followable,
      description: 'What is followed.',
      resolve: ({ target }, _, context) =>
        target.kind === 'User' ? loadThere(target.id, context) : catalogueOf(context)[target.kind].load(target.tmdbId),
    }),
    since: t.expose('since', {
      type: 'DateTime',
      nullable: true,
      description: 'When the follow, or the request, was made; null with NONE.',
    }),
  }),
});

const FollowResult = builder.errorUnion('FollowResult', {
  types: [Follow, NotFoundError, InvalidInputError],
  description: 'Who follows what now, or why nothing was changed.',
  resolveType: () => 'Follow',
});

const BlockResult = builder.errorUnion('BlockResult', {
  types: ['User', NotFoundError, InvalidInputError],
  description: 'The other user, with what is always visible only, or why nothing was changed.',
  resolveType: () => 'User',
});

const FollowTargetInput = builder.inputType('FollowTarget', {
  description: 'Names one user, crew member or studio.',
  isOneOf: true,
  fields: (t) => ({
    userId: t.id({ description: "A user's id; not the viewer's." }),
    crewMemberTmdbId: t.int({ description: "A crew member's id of The Movie Database; positive." }),
    studioTmdbId: t.int({ description: "A studio's id of The Movie Database; positive." }),
  }),
});

function toTarget({ userId, crewMemberTmdbId, studioTmdbId }: typeof FollowTargetInput.$inferInput): FollowTarget {
  if (userId != null) return { kind: 'User', id: decodeUserId(userId) };
  if (crewMemberTmdbId != null) return { kind: 'CrewMember', tmdbId: crewMemberTmdbId };
  if (studioTmdbId != null) return { kind: 'Studio', tmdbId: studioTmdbId };
  throw badUserInput('Expected exactly one of userId, crewMemberTmdbId and studioTmdbId.');
}

/** A user whom the mutation's answer already found there. */
async function loadThere(id: string, { users }: Context): Promise<UserRecord> {
  const user = await users.load(id);
  if (!user) throw new Error(`The user ${id} of a follow is not there.`);
  return user;
}

/**
 * The answer, with its users read anew where they are asked for. One who was deleted, or blocked the viewer, since the
 * change is not there, as if that had come first.
 */
async function toAnswer(record: FollowRecord, context: Context, info: GraphQLResolveInfo): Promise<FollowRecord> {
  const viewerId = requireViewer(context).id;
  const { followerId, target } = record;
  const otherId = followerId !== viewerId ? followerId : target.kind === 'User' ? target.id : null;
  forgetPair({ viewerId, otherId }, context);
  if (!isAnySelected(info, ['follower', 'target'])) return record;
  const [other] = await Promise.all([otherId !== null && context.users.load(otherId), loadViewer(context)]);
  if (other === null) throw new NotFoundError('There is no such user.');
  return record;
}

builder.mutationFields((t) => ({
  follow: t.field({
    type: FollowResult,
    authScopes: { signedIn: true },
    description: 'Idempotent. A user whose profile is not PUBLIC gets a request, which they accept or decline.',
    args: { target: t.arg({ type: FollowTargetInput, required: true, description: 'Whom or what to follow.' }) },
    resolve: async (_, { target }, context, info) =>
      toAnswer(await follow(context.platform, requireViewer(context).id, toTarget(target)), context, info),
  }),
  unfollow: t.field({
    type: FollowResult,
    authScopes: { signedIn: true },
    description: 'Idempotent; also takes a request back.',
    args: { target: t.arg({ type: FollowTargetInput, required: true, description: 'Whom or what to unfollow.' }) },
    resolve: async (_, { target }, context, info) =>
      toAnswer(await unfollow(context.platform, requireViewer(context).id, toTarget(target)), context, info),
  }),
}));

const followerMutations = {
  acceptFollowRequest: {
    change: acceptFollowRequest,
    description: 'Lets a user follow the viewer who asked to. `NotFoundError` where nobody did.',
    userId: 'Who asked.',
  },
  declineFollowRequest: {
    change: declineFollowRequest,
    description: 'Takes a request away; it may be made again. `NotFoundError` where there is none.',
    userId: 'Who asked.',
  },
  removeFollower: {
    change: removeFollower,
    description: "Ends a user's follow of the viewer. Idempotent; a request of theirs stays.",
    userId: 'Who no longer follows the viewer.',
  },
};

for (const [name, { change, description, userId }] of Object.entries(followerMutations)) {
  builder.mutationField(name, (t) =>
    t.field({
      type: FollowResult,
      authScopes: { signedIn: true },
      description,
      args: { userId: t.arg.id({ required: true, description: userId }) },
      resolve: async (_, args, context, info) =>
        toAnswer(await change(context.platform, toPair(args.userId, context)), context, info),
    }),
  );
}

const blockMutations = {
  blockUser: {
    change: blockUser,
    description: 'Ends follows both ways; neither sees the other from then on. Idempotent.',
    userId: "Whom to block; not the viewer's own.",
  },
  unblockUser: {
    change: unblockUser,
    description: 'Each sees the other again; follows that the block ended stay ended. Idempotent.',
    userId: 'Whom to unblock.',
  },
};

for (const [name, { change, description, userId }] of Object.entries(blockMutations)) {
  builder.mutationField(name, (t) =>
    t.field({
      type: BlockResult,
      authScopes: { signedIn: true },
      description,
      args: { userId: t.arg.id({ required: true, description: userId }) },
      resolve: (_, args, context) => {
        const pair = toPair(args.userId, context);
        return change(context.platform, pair).finally(() => forgetPair(pair, context));
      },
    }),
  );
}

/** Both are read anew when they are next asked for. */
function forgetPair({ viewerId, otherId }: { viewerId: string; otherId: string | null }, { users }: Context): void {
  users.clear(viewerId);
  if (otherId !== null) users.clear(otherId);
}

function toPair(userId: string, context: Context) {
  const { id: viewerId, isAdministrator } = requireViewer(context);
  return { viewerId, isAdministrator, otherId: decodeUserId(userId) };
}
