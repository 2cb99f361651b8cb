import { fileURLToPath } from 'node:url';
import { type Documents, documents } from './documents.ts';
import { newerNode } from './newer-node.ts';
import { postgraphileDocuments, translatePostgraphile } from './postgraphile-documents.ts';

/** A server that is measured. */
export interface Candidate {
  title: string;
  /** The package whose version tables show; none for what comes with Node. */
  packageName?: string;
  documents: Documents;
  /** The Node that runs it. */
  node(): string;
  /** The file that Node runs. */
  program: string;
  /** The data of an answer as Visage would give them. */
  translate(data: unknown): unknown;
  /** What it finds in its environment besides. */
  env?: Record<string, string>;
  /** Measured only where it is named. */
  isExtra?: boolean;
}

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const asIs = (data: unknown) => data;
const likeVisage = { documents, node: () => process.execPath, translate: asIs };

/** The first is what the others are multiples of. */
export const candidates = {
  limit: {
    ...likeVisage,
    title: 'the limit: node:http and pg, one statement, JSON built by PostgreSQL',
    program: path('candidates/limit.mjs'),
  },
  visage: {
    ...likeVisage,
    title: 'Visage',
    program: path('../dist/main.js'),
    // As `npm run start:production` has it.
    env: { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '33554432' },
  },
  mercurius: {
    ...likeVisage,
    title: 'Mercurius on Fastify: jit, loaders, pg',
    packageName: 'mercurius',
    program: path('candidates/mercurius.mjs'),
  },
  mercuriusPrepared: {
    ...likeVisage,
    title: 'Mercurius, the same with prepared statements',
    packageName: 'mercurius',
    program: path('candidates/mercurius.mjs'),
    env: { PREPARED: 'true' },
    isExtra: true,
  },
  apollo: {
    ...likeVisage,
    title: 'Apollo Server on Fastify: DataLoader, pg',
    packageName: '@apollo/server',
    program: path('candidates/apollo.mjs'),
  },
  postgraphile: {
    title: 'PostGraphile: amber preset, functions in SQL',
    packageName: 'postgraphile',
    documents: postgraphileDocuments,
    node: newerNode,
    program: path('candidates/postgraphile.mjs'),
    translate: translatePostgraphile,
  },
} satisfies Record<string, Candidate>;

export type CandidateName = keyof typeof candidates;
