import { builder } from '../../graphql/builder.ts';
import { pageArgs } from '../../graphql/connections.ts';
import { ownerIdOf, requireViewer } from '../../graphql/context.ts';
import { subscribeToUsers, toFreshUser } from '../../graphql/live.ts';
import { emptyConnection, type Position, readPageArgs, toConnection } from '../../graphql/pages.ts';
import { sameForAll } from '../../graphql/shareable.ts';
import { canSee, sightIn } from '../../graphql/sight.ts';
import type { PictureRecord, VariantRecord } from '../user/record.ts';
import { imageUrl, pictureUrl, variantUrl } from './address.ts';
import { loadPictures, loadPicturesAsAdministrator, loadVersions } from './loaders.ts';

/** Size and stillness of an image that a client wants. */
const imageArgs = builder.args((t) => ({
  size: t.int({ defaultValue: 256, description: 'About how many pixels a side, 1 to 4096; else `BAD_USER_INPUT`.' }),
  still: t.boolean({ defaultValue: false, description: 'The first frame only, for those who prefer reduced motion.' }),
}));

const PictureVariant = builder.objectRef<VariantRecord>('PictureVariant').implement({
  description: 'One stored square of a picture.',
  fields: (t) => ({
    size: t.exposeInt('size', { description: 'Pixels of a side.', extensions: sameForAll }),
    mimeType: t.string({ description: 'Always image/webp.', extensions: sameForAll, resolve: () => 'image/webp' }),
    bytes: t.exposeInt('bytes', { description: 'Bytes of the file.', extensions: sameForAll }),
    url: t.string({
      description: 'The address of the file; it never changes its content.',
      extensions: sameForAll,
      resolve: (variant, _, { publicUrl }) => variantUrl(variant, publicUrl),
    }),
  }),
});

builder.node('ProfilePicture', {
  description:
    "A version of a user's profile picture. Anyone may see an active one; the others the owner and administrators alone.",
  id: { resolve: ({ id }) => id, description: '`picture_` and a UUID.', extensions: sameForAll },
  loadManyWithoutCache: async (ids, context) => {
    const { platform, viewer, viewAs, users } = context;
    if (viewer?.isAdministrator) {
      return loadPicturesAsAdministrator({ ...platform, users, canSee: sightIn(context) }, ids);
    }
    const pictures = await loadPictures(platform, viewer?.id ?? null, ids);
    // All that isn't active among them is the viewer's own.
    return viewAs ? pictures.map((picture) => (picture?.isActive ? picture : null)) : pictures;
  },
  fields: (t) => ({
    user: t.field({
      type: 'User',
      description: 'Whose picture it is.',
      resolve: async ({ userId, owner }, _, { users }) => {
        const user = owner ?? (await users.load(userId));
        if (!user) throw new Error(`The user ${userId} of a picture is not there.`);
        return user;
      },
    }),
    version: t.exposeInt('version', {
      description: "1 for a user's first upload, then 2, 3, ...; never used twice.",
      extensions: sameForAll,
    }),
    isActive: t.exposeBoolean('isActive', {
      description: 'Whether this is the picture that the user shows.',
      extensions: sameForAll,
    }),
    url: t.string({
      description: 'The smallest stored square that is at least that many pixels, else the largest.',
      extensions: sameForAll,
      args: imageArgs,
      resolve: (picture, choice, { publicUrl }) => pictureUrl(picture, choice, publicUrl),
    }),
    variants: t.expose('variants', {
      type: [PictureVariant],
      description: "The squares that are stored; an animated picture's are animated.",
      extensions: sameForAll,
    }),
    width: t.exposeInt('width', {
      description: 'Of the upright source, in pixels, before the crop.',
      extensions: sameForAll,
    }),
    height: t.exposeInt('height', {
      description: 'Of the upright source, in pixels, before the crop.',
      extensions: sameForAll,
    }),
    animated: t.exposeBoolean('animated', {
      description: 'Whether it has more than one frame.',
      extensions: sameForAll,
    }),
    thumbhash: t.exposeString('thumbhash', {
      description: 'A placeholder to draw before the image has loaded (base64).',
      extensions: sameForAll,
    }),
    dominantColor: t.exposeString('dominantColor', { description: '#rrggbb', extensions: sameForAll }),
    altText: t.exposeString('altText', {
      nullable: true,
      description: 'What the picture shows, for those who do not see it.',
      extensions: sameForAll,
    }),
    uploadedAt: t.expose('uploadedAt', {
      type: 'DateTime',
      description: 'When this version was accepted.',
      extensions: sameForAll,
    }),
    deletedAt: t.expose('deletedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When its owner deleted it.',
      extensions: sameForAll,
    }),
    originalName: t.string({
      nullable: true,
      description: "The uploaded file's name. The owner alone sees it.",
      resolve: (picture, _, context) => (ownerIdOf(context) === picture.userId ? picture.originalName : null),
    }),
    originalMimeType: t.string({
      nullable: true,
      description: "The uploaded file's type, by its content. The owner alone sees it.",
      resolve: (picture, _, context) => (ownerIdOf(context) === picture.userId ? picture.originalMimeType : null),
    }),
    originalBytes: t.int({
      nullable: true,
      description: "The uploaded file's bytes. The owner alone sees it.",
      resolve: (picture, _, context) => (ownerIdOf(context) === picture.userId ? picture.originalBytes : null),
    }),
  }),
});

