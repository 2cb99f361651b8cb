import { builder } from '../../graphql/builder.ts';
import { type Context, reloadViewer, requireViewer } from '../../graphql/context.ts';
import { Visibility } from '../../graphql/enums.ts';
import { canSee } from '../../graphql/sight.ts';
import type { UserRecord } from '../user/record.ts';
import { upsertPrivacy } from './service.ts';

const toPrivacy = (owner: UserRecord | null, context: Context) =>
  owner && canSee(context, owner, 'own') ? { owner } : null;

builder.objectField('User', 'privacy', (t) =>
  t.field({
    type: 'Privacy',
    nullable: true,
    description: 'The owner and administrators alone see it; null for anyone else.',
    resolve: (owner, _, context) => toPrivacy(owner, context),
  }),
);

builder.node('Privacy', {
  description: 'Who sees which part of a user, administrators aside. The owner and administrators alone see it.',
  id: { resolve: ({ owner }) => owner.id, description: "`privacy_` and the user's id." },
  loadManyWithoutCache: (ids, context) =>
    Promise.all(ids.map(async (id) => toPrivacy(await context.users.load(id), context))),
  fields: (t) => ({
    user: t.field({ type: 'User', description: 'Whose settings they are.', resolve: ({ owner }) => owner }),
    profile: t.field({
      type: Visibility,
      description: "Who sees the profile and the owner's lists. PUBLIC until it is chosen.",
      resolve: ({ owner }) => owner.privacy.profile,
    }),
    watchHistory: t.field({
      type: Visibility,
      description: 'Who sees views and the watchlist. PRIVATE until it is chosen.',
      resolve: ({ owner }) => owner.privacy.watchHistory,
    }),
    ratings: t.field({
      type: Visibility,
      description: 'Who sees ratings and reviews. PRIVATE until it is chosen.',
      resolve: ({ owner }) => owner.privacy.ratings,
    }),
    updatedAt: t.field({
      type: 'DateTime',
      description: 'The last change.',
      resolve: ({ owner }) => owner.privacy.updatedAt,
    }),
  }),
});

const UpsertPrivacyInput = builder.inputType('UpsertPrivacyInput', {
  description: 'What is left out stays; null sets the default.',
  fields: (t) => ({
    profile: t.field({ type: Visibility, description: 'Null: PUBLIC.' }),
    watchHistory: t.field({ type: Visibility, description: 'Null: PRIVATE.' }),
    ratings: t.field({ type: Visibility, description: 'Null: PRIVATE.' }),
  }),
});

builder.mutationField('upsertPrivacy', (t) =>
  t.field({
    type: 'Privacy',
    authScopes: { signedIn: true },
    description:
      'Changes who sees which part of the viewer. A profile that becomes PUBLIC accepts the requests that wait; when it ceases to be, followers stay.',
    args: { input: t.arg({ type: UpsertPrivacyInput, required: true, description: 'What to change.' }) },
    resolve: async (_, { input }, context) => {
      await upsertPrivacy(context.platform, requireViewer(context).id, input);
      return { owner: await reloadViewer(context) };
    },
  }),
);
