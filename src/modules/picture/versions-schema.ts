import { FileTooLargeError, InvalidInputError, NotFoundError, UnsupportedImageError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { type Context, reloadViewer, requireViewer } from '../../graphql/context.ts';
import type { PictureRecord } from '../user/record.ts';
import { loadMadeVersion } from './loaders.ts';
import { type MadeVersion, recropProfilePicture, uploadProfilePicture } from './service.ts';
import { changePictureAltText, deleteProfilePicture, restoreProfilePicture } from './versions-service.ts';

const CropInput = builder.inputType('CropInput', {
  description: 'A square in pixels of the upright source image.',
  fields: (t) => ({
    left: t.int({ required: true, description: 'Pixels from the left edge.' }),
    top: t.int({ required: true, description: 'Pixels from the upper edge.' }),
    size: t.int({ required: true, description: 'Pixels of a side, at least 1.' }),
  }),
});

const UploadProfilePictureResult = builder.errorUnion('UploadProfilePictureResult', {
  description: 'The new version, or a mistake that a person can mend.',
  types: ['ProfilePicture', FileTooLargeError, UnsupportedImageError, InvalidInputError, NotFoundError],
  resolveType: () => 'ProfilePicture',
});

const ProfilePictureResult = builder.errorUnion('ProfilePictureResult', {
  description: 'The state of the active picture after the change, or a mistake that a person can mend.',
  types: ['ProfilePictureUpdate', NotFoundError],
  resolveType: () => 'ProfilePictureUpdate',
});

const PictureAltTextResult = builder.errorUnion('PictureAltTextResult', {
  description: 'The version after the change, or a mistake that a person can mend.',
  types: ['ProfilePicture', NotFoundError, InvalidInputError],
  resolveType: () => 'ProfilePicture',
});

/** The version that a mutation made, as its owner sees it. */
function readNewVersion(context: Context, made: MadeVersion): Promise<PictureRecord> {
  const viewerId = requireViewer(context).id;
  context.users.clear(viewerId);
  return loadMadeVersion(context.platform, viewerId, made);
}

/** Two in an operation at most: a file can be named by many fields, and each would decode it. */
const pictureWorkCost = 4_000;

builder.mutationFields((t) => ({
  uploadProfilePicture: t.field({
    extensions: { cost: pictureWorkCost },
    type: UploadProfilePictureResult,
    authScopes: { signedIn: true },
    description:
      "Makes a file the viewer's picture: JPEG, PNG, GIF or WebP by content, at most 10 MiB and 50 megapixels. Answers when it is stored.",
    args: {
      file: t.arg({ type: 'File', required: true, description: 'The picture.' }),
      crop: t.arg({ type: CropInput, description: 'The square to show; the middle if left out.' }),
      altText: t.arg.string({ description: 'What the picture shows; at most 1,500 characters.' }),
    },
    resolve: async (_, input, context) => {
      const { id: userId } = requireViewer(context);
      return readNewVersion(context, await uploadProfilePicture(context.platform, { userId, ...input }));
    },
  }),
  recropProfilePicture: t.field({
    extensions: { cost: pictureWorkCost },
    type: UploadProfilePictureResult,
    authScopes: { signedIn: true },
    description:
      'A new version from the kept image of an earlier one, deleted ones included. `NotFoundError` where there is none.',
    args: {
      version: t.arg.int({ required: true, description: 'The version to cut from.' }),
      crop: t.arg({
        type: CropInput,
        required: true,
        description: 'The square to show, of the image as it was uploaded.',
      }),
    },
    resolve: async (_, input, context) => {
      const { id: userId } = requireViewer(context);
      return readNewVersion(context, await recropProfilePicture(context.platform, { userId, ...input }));
    },
  }),
  changePictureAltText: t.field({
    type: PictureAltTextResult,
    authScopes: { signedIn: true },
    description: 'Replaces what a version says that it shows. No new revision: the image stays the same.',
    args: {
      version: t.arg.int({ required: true, description: 'A version of the viewer, a deleted one too.' }),
      altText: t.arg.string({ description: 'At most 1,500 characters; none, null or left out takes it away.' }),
    },
    resolve: async (_, { version, altText }, context) => {
      const { id: userId } = requireViewer(context);
      const picture = await changePictureAltText(context.platform, { userId, version, altText });
      context.users.clear(userId);
      return picture;
    },
  }),
  restoreProfilePicture: t.field({
    type: ProfilePictureResult,
    authScopes: { signedIn: true },
    description:
      'Makes an earlier version the active one again, a deleted one too. Where it is active already, nothing changes.',
    args: { version: t.arg.int({ required: true, description: 'The version to show.' }) },
    resolve: async (_, { version }, context) => {
      await restoreProfilePicture(context.platform, { userId: requireViewer(context).id, version });
      return reloadViewer(context);
    },
  }),
  deleteProfilePicture: t.field({
    type: ProfilePictureResult,
    authScopes: { signedIn: true },
    description:
      'Soft: the version stays in the history. Deleting one that is not active, or is deleted already, counts no revision.',
    args: {
      version: t.arg.int({ description: 'The active one if left out; `NotFoundError` where there is none.' }),
    },
    resolve: async (_, { version }, context) => {
      await deleteProfilePicture(context.platform, { userId: requireViewer(context).id, version });
      return reloadViewer(context);
    },
  }),
}));
