import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { type DocumentNode, print } from 'graphql';
import { randomId, type TestApp } from './app.ts';
import {
  MeDocument,
  UploadProfilePictureDocument,
  type UploadProfilePictureMutationVariables,
  UpsertPreferencesDocument,
  type UpsertPreferencesInput,
  UpsertPrivacyDocument,
  type UpsertPrivacyInput,
  UpsertProfileDocument,
  type UpsertProfileInput,
} from './operations.ts';

/** An answer as it came. */
export interface Answer<Data> {
  status: number;
  headers: Headers;
  data: Data;
  errors: { message: string; path?: (string | number)[]; extensions: Record<string, unknown> }[] | undefined;
}

type Document<Data, Variables> = string | TypedDocumentNode<Data, Variables>;

/** Somebody who asks: a signed-in user, or, without a token, anybody. */
export interface Person {
  id: string;
  token: string | null;
  /** Asks, and fails the test with query, answer and request id on any error. */
  query<Data, Variables extends object>(document: Document<Data, Variables>, variables?: Variables): Promise<Data>;
  /** Asks, and answers whatever came. */
  ask<Data, Variables extends object>(
    document: Document<Data, Variables>,
    variables?: Variables,
    headers?: Record<string, string>,
  ): Promise<Answer<Data>>;
  me(): Promise<NonNullable<import('./operations.ts').MeQuery['me']>>;
  upsertProfile(input: UpsertProfileInput): Promise<import('./operations.ts').UpsertProfileMutation['upsertProfile']>;
  upsertPreferences(
    input: UpsertPreferencesInput,
  ): Promise<import('./operations.ts').UpsertPreferencesMutation['upsertPreferences']>;
  upsertPrivacy(input: UpsertPrivacyInput): Promise<import('./operations.ts').UpsertPrivacyMutation['upsertPrivacy']>;
  upload(
    file: Buffer,
    options?: { name?: string; type?: string } & Omit<UploadProfilePictureMutationVariables, 'file'>,
  ): Promise<import('./operations.ts').UploadProfilePictureMutation['uploadProfilePicture']>;
}

/** A fresh user, who is there once they asked for anything. */
export async function createPerson(app: TestApp, id = `user_${randomId()}`): Promise<Person> {
  const person = asPerson(app, id, await app.sign({ sub: id }));
  await person.me();
  return person;
}

/** Anybody, without a token. */
export const anonymous = (app: TestApp): Person => asPerson(app, '', null);

/** With a parameter in it, Yoga answers what otherwise goes the short way of JSON: `npm run test:ways`. */
const acceptOfWay: Record<string, string> =
  process.env.VISAGE_TEST_WAY === 'yoga' ? { accept: 'application/json; charset=utf-8' } : {};

/** Whoever has this token. */
export function asPerson(app: TestApp, id: string, token: string | null): Person {
  const authorization: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};

  const send = async <Data>(init: {
    headers: Record<string, string>;
    body: string | FormData;
  }): Promise<Answer<Data>> => {
    const response = await app.fetch(
      new Request('http://visage.test/graphql', {
        method: 'POST',
        headers: { ...authorization, ...init.headers },
        body: init.body,
      }),
    );
    const text = await response.text();
    const { data, errors } = text.startsWith('{')
      ? JSON.parse(text)
      : { data: null, errors: [{ message: text, extensions: {} }] };
    return { status: response.status, headers: response.headers, data, errors };
  };
  const ask: Person['ask'] = (document, variables, headers = {}) =>
    send({
      headers: { 'content-type': 'application/json', ...acceptOfWay, ...headers },
      body: JSON.stringify({ query: toText(document), variables }),
    });
  const query: Person['query'] = async (document, variables) =>
    succeeded(await ask(document, variables), toText(document));

  return {
    id,
    token,
    ask,
    query,
    async me() {
      const { me } = await query(MeDocument);
      if (!me) throw new Error('Nobody is signed in.');
      return me;
    },
    upsertProfile: async (input) => (await query(UpsertProfileDocument, { input })).upsertProfile,
    upsertPreferences: async (input) => (await query(UpsertPreferencesDocument, { input })).upsertPreferences,
    upsertPrivacy: async (input) => (await query(UpsertPrivacyDocument, { input })).upsertPrivacy,
    async upload(file, { name = 'photo.jpg', type = 'image/jpeg', ...variables } = {}) {
      const text = print(UploadProfilePictureDocument);
      const body = toMultipart(text, variables, new File([new Uint8Array(file)], name, { type }));
      return succeeded(await send<import('./operations.ts').UploadProfilePictureMutation>({ headers: {}, body }), text)
        .uploadProfilePicture;
    },
  };
}

/** The body of an upload, by the GraphQL multipart request specification. */
export function toMultipart(query: string, variables: object, file: File): FormData {
  const body = new FormData();
  body.set('operations', JSON.stringify({ query, variables: { ...variables, file: null } }));
  body.set('map', JSON.stringify({ file: ['variables.file'] }));
  body.set('file', file);
  return body;
}

const toText = (document: string | DocumentNode): string => (typeof document === 'string' ? document : print(document));

function succeeded<Data>({ data, errors, status, headers }: Answer<Data>, query: string): Data {
  if (!errors && status === 200) return data;
  throw new Error(
    `Expected an answer without errors, and got ${status}, request ${headers.get('x-request-id')}.\n${query}\n${JSON.stringify({ data, errors }, null, 2)}`,
  );
}
