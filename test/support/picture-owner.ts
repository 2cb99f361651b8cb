import pg from 'pg';
import { notificationChannel } from '../../src/platform/postgres-listener.ts';
import type { TestApp } from './app.ts';
import { createPerson, type Person } from './person.ts';
import { photo } from './pictures.ts';

/** What the tests of versions ask of one. */
export interface Version {
  __typename: 'ProfilePicture';
  id: string;
  version: number;
  isActive: boolean;
  width: number;
  height: number;
  altText: string | null;
  deletedAt: string | null;
  url: string;
  variants: { size: number }[];
  originalName: string | null;
  originalMimeType: string | null;
  originalBytes: number | null;
}

/** What the tests ask of the state after a change. */
export interface PictureState {
  __typename: 'ProfilePictureUpdate';
  userId: string;
  revision: number;
  updatedAt: string;
  imageUrl: string;
  picture: { version: number; isActive: boolean; deletedAt: string | null } | null;
}

/** A mistake that a person can mend. */
export interface Mistake {
  __typename: 'NotFoundError' | 'InvalidInputError' | 'FileTooLargeError' | 'UnsupportedImageError';
  message: string;
  fields?: { path: string }[];
}

/** A square in pixels of the upright picture. */
export interface Crop {
  left: number;
  top: number;
  size: number;
}

export interface VersionPage {
  edges: { cursor: string; node: Version }[];
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string | null; endCursor: string | null };
}

/** Somebody who changes their picture. */
export interface PictureOwner extends Person {
  /** Uploads that many small photos. */
  uploadPhotos(count: number): Promise<void>;
  recrop(version: number, crop: Crop): Promise<Version | Mistake>;
  changeAltText(version: number, altText?: string | null): Promise<Version | Mistake>;
  restore(version: number): Promise<PictureState | Mistake>;
  /** The active one if left out. */
  remove(version?: number | null): Promise<PictureState | Mistake>;
  versions(page?: {
    first?: number;
    after?: string | null;
    last?: number;
    before?: string | null;
  }): Promise<VersionPage>;
  /** The names of what was done to the account, oldest first. */
  audited(): Promise<string[]>;
}

const mistake = '... on UserError { message } ... on InvalidInputError { fields { path } }';
export const versionFields = `id version isActive width height altText deletedAt url variants { size }
  originalName originalMimeType originalBytes`;
const state = 'userId revision updatedAt imageUrl picture { version isActive deletedAt }';

export async function createPictureOwner(app: TestApp): Promise<PictureOwner> {
  const person = await createPerson(app);
  const change = async <Result>(field: string, parameters: string, variables: object, selection: string) => {
    const args = Object.keys(variables).map((name) => `${name}: $${name}`);
    const text = `mutation (${parameters}) { ${field}(${args}) { __typename ${selection} } }`;
    const data = await person.query<Record<string, Result>, object>(text, variables);
    return data[field] as Result;
  };
  const asVersion = `... on ProfilePicture { ${versionFields} } ${mistake}`;
  const asState = `... on ProfilePictureUpdate { ${state} } ... on UserError { message }`;

  return {
    ...person,
    async uploadPhotos(count) {
      for (let at = 0; at < count; at++) await person.upload(await photo([100, 80]));
    },
    recrop: (version, crop) =>
      change('recropProfilePicture', '$version: Int!, $crop: CropInput!', { version, crop }, asVersion),
    changeAltText: (version, altText = null) =>
      change('changePictureAltText', '$version: Int!, $altText: String', { version, altText }, asVersion),
    restore: (version) => change('restoreProfilePicture', '$version: Int!', { version }, asState),
    remove: (version) => change('deleteProfilePicture', '$version: Int', { version }, asState),
    async versions(page = {}) {
      const query = `query ($first: Int, $after: String, $last: Int, $before: String) {
        me { pictures(first: $first, after: $after, last: $last, before: $before) {
          edges { cursor node { ${versionFields} } }
          pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        } }
      }`;
      const { me } = await person.query<{ me: { pictures: VersionPage } }, object>(query, page);
      return me.pictures;
    },
    async audited() {
      const entries = await app.platform.db.prisma.auditEntry.findMany({
        where: { userId: person.id },
        orderBy: { id: 'asc' },
      });
      return entries.map(({ action }) => action);
    },
  };
}

/** Hears every announcement of a database, none left out, however fast they come. */
export async function listenToPictures({ database }: Pick<TestApp, 'database'>) {
  const client = new pg.Client({ connectionString: database.connectionString });
  await client.connect();
  await client.query(`listen ${notificationChannel}`);
  const heard: { userId: string; revision: number }[] = [];
  client.on('notification', ({ payload = '' }) => heard.push(JSON.parse(payload)));
  return {
    /** The revisions that were announced of a user since the last call, in their order. */
    async takeRevisions({ id }: Person): Promise<number[]> {
      // PostgreSQL sends what was announced before a statement no later than its answer.
      await client.query('select 1');
      const mine = heard.splice(0).filter(({ userId }) => userId === id);
      return mine.map(({ revision }) => revision);
    },
    close: () => client.end(),
  };
}
