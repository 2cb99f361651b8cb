import SchemaBuilder from '@pothos/core';
import ErrorsPlugin from '@pothos/plugin-errors';
import PrismaPlugin from '@pothos/plugin-prisma';
import RelayPlugin from '@pothos/plugin-relay';
import ScopeAuthPlugin from '@pothos/plugin-scope-auth';
import { RequestError } from '../errors.ts';
import type PrismaTypes from '../generated/pothos.ts';
import { getDatamodel } from '../generated/pothos.ts';
import type { EventRecord } from '../modules/event/record.ts';
import type { CatalogueRecord } from '../modules/follow/record.ts';
import type { PictureRecord, UserRecord } from '../modules/user/record.ts';
import type { Context } from './context.ts';
import { decodeGlobalId, encodeGlobalId } from './global-id.ts';

/** A part of a user that is an object of its own in the API; everything of it stands in the owner's record. */
export interface Owned {
  owner: UserRecord;
}

export interface SchemaTypes {
  Context: Context;
  PrismaTypes: PrismaTypes;
  DefaultFieldNullability: false;
  DefaultEdgesNullability: { list: false; items: false };
  DefaultNodeNullability: false;
  /** How many there are in all, where a list tells. */
  Connection: { totalCount?: number | null };
  /** So that rooms name each other's types by string. */
  Objects: {
    User: UserRecord;
    Profile: Owned;
    Preferences: Owned;
    Privacy: Owned;
    Event: EventRecord;
    ProfilePicture: PictureRecord;
    CrewMember: CatalogueRecord;
    Studio: CatalogueRecord;
    ProfilePictureUpdate: UserRecord;
  };
  AuthScopes: { signedIn: boolean };
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: Date; Output: Date };
    File: { Input: File; Output: never };
  };
}

/** The schema under construction. The rooms add their types to it; `src/schema.ts` gathers them. */
export const builder = new SchemaBuilder<SchemaTypes>({
  // Scope-auth stands before errors, so that "not signed in" stays a GraphQL error and joins no result union; prisma
  // comes after both, so that they see its fields as they see all others.
  plugins: [ScopeAuthPlugin, ErrorsPlugin, PrismaPlugin, RelayPlugin],
  defaultFieldNullability: false,
  scopeAuth: {
    authorizeOnSubscribe: true,
    authScopes: ({ viewer }) => ({ signedIn: viewer !== null }),
    unauthorizedError: () => new RequestError('UNAUTHENTICATED', 'Sign in first: this needs a session token.'),
  },
  errors: {
    directResult: true,
    defaultUnionOptions: {
      name: ({ fieldName }) => `${capitalised(fieldName)}Result`,
      description: 'What came of it, or a mistake that a person can mend.',
    },
  },
  prisma: { client: ({ platform }) => platform.db.prisma, dmmf: getDatamodel() },
  relay: {
    encodeGlobalID: (typename, id) => encodeGlobalId(typename, String(id)),
    decodeGlobalID: decodeGlobalId,
    // A malformed id must not take the others of `nodes` with it, so both fields are our own: see node.ts.
    nodeQueryOptions: false,
    nodesQueryOptions: false,
    idFieldOptions: { description: 'Found again by `node`; opaque.' },
    cursorType: 'String',
    edgesFieldOptions: {
      nullable: { list: false, items: false },
      description: 'The rows of this page, in the order of the list.',
    },
    nodeFieldOptions: { nullable: false, description: 'What is listed.' },
    cursorFieldOptions: { description: 'Where the row stands in this list; opaque.' },
    pageInfoFieldOptions: { description: 'Where the page stands in the list.' },
    pageInfoTypeOptions: { description: 'Where a page stands in its list.' },
    hasNextPageFieldOptions: { description: 'Whether there is more after this page.' },
    hasPreviousPageFieldOptions: { description: 'Whether there is more before this page.' },
    startCursorFieldOptions: { description: 'Of the first row.' },
    endCursorFieldOptions: { description: 'Of the last row.' },
    nodeTypeOptions: { description: 'Anything that has an id.' },
  },
});

builder.queryType({ description: 'What can be asked.' });
builder.mutationType({ description: 'What can be changed. All of it needs a signed-in user.' });
builder.subscriptionType({ description: 'What can be followed as it changes, over WebSocket or server-sent events.' });

function capitalised(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
