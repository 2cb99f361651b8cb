import type { GraphQLResolveInfo } from 'graphql';
import { badUserInput } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { UserConnection } from '../../graphql/connections.ts';
import { type Context, loadViewer, ownerIdOf } from '../../graphql/context.ts';
import { FollowState } from '../../graphql/enums.ts';
import { decodeUserId } from '../../graphql/global-id.ts';
import { readPageArgs } from '../../graphql/pages.ts';
import { isAnySelected, isOnlySelected } from '../../graphql/selection.ts';
import { sameForAll } from '../../graphql/shareable.ts';
import { canSee } from '../../graphql/sight.ts';
import { displayNameOf } from './display-name.ts';
import { findUserByUsername } from './loaders.ts';
import type { UserRecord } from './record.ts';
import { searchUsers } from './search-service.ts';
import { parseUsername } from './username.ts';
import { checkUsername, type UsernameCheck } from './username-service.ts';

/** What is the owner's own is null for anyone else. */
const ownersOnly =
  <Value>(read: (user: UserRecord) => Value) =>
  (user: UserRecord, _: object, context: Context): Value | null =>
    canSee(context, user, 'own') ? read(user) : null;

builder.node('User', {
  description: 'Someone whom Clerk signs in.',
  id: { resolve: ({ id }) => id, description: "Clerk's id, unchanged.", extensions: sameForAll },
  loadManyWithoutCache: (ids, { users }) => Promise.all(ids.map((id) => users.load(id))),
  fields: (t) => ({
    username: t.exposeString('username', {
      nullable: true,
      description: 'In lower case; unique. Null until one is chosen.',
      extensions: sameForAll,
    }),
    displayName: t.string({
      description: "The profile's display name, else the username, else a neutral word. Never empty.",
      extensions: sameForAll,
      resolve: displayNameOf,
    }),
    email: t.string({
      nullable: true,
      description: 'From Clerk. The owner and administrators alone see it.',
      resolve: ownersOnly((user) => user.email),
    }),
    firstName: t.string({
      nullable: true,
      description: 'From Clerk. The owner and administrators alone see it.',
      resolve: ownersOnly((user) => user.firstName),
    }),
    lastName: t.string({
      nullable: true,
      description: 'From Clerk. The owner and administrators alone see it.',
      resolve: ownersOnly((user) => user.lastName),
    }),
    createdAt: t.expose('createdAt', {
      type: 'DateTime',
      description: 'When the user was first known here.',
      extensions: sameForAll,
    }),
    updatedAt: t.expose('updatedAt', {
      type: 'DateTime',
      description: 'Moves with what anyone may see: username, display name and picture.',
      extensions: sameForAll,
    }),
    viewerFollow: t.field({
      type: FollowState,
      description: 'Whether the viewer follows this user, or asked to. NONE for oneself and without a token.',
      resolve: ({ relation }) =>
        relation.viewerFollows ? 'FOLLOWING' : relation.viewerRequested ? 'REQUESTED' : 'NONE',
    }),
    followsViewer: t.boolean({
      description: 'Whether this user follows the viewer.',
      resolve: ({ relation }) => relation.followsViewer,
    }),
  }),
});

const UserBy = builder.inputType('UserBy', {
  description: 'Names one user.',
  isOneOf: true,
  fields: (t) => ({
    id: t.id({ description: "Clerk's id." }),
    username: t.string({ description: 'In any case; a former one finds its user until someone else takes it.' }),
  }),
});

const UsernameUnavailableReason = builder.enumType('UsernameUnavailableReason', {
  description: 'Why a username can not be had.',
  values: {
    INVALID: { description: 'It breaks a rule of usernames.' },
    RESERVED: { description: 'Nobody can have it.' },
    TAKEN: { description: "It is another user's, or held for its former owner." },
  } as const,
});

const UsernameAvailability = builder.objectRef<UsernameCheck>('UsernameAvailability').implement({
  description: 'Whether the viewer can have a username.',
  fields: (t) => ({
    username: t.exposeString('username', { description: 'As it would be stored.' }),
    available: t.boolean({
      description: 'Whether the viewer can have it; their own, and a former one that nobody else took, they can.',
      resolve: ({ reason }) => reason === null,
    }),
    reason: t.expose('reason', {
      type: UsernameUnavailableReason,
      nullable: true,
      description: 'Null when available.',
    }),
    suggestions: t.exposeStringList('suggestions', {
      description: 'Free ones that come close; empty when available.',
    }),
  }),
});

builder.queryFields((t) => ({
  me: t.field({
    type: 'User',
    nullable: true,
    description:
      'The signed-in user; null without a token. A valid token of a user not seen before creates the user first.',
    resolve: (_, __, context, info) => {
      if (!context.viewer) return null;
      const isBare = context.viewAs === null && isForEventsAlone(info);
      return isBare ? bareOwner(context.viewer.id) : loadViewer(context);
    },
  }),
  user: t.field({
    type: 'User',
    nullable: true,
    description:
      'A user by id or by username (any case, and a former username of theirs); null if there is none that the viewer may know of.',
    args: { by: t.arg({ type: UserBy, required: true, description: 'Exactly one of id and username.' }) },
    resolve: (_, { by }, context) => (by.id == null ? findByUsername(by.username, context) : findById(by.id, context)),
  }),
  users: t.field({
    type: UserConnection,
    description:
      'Users whose username or display name starts with the text, best match first: the whole username, the whole display name, the start of a username, the start of a display name; in each, by the alphabet.',
    args: {
      search: t.arg.string({
        required: true,
        description:
          "In any case, with or without accents. Without anything but white space it is `BAD_USER_INPUT`. An administrator's with an `@` is the start of an e-mail address instead.",
      }),
      first: t.arg.int({ description: '1 to 100; 20 if left out.' }),
      after: t.arg.string({ description: 'A cursor of the same search: what comes after it.' }),
    },
    resolve: (_, { search, first, after }, { platform, viewer, viewAs, reads }) => {
      const { size } = readPageArgs({ first }, { name: 'users', ids: 'user' });
      return searchUsers({ ...platform, reads }, { viewer, viewAs, search, size, after: after ?? null });
    },
  }),
  usernameAvailability: t.field({
    type: UsernameAvailability,
    description: 'Whether the viewer can have a username, whoever asks.',
    args: { username: t.arg.string({ required: true, description: 'In any case.' }) },
    resolve: (_, { username }, context) =>
      checkUsername(context.platform, { viewerId: ownerIdOf(context), raw: username }),
  }),
}));

/** The viewer's own events are told without reading the viewer: authentication has seen to it that they are there. */
const isForEventsAlone = (info: GraphQLResolveInfo) =>
  isAnySelected(info, ['events']) && isOnlySelected(info, ['__typename', 'id', 'events']);

/** The viewer as far as those fields look at a record. */
const bareOwner = (id: string) =>
  ({
    id,
    relation: {
      isOwner: true,
      viewerFollows: false,
      viewerRequested: false,
      followsViewer: false,
      isAdministrator: false,
      isBlocked: false,
    },
  }) as UserRecord;

function findById(globalId: string, { users }: Context) {
  const id = decodeUserId(globalId);
  return id === null ? null : users.load(id);
}

async function findByUsername(raw: string | null | undefined, context: Context) {
  if (raw == null) throw badUserInput('Expected exactly one of id and username.');
  const parsed = parseUsername(raw);
  if (!('username' in parsed)) return null;
  return findUserByUsername(context.platform.db, parsed.username, context);
}