const ProfilePictureConnection = builder.connectionObject(
  {
    type: 'ProfilePicture',
    name: 'ProfilePictureConnection',
    description: "A page of the versions of a user's picture.",
  },
  { name: 'ProfilePictureEdge', description: 'A version on the list.' },
);

/** Versions alone put them in order: two uploads at once may take them in another order than their times. */
const toPosition = ({ version }: PictureRecord): Position => ({ at: new Date(0), id: String(version) });
const toVersion = (position: Position | null): number | null => position && Number(position.id);

builder.objectFields('User', (t) => ({
  pictures: t.field({
    type: ProfilePictureConnection,
    description:
      'Every version kept, newest first, deleted ones included. The owner and administrators alone; empty for anyone else.',
    args: pageArgs,
    resolve: async (owner, args, context) => {
      const page = readPageArgs(args, { name: `pictures:${owner.id}`, ids: 'number' });
      if (!canSee(context, owner, 'own')) return emptyConnection();
      const versions = await loadVersions(context.platform, owner.id, {
        isNewestFirst: page.isForward,
        below: toVersion(page.after),
        above: toVersion(page.before),
        limit: page.size + 1,
      });
      return toConnection(page, versions, { toPosition, toNode: (picture) => picture });
    },
  }),
  imageUrl: t.string({
    extensions: sameForAll,
    description:
      "Where an <img> can point for a square of about that many pixels (1 to 4096): the uploaded picture, else Clerk's where the person set one there, else generated initials. Never empty.",
    args: imageArgs,
    resolve: (user, choice, { publicUrl }) => imageUrl(user, choice, publicUrl),
  }),
  picture: t.expose('picture', {
    type: 'ProfilePicture',
    nullable: true,
    description: 'The active uploaded picture.',
    extensions: sameForAll,
  }),
  pictureRevision: t.exposeInt('pictureRevision', {
    description: 'Counts up with every change of the active picture, from 0.',
    extensions: sameForAll,
  }),
}));

builder.objectField('Profile', 'avatarUrl', (t) =>
  t.string({
    nullable: true,
    description: "The uploaded picture's address, else Clerk's where the person set one there, else null.",
    resolve: ({ owner }, _, { publicUrl }) =>
      owner.picture ? pictureUrl(owner.picture, {}, publicUrl) : owner.clerkImageUrl,
  }),
);

builder.objectType('ProfilePictureUpdate', {
  description: "The state of a user's active picture after a change.",
  fields: (t) => ({
    userId: t.id({ description: 'Whose picture changed.', extensions: sameForAll, resolve: ({ id }) => id }),
    user: t.field({
      type: 'User',
      description: 'Whose picture changed.',
      extensions: sameForAll,
      resolve: (user) => user,
    }),
    revision: t.exposeInt('pictureRevision', {
      description: "The user's `pictureRevision`; it only goes up.",
      extensions: sameForAll,
    }),
    picture: t.expose('picture', {
      type: 'ProfilePicture',
      nullable: true,
      description: 'Null after the picture was deleted.',
      extensions: sameForAll,
    }),
    imageUrl: t.string({
      description: 'As `User.imageUrl`.',
      extensions: sameForAll,
      args: imageArgs,
      resolve: (user, choice, { publicUrl }) => imageUrl(user, choice, publicUrl),
    }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'As `User.updatedAt`.', extensions: sameForAll }),
  }),
});

const KnownPictureRevision = builder.inputType('KnownPictureRevision', {
  description: 'The state that a client shows.',
  fields: (t) => ({
    userId: t.id({ required: true, description: 'Whose picture.' }),
    revision: t.int({ required: true, description: 'The revision that the client has.' }),
  }),
});

builder.subscriptionField('profilePictureUpdated', (t) =>
  t.field({
    type: 'ProfilePictureUpdate',
    description: `Pictures of the given users (the viewer if left out; at most 200) as they change. For each user in \`known\` whose revision is behind, the
current state comes at once; a change made while the subscription starts is never missed, and revisions of a user only go up. Users that
don't exist, or that the viewer may not know of, are silent.`,
    args: {
      userIds: t.arg.idList({ description: 'The viewer if left out. More than 200 are `BAD_USER_INPUT`.' }),
      known: t.arg({ type: [KnownPictureRevision], description: 'What the client shows already.' }),
    },
    extensions: sameForAll,
    subscribe: async (_, { userIds, known }, context) => {
      const updates = await subscribeToUsers(context, {
        topic: 'picture',
        userIds: userIds ?? [requireViewer(context).id],
        known: known ?? [],
      });
      context.sightings.note(context);
      return updates;
    },
    resolve: (user, _, context) => toFreshUser(user, context),
  }),
);
