import { builder } from '../../graphql/builder.ts';
import { reloadViewer, requireViewer } from '../../graphql/context.ts';
import { Visibility } from '../../graphql/enums.ts';
import type { UserRecord } from '../user/record.ts';
import { canViewerSee } from '../visibility/policy.ts';
import { upsertPrivacy } from './service.ts';

const toPrivacy = (owner: UserRecord | null) => (owner && canViewerSee(owner, 'own') ? { owner } : null);

builder.objectField('User', 'privacy', (t) =>
  t.field({
    type: 'Privacy',
    nullable: true,
    description: 'The owner alone sees it; null for anyone else.',
    resolve: toPrivacy,
  }),
);

builder.node('Privacy', {
  description: 'Who sees which part of a user. The owner alone sees it.',
  id: { resolve: ({ owner }) => owner.id, description: "`privacy_` and the user's id." },
  loadManyWithoutCache: (ids, { users }) => Promise.all(ids.map(async (id) => toPrivacy(await users.load(id)))),
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
