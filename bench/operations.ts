import type { Cast, Viewer } from './cast.ts';
import type { Documents } from './documents.ts';
import type { Sequence } from './load.ts';

/** A GraphQL request. */
export interface Ask {
  viewer: Viewer;
  document: keyof Documents;
  variables: Record<string, unknown>;
}

/** Something that clients do, and how often it may cost what the limit and the peers take. */
export interface Operation {
  title: string;
  /** Requests that follow each other, of many users. */
  asks(cast: Cast, cursors: ReadonlyMap<Viewer, string>): Ask[][];
  /** In a slice, where fewer users than usual ask, each of whom may ask only so often. */
  maxRequests?: number;
}

/** By this movie the bench finds again what it recorded. */
export const benchMovieId = 999_999_999;

const recorded = { type: 'RATING', movieId: benchMovieId, rating: 7.5 };

export const operations = {
  me: {
    title: '`me` with profile, preferences, privacy, picture',
    asks: ({ viewers }) => viewers.map((viewer) => [{ viewer, document: 'me', variables: {} }]),
  },
  page: {
    title: 'profile page: counts, 20 followers with picture and `viewerFollow`',
    asks: ({ viewers, targets }) =>
      viewers.map((viewer, index) => [
        { viewer, document: 'page', variables: { username: targets[index % targets.length] } },
      ]),
  },
  events: {
    title: 'own events, 50, first page',
    asks: ({ busy }) => busy.map((viewer) => [{ viewer, document: 'events', variables: { after: null } }]),
  },
  deepEvents: {
    title: 'own events, 50, 1,000th page',
    asks: ({ heavy }, cursors) =>
      heavy.map((viewer) => [{ viewer, document: 'events', variables: { after: cursors.get(viewer) } }]),
    maxRequests: 250,
  },
  record: {
    title: '`recordEvent`',
    asks: ({ viewers }) => viewers.map((viewer) => [{ viewer, document: 'record', variables: { input: recorded } }]),
  },
  follow: {
    title: '`follow`, `unfollow`',
    asks: ({ viewers, strangers }) =>
      viewers.flatMap((viewer, index) => {
        const variables = { target: { userId: strangers[index] } };
        return strangers[index]
          ? [[{ viewer, document: 'follow', variables } as const, { viewer, document: 'unfollow', variables } as const]]
          : [];
      }),
  },
} satisfies Record<string, Operation>;

export type OperationName = keyof typeof operations;

/** The requests as they are sent to a server that understands these documents. */
export const toSequences = (asks: readonly Ask[][], documents: Documents): Sequence[] =>
  asks.flatMap((steps) => {
    const [first] = steps;
    return first ? [{ token: first.viewer.token, bodies: steps.map((ask) => toBody(ask, documents)) }] : [];
  });

export const toBody = ({ document, variables }: Ask, documents: Documents): string => {
  const query = documents[document];
  if (query === undefined) throw new Error(`Expected a document for ${document}, and there is none.`);
  const [, operationName] = /^(?:query|mutation) (\w+)/.exec(query) ?? [];
  return JSON.stringify({ query, variables, operationName });
};
