import * as enums from '../../generated/prisma/enums.ts';
import { builder } from '../../graphql/builder.ts';
import { pageArgs } from '../../graphql/connections.ts';
import { emptyConnection, readPageArgs, toConnection, toKeysetValues } from '../../graphql/pages.ts';
import { canSee } from '../../graphql/sight.ts';
import { newestEntries, oldestEntries } from './queries.ts';

interface AuditEntryRecord {
  id: string;
  action: string;
  actor: enums.AuditActor;
  at: Date;
  changedFields: string[];
}

const AuditActor = builder.enumType('AuditActor', {
  description:
    'Who did it: the owner, Clerk by its webhooks, the comparison with Clerk, an administrator, or the server.',
  values: Object.values(enums.AuditActor),
});

const AuditEntry = builder.objectRef<AuditEntryRecord>('AuditEntry').implement({
  description: 'Something that was done to an account.',
  fields: (t) => ({
    action: t.exposeString('action', {
      description: 'Such as profile.changed, picture.uploaded, user.created; the documentation lists them.',
    }),
    actor: t.expose('actor', { type: AuditActor, description: 'Who did it.' }),
    at: t.expose('at', { type: 'DateTime', description: 'When it was done.' }),
    changedFields: t.exposeStringList('changedFields', {
      description:
        'What changed, by field name; never a secret or a token. For `administrator.read`: which parts an administrator read.',
    }),
  }),
});

const AuditEntryConnection = builder.connectionObject(
  { type: AuditEntry, name: 'AuditEntryConnection', description: 'A page of the audit log.' },
  { name: 'AuditEntryEdge', description: 'An entry on the audit log.' },
);

builder.objectField('User', 'auditLog', (t) =>
  t.field({
    type: AuditEntryConnection,
    description: 'What was done to this account, newest first. The owner and administrators alone.',
    args: pageArgs,
    resolve: async (owner, args, context) => {
      const { id } = owner;
      const page = readPageArgs(args, { name: `audit:${id}`, ids: 'uuid' });
      if (!canSee(context, owner, 'own')) return emptyConnection();
      const statement = page.isForward ? newestEntries : oldestEntries;
      const rows = await context.platform.db.query<AuditEntryRecord>(statement, [id, ...toKeysetValues(page)]);
      return toConnection(page, rows, { toPosition: (row) => row, toNode: (row) => row });
    },
  }),
);
