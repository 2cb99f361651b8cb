import { builder } from '../../graphql/builder.ts';
import { requireViewer } from '../../graphql/context.ts';
import { subscribeToUsers, toFreshUser } from '../../graphql/live.ts';
import { sameForAll } from '../../graphql/shareable.ts';

builder.subscriptionField('profileUpdated', (t) =>
  t.field({
    type: 'User',
    description:
      'Users (the viewer if left out; at most 200) whose profile, username or display name changed, as the viewer may see them. May skip states, never the last. A change of who may see the profile comes too. Users that do not exist, or that the viewer may not know of, are silent.',
    args: {
      userIds: t.arg.idList({ description: 'The viewer if left out. More than 200 are `BAD_USER_INPUT`.' }),
    },
    extensions: sameForAll,
    subscribe: (_, { userIds }, context) =>
      subscribeToUsers(context, { topic: 'profile', userIds: userIds ?? [requireViewer(context).id] }),
    resolve: (user, _, context) => toFreshUser(user, context),
  }),
);
