import { InvalidInputError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { type Context, reloadViewer, requireViewer } from '../../graphql/context.ts';
import { Theme } from '../../graphql/enums.ts';
import { subscribeToUsers, toFreshUser } from '../../graphql/live.ts';
import { canSee } from '../../graphql/sight.ts';
import type { PreferencesRecord, UserRecord } from '../user/record.ts';
import { upsertPreferences } from './service.ts';

const toPreferences = (owner: UserRecord | null, context: Context) =>
  owner && canSee(context, owner, 'own') ? { owner } : null;

/** The statement reads preferences for whoever sees what is the owner's own, so whoever got hold of the type has them. */
const preferencesOf = ({ owner }: { owner: UserRecord }): PreferencesRecord => {
  if (!owner.preferences) throw new Error(`The preferences of ${owner.id} were not read.`);
  return owner.preferences;
};

builder.objectField('User', 'preferences', (t) =>
  t.field({
    type: 'Preferences',
    nullable: true,
    description: 'The owner and administrators alone see them; null for anyone else.',
    resolve: (owner, _, context) => toPreferences(owner, context),
  }),
);

const NotificationSetting = builder.objectRef<{ name: string; enabled: boolean }>('NotificationSetting').implement({
  description: 'Whether a notification is wanted. The app says which there are.',
  fields: (t) => ({
    name: t.exposeString('name', { description: '1 to 64 characters.' }),
    enabled: t.exposeBoolean('enabled', { description: 'Whether it is wanted.' }),
  }),
});

builder.node('Preferences', {
  description: 'How a user likes an app to be. The owner and administrators alone see them.',
  id: { resolve: ({ owner }) => owner.id, description: "`preferences_` and the user's id." },
  loadManyWithoutCache: (ids, context) =>
    Promise.all(ids.map(async (id) => toPreferences(await context.users.load(id), context))),
  fields: (t) => ({
    user: t.field({ type: 'User', description: 'Whose preferences they are.', resolve: ({ owner }) => owner }),
    favoriteGenres: t.intList({
      description: 'Ids of the outside catalogue, at most 100, in the order given.',
      resolve: (owned) => preferencesOf(owned).favoriteGenres,
    }),
    adultContent: t.boolean({
      description: 'Whether adult content may be shown; false until it is chosen.',
      resolve: (owned) => preferencesOf(owned).adultContent,
    }),
    language: t.string({ description: 'BCP 47', resolve: (owned) => preferencesOf(owned).language }),
    theme: t.field({
      type: Theme,
      description: 'SYSTEM until it is chosen.',
      resolve: (owned) => preferencesOf(owned).theme,
    }),
    notifications: t.field({
      type: [NotificationSetting],
      description: 'Those that were ever set, by name.',
      resolve: (owned) => toSettings(preferencesOf(owned).notifications),
    }),
    updatedAt: t.field({
      type: 'DateTime',
      description: 'The last change.',
      resolve: (owned) => preferencesOf(owned).updatedAt,
    }),
  }),
});

const toSettings = (notifications: Record<string, boolean>) =>
  Object.entries(notifications)
    .map(([name, enabled]) => ({ name, enabled }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));

const NotificationSettingInput = builder.inputType('NotificationSettingInput', {
  description: 'Sets one notification; the others stay.',
  fields: (t) => ({
    name: t.string({ required: true, description: '1 to 64 characters.' }),
    enabled: t.boolean({ required: true, description: 'Whether it is wanted.' }),
  }),
});

const UpsertPreferencesInput = builder.inputType('UpsertPreferencesInput', {
  description: 'What is left out stays; null sets the default.',
  fields: (t) => ({
    favoriteGenres: t.intList({ description: 'At most 100, positive, each once; replaced as a whole.' }),
    adultContent: t.boolean({ description: 'Null: false.' }),
    language: t.string({ description: 'BCP 47; null: `en`.' }),
    theme: t.field({ type: Theme, description: 'Null: SYSTEM.' }),
    notifications: t.field({ type: [NotificationSettingInput], description: 'Merged by name. Null takes all away.' }),
  }),
});

builder.mutationField('upsertPreferences', (t) =>
  t.field({
    type: 'Preferences',
    authScopes: { signedIn: true },
    errors: { types: [InvalidInputError] },
    description: "Changes the viewer's preferences, key by key: two tabs that change different ones lose nothing.",
    args: { input: t.arg({ type: UpsertPreferencesInput, required: true, description: 'What to change.' }) },
    resolve: async (_, { input }, context) => {
      await upsertPreferences(context.platform, requireViewer(context).id, input);
      return { owner: await reloadViewer(context) };
    },
  }),
);

builder.subscriptionField('preferencesUpdated', (t) =>
  t.field({
    type: 'Preferences',
    authScopes: { signedIn: true },
    description: "The viewer's own preferences, for their other tabs. May skip states, never the last.",
    subscribe: (_, __, context) =>
      subscribeToUsers(context, { topic: 'preferences', userIds: [requireViewer(context).id] }),
    resolve: (user, _, context) => ({ owner: toFreshUser(user, context) }),
  }),
);
