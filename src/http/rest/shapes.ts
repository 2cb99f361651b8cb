import { z } from '@hono/zod-openapi';
import { Theme } from '../../generated/prisma/enums.ts';
import { imageUrl } from '../../modules/picture/address.ts';
import type { UserRecord } from '../../modules/user/record.ts';
import { maxInt32, wholeNumber } from '../../validation.ts';
import { type ApiErrorCode, apiErrorStatus } from '../api-errors.ts';

const toLower = (theme: Theme) => theme.toLowerCase() as Lowercase<Theme>;
const theme = z.enum(Object.values(Theme).map(toLower)).openapi({ description: '`system` until another is chosen.' });

const instant = (description: string) => z.iso.datetime().openapi({ description });
const nullableText = (description: string) => z.string().nullable().openapi({ description });
const integer = (min: number, description: string) =>
  wholeNumber({ min }).openapi({ type: 'integer', minimum: min, maximum: maxInt32, example: 1, description });

const revision = integer(0, 'Counts the changes of the active picture, from 0.');
const url = z.url().openapi({
  description:
    "Where an <img> can point, a square of about 256 pixels: the uploaded picture, else Clerk's, else generated initials.",
});
const activeVersion = integer(1, 'Of the uploaded picture; null where none is active.')
  .nullable()
  .openapi({ type: ['integer', 'null'] });

export const User = z
  .object({
    id: z.string().openapi({ description: "Clerk's id.", example: 'user_demo_ada' }),
    email: nullableText('From Clerk.'),
    firstName: nullableText('From Clerk.'),
    lastName: nullableText('From Clerk.'),
    imageUrl: url,
    theme,
    createdAt: instant('When the user was first known here.'),
    updatedAt: instant('Moves with what anyone may see: username, display name and picture.'),
  })
  .openapi('User', { description: 'The signed-in user.' });

export const UserChange = z.object({ theme }).openapi('UserChange', { description: 'What may be changed of a user.' });

export const Picture = z
  .object({
    url,
    version: activeVersion,
    revision,
    updatedAt: instant('Moves with the picture, and with what else anyone may see of the user.'),
  })
  .openapi('Picture', { description: "A user's picture, as anyone may see it." });

export const PictureState = z
  .object({ version: activeVersion, revision, url })
  .openapi('PictureState', { description: "The user's own picture after a change." });

export const UploadedPicture = z
  .object({
    version: integer(1, 'Of the picture that was uploaded.'),
    revision: revision.openapi({ description: 'With which it became the active picture.' }),
    url,
  })
  .openapi('UploadedPicture', { description: 'The picture that was uploaded, once it is stored.' });

const toFileMessage = ({ input }: { input?: unknown }) =>
  `Expected one file, and got ${input === undefined ? 'none' : Array.isArray(input) ? input.length : 'a text'}.`;

export const Upload = z
  .object({
    profilePicture: z.file({ error: toFileMessage }).openapi({
      type: 'string',
      format: 'binary',
      description: 'JPEG, PNG, GIF or WebP by content, at most 10 MiB and 50 megapixels.',
    }),
  })
  .openapi('Upload', { description: 'One file. Other fields are not looked at.' });

export const VersionChoice = z
  .object({ version: integer(1, 'An earlier version, a deleted one too.') })
  .openapi('VersionChoice', { description: 'Which version to show again.' });

export const Acknowledgement = z
  .object({ revision: integer(0, 'The revision that this session now shows; at most the current one.') })
  .openapi('Acknowledgement', { description: 'What a client shows.' });

export const ApiError = z
  .object({
    code: z
      .enum(Object.keys(apiErrorStatus) as ApiErrorCode[])
      .openapi({ description: 'For programs; each belongs to one HTTP status.' }),
    message: z.string().openapi({ description: 'For people: what was expected, and what came.' }),
    fields: z
      .array(
        z.object({
          path: z.string().openapi({ description: 'Dotted path in the body; empty for the body itself.' }),
          message: z.string().openapi({ description: 'What was expected there, and what came.' }),
        }),
      )
      .optional()
      .openapi({ description: 'Each field of the input that is wrong.' }),
    requestId: z.string().optional().openapi({ description: 'For INTERNAL_SERVER_ERROR: names the line in the log.' }),
  })
  .openapi('Error', { description: 'Why nothing was done.' });

/** The user's own record, which is read with their preferences. */
export function toUser(user: UserRecord, publicUrl: string): z.output<typeof User> {
  const { id, email, firstName, lastName, preferences, createdAt, updatedAt } = user;
  if (!preferences) throw new Error(`The preferences of ${id} were not read.`);
  return {
    id,
    email,
    firstName,
    lastName,
    imageUrl: imageUrl(user, {}, publicUrl),
    theme: toLower(preferences.theme),
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  };
}

export const toPictureState = (user: UserRecord, publicUrl: string): z.output<typeof PictureState> => ({
  version: user.picture?.version ?? null,
  revision: user.pictureRevision,
  url: imageUrl(user, {}, publicUrl),
});

export const toPicture = (user: UserRecord, publicUrl: string): z.output<typeof Picture> => ({
  ...toPictureState(user, publicUrl),
  updatedAt: user.updatedAt.toISOString(),
});
