import { builder } from '../../graphql/builder.ts';
import { requireViewer } from '../../graphql/context.ts';
import { canSee } from '../../graphql/sight.ts';
import { loadSyncSessions } from './loaders.ts';
import { acknowledgePictureRevision, type SyncSessionRecord } from './sync-sessions-service.ts';

const SyncSession = builder.objectRef<SyncSessionRecord>('SyncSession').implement({
  description:
    'A signed-in session, and the picture revision that it is known to show. Its user and administrators alone see it. One that was not seen for 30 days is removed.',
  fields: (t) => ({
    id: t.exposeID('id', { description: "Clerk's session id." }),
    userAgent: t.exposeString('userAgent', {
      nullable: true,
      description: 'How the client named itself when it was last seen.',
    }),
    pictureRevision: t.exposeInt('pictureRevision', {
      description: 'The revision that the session last acknowledged; 0 where it never did.',
    }),
    acknowledgedAt: t.expose('acknowledgedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it first acknowledged that revision.',
    }),
    lastSeenAt: t.expose('lastSeenAt', {
      type: 'DateTime',
      description:
        'When it last acknowledged any revision, or began to follow pictures, which is noted a few seconds later and once in five minutes.',
    }),
  }),
});

builder.objectField('User', 'syncSessions', (t) =>
  t.field({
    type: [SyncSession],
    nullable: true,
    description:
      "The owner's signed-in sessions and the picture revision that each is known to show: at most 100, most recently seen first. Null for anyone else, but administrators.",
    resolve: (owner, _, context) =>
      canSee(context, owner, 'own') ? loadSyncSessions(context.platform, owner.id) : null,
  }),
);

builder.mutationField('acknowledgePictureRevision', (t) =>
  t.field({
    type: SyncSession,
    authScopes: { signedIn: true },
    description:
      'A client says which revision its session now shows; one below what it said before takes nothing back. `BAD_USER_INPUT` for a token without `sid`.',
    args: {
      revision: t.arg.int({
        required: true,
        description: "At most the user's `pictureRevision`, else `BAD_USER_INPUT`.",
      }),
    },
    resolve: (_, { revision }, context) => {
      const { id: userId, sessionId } = requireViewer(context);
      const { platform, userAgent } = context;
      return acknowledgePictureRevision(platform, { userId, sessionId, userAgent, revision });
    },
  }),
);
