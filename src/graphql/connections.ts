import { builder } from './builder.ts';
import type { Connection } from './pages.ts';

/** Arguments of every list; `readPageArgs` reads them. */
export const pageArgs = builder.args((t) => ({
  first: t.int({ description: 'From the start: 1 to 100; 20 if nothing is given.' }),
  after: t.string({ description: 'A cursor of this list: what comes after it.' }),
  last: t.int({ description: 'From the end: 1 to 100. Not together with `first`.' }),
  before: t.string({ description: 'A cursor of this list: what comes before it.' }),
}));

/** When the relation that put a node on its list was made. */
export const sinceOf = (edge: object): Date | null => (edge as Connection<unknown>['edges'][number]).since ?? null;

/** A page of users, wherever they are listed. */
export const UserConnection = builder.connectionObject(
  {
    type: 'User',
    name: 'UserConnection',
    description:
      'A page of users. It may show fewer than it counts: whom the viewer has blocked, or is blocked by, is left out.',
    fields: (t) => ({
      totalCount: t.int({
        nullable: true,
        description:
          'In the whole list, whoever looks. Null where the list is hidden, and where counting would cost more than the page (search).',
        resolve: ({ totalCount }) => totalCount ?? null,
      }),
    }),
  },
  {
    name: 'UserEdge',
    description: 'A user on a list.',
    fields: (t) => ({
      since: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'When the follow, request or block that put the user on this list was made.',
        resolve: sinceOf,
      }),
    }),
  },
);
