import * as errors from '../errors.ts';
import { builder } from './builder.ts';

const UserError = builder.interfaceRef<errors.UserError>('UserError').implement({
  description:
    'A mistake that a person can mend. Not being signed in, or not being allowed, is a GraphQL error with a code instead.',
  fields: (t) => ({
    message: t.exposeString('message', { description: 'What was expected and what came, for a person to read.' }),
  }),
});

const FieldError = builder.objectRef<errors.FieldError>('FieldError').implement({
  description: 'One input field that is wrong.',
  fields: (t) => ({
    path: t.exposeString('path', {
      description: 'Dotted path below the argument, such as `salary.min` or `skills.3`.',
    }),
    message: t.exposeString('message', { description: 'What was expected and what came.' }),
  }),
});

builder.objectType(errors.InvalidInputError, {
  name: 'InvalidInputError',
  description: 'Input that was refused; nothing was changed.',
  interfaces: [UserError],
  fields: (t) => ({
    fields: t.field({
      type: [FieldError],
      description: 'One row for each input field that is wrong.',
      resolve: ({ fields }) => fields,
    }),
  }),
});

builder.objectType(errors.UsernameTakenError, {
  name: 'UsernameTakenError',
  description: "The username is another user's, or held for its former owner.",
  interfaces: [UserError],
  fields: (t) => ({
    suggestions: t.exposeStringList('suggestions', { description: 'Free ones that come close.' }),
  }),
});

builder.objectType(errors.FileTooLargeError, {
  name: 'FileTooLargeError',
  description: 'The file has more bytes than are accepted.',
  interfaces: [UserError],
  fields: (t) => ({ limitBytes: t.exposeInt('limitBytes', { description: 'How many bytes a file may have.' }) }),
});

builder.objectType(errors.UnsupportedImageError, {
  name: 'UnsupportedImageError',
  description:
    "The file isn't a picture that is accepted: another type, damaged, empty, or too many pixels or frames. The message says which.",
  interfaces: [UserError],
  fields: (t) => ({
    supportedMimeTypes: t.exposeStringList('supportedMimeTypes', { description: 'What is accepted, by content.' }),
  }),
});

builder.objectType(errors.NotFoundError, {
  name: 'NotFoundError',
  description: 'What was named is not there, or the viewer may not know of it.',
  interfaces: [UserError],
});

builder.objectType(errors.ProfileIncompleteError, {
  name: 'ProfileIncompleteError',
  description: "The profile can't be marked as complete while a required field is empty.",
  interfaces: [UserError],
  fields: (t) => ({
    missingFields: t.exposeStringList('missingFields', { description: 'The required fields that are empty.' }),
  }),
});

builder.objectType(errors.WrongConfirmationError, {
  name: 'WrongConfirmationError',
  description: 'The account was not deleted: the confirmation is neither its username nor, where it has none, its id.',
  interfaces: [UserError],
});
