import type { GraphQLResolveInfo } from 'graphql';
import { builder } from '../../graphql/builder.ts';
import { pageArgs, sinceOf, UserConnection } from '../../graphql/connections.ts';
import { type Context, isReadByAdministrator, readerIdOf } from '../../graphql/context.ts';
import { emptyConnection, type PageArgs, readPageArgs, toConnection, toKeysetValues } from '../../graphql/pages.ts';
import { isOnlySelected, isOnlySelectedAt } from '../../graphql/selection.ts';
import { canSee } from '../../graphql/sight.ts';
import { cardFields } from '../user/columns.ts';
import { noteMeeting, statementFor } from '../user/reader.ts';
import type { UserRecord } from '../user/record.ts';
import { isThere, toUserRecord } from '../user/rows.ts';
import { asSeenBy } from '../user/view-as.ts';
import type { Part } from '../visibility/policy.ts';
import * as lists from './list-queries.ts';
import { catalogueListsOf, toVisibleToAll, type UserListRow, userListsOf } from './loaders.ts';
import type { CatalogueKind, CatalogueRecord } from './record.ts';

/** A list of its owner's, and who may see it. */
interface List<Statements> {
  name: string;
  part: Part;
  statements: Statements;
  totalCount(owner: UserRecord): number;
}

/** What was asked of a list; `key` is null where the viewer may not see it. */
function readList<Statements>(
  { owner, args, context }: { owner: UserRecord; args: PageArgs; context: Context },
  { list, ids }: { list: List<lists.BothWays<Statements>>; ids: 'user' | 'number' },
) {
  const request = readPageArgs(args, { name: `${list.name}:${owner.id}`, ids });
  const statement = request.isForward ? list.statements.forward : list.statements.backward;
  const key = canSee(context, owner, list.part)
    ? { readerId: readerIdOf(context, owner.id), ownerId: owner.id, keyset: toKeysetValues(request) }
    : null;
  return { request, statement, key };
}

const userList = (list: List<lists.UserListStatements>, { toNode = toUserUnlessHidden }: { toNode?: ToUser } = {}) => ({
  type: UserConnection,
  args: pageArgs,
  resolve: async (owner: UserRecord, args: PageArgs, context: Context, info: GraphQLResolveInfo) => {
    const { request, statement: statements, key } = readList({ owner, args, context }, { list, ids: 'user' });
    if (!key) return { ...emptyConnection(), totalCount: null };
    if (isCountAlone(info)) return { ...emptyConnection(), totalCount: list.totalCount(owner) };
    const reader = { isAdministrator: isReadByAdministrator(context, owner.id) };
    const isCards = !reader.isAdministrator && isOnlySelectedAt(info, ['edges', 'node'], cardFields);
    const statement = (isCards && statements.card) || statementFor(reader, statements);
    const rows = await userListsOf(context.platform.db, statement, key);
    const page = toConnection(request, rows, {
      toPosition: ({ since, id }) => ({ at: since, id }),
      toNode: (row) => toNode(row, context),
      toSince: ({ since }) => since,
    });
    return { totalCount: list.totalCount(owner), ...page };
  },
});

/** The count stands in the owner's own row. */
const isCountAlone = (info: GraphQLResolveInfo) => isOnlySelected(info, ['__typename', 'totalCount']);

type ToUser = (row: UserListRow, context: Context) => UserRecord | null;

const toUserUnlessHidden: ToUser = (row, { viewAs, reads }) => {
  if (!isThere(row)) return null;
  const user = toUserRecord(row);
  noteMeeting(reads, user);
  return asSeenBy(viewAs, user);
};

const catalogueList = (kind: CatalogueKind, list: List<lists.CatalogueListStatements>) => ({
  args: pageArgs,
  resolve: async (owner: UserRecord, args: PageArgs, context: Context, info: GraphQLResolveInfo) => {
    const { request, statement, key } = readList({ owner, args, context }, { list, ids: 'number' });
    if (!key) return { ...emptyConnection(), totalCount: 0 };
    if (isCountAlone(info)) return { ...emptyConnection(), totalCount: list.totalCount(owner) };
    const rows = await catalogueListsOf(context.platform.db, statement, key);
    const page = toConnection(request, rows, {
      toPosition: ({ since, tmdbId }) => ({ at: since, id: String(tmdbId) }),
      toNode: (row): CatalogueRecord => ({ kind, ...row }),
      toSince: ({ since }) => since,
    });
    return { totalCount: list.totalCount(owner), ...page };
  },
});

const catalogueConnection = (kind: CatalogueKind, what: string) =>
  builder.connectionObject(
    {
      type: kind,
      name: `${kind}Connection`,
      description: `A page of ${what}s.`,
      fields: (t) => ({
        totalCount: t.int({
          description: 'In the whole list, whoever looks; 0 where the list is hidden.',
          resolve: ({ totalCount }) => totalCount ?? 0,
        }),
      }),
    },
    {
      name: `${kind}Edge`,
      description: `A ${what} on a list.`,
      fields: (t) => ({
        since: t.field({
          type: 'DateTime',
          nullable: true,
          description: 'When the owner of the list followed it.',
          resolve: sinceOf,
        }),
      }),
    },
  );

const CrewMemberConnection = catalogueConnection('CrewMember', 'crew member');
const StudioConnection = catalogueConnection('Studio', 'studio');

builder.objectFields('User', (t) => ({
  followers: t.field({
    ...userList({
      name: 'followers',
      part: 'profile',
      statements: lists.followers,
      totalCount: ({ followerCount }) => followerCount,
    }),
    description: 'Who follows this user, newest first. Who sees it, `Privacy.profile` says.',
  }),
  following: t.field({
    ...userList({
      name: 'following',
      part: 'profile',
      statements: lists.following,
      totalCount: ({ followingCount }) => followingCount,
    }),
    description: 'Whom this user follows, newest first. Who sees it, `Privacy.profile` says.',
  }),
  followRequests: t.field({
    ...userList({
      name: 'followRequests',
      part: 'own',
      statements: lists.followRequests,
      totalCount: ({ followRequestCount }) => followRequestCount,
    }),
    description: 'Requests to follow that wait for an answer, newest first. The owner and administrators alone.',
  }),
  blockedUsers: t.field({
    ...userList(
      {
        name: 'blockedUsers',
        part: 'own',
        statements: lists.blockedUsers,
        totalCount: ({ blockedCount }) => blockedCount,
      },
      { toNode: toVisibleToAll },
    ),
    description:
      'Whom the owner has blocked, newest first, with what is always visible only. The owner and administrators alone.',
  }),
  followedCrewMembers: t.field({
    type: CrewMemberConnection,
    ...catalogueList('CrewMember', {
      name: 'followedCrewMembers',
      part: 'profile',
      statements: lists.followedCrewMembers,
      totalCount: ({ followedCrewMemberCount }) => followedCrewMemberCount,
    }),
    description: 'The crew members that this user follows, newest first. Who sees it, `Privacy.profile` says.',
  }),
  followedStudios: t.field({
    type: StudioConnection,
    ...catalogueList('Studio', {
      name: 'followedStudios',
      part: 'profile',
      statements: lists.followedStudios,
      totalCount: ({ followedStudioCount }) => followedStudioCount,
    }),
    description: 'The studios that this user follows, newest first. Who sees it, `Privacy.profile` says.',
  }),
}));
