import { WrongConfirmationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { requireViewer } from '../../graphql/context.ts';
import { deleteAccount } from './service.ts';

const DeletedAccount = builder.objectRef<{ userId: string }>('DeletedAccount').implement({
  description: 'An account that is gone.',
  fields: (t) => ({ userId: t.exposeID('userId', { description: 'The id that the user had.' }) }),
});

builder.mutationField('deleteAccount', (t) =>
  t.field({
    type: DeletedAccount,
    authScopes: { signedIn: true },
    errors: { types: [WrongConfirmationError] },
    description:
      "Deletes the account here and in Clerk, for good. The username is held for 30 days, open sockets are closed within 5 seconds, and the user's tokens no longer hold.",
    args: {
      confirmation: t.arg.string({
        required: true,
        description: 'The username, typed again in any case; the id for a user without one.',
      }),
    },
    resolve: async (_, { confirmation }, context) => {
      const { id: userId } = requireViewer(context);
      const { platform, users } = context;
      await deleteAccount(platform, { userId, confirmation });
      users.clear(userId);
      return { userId };
    },
  }),
);
