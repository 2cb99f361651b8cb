import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Candidate, type CandidateName, candidates } from './candidates.ts';
import type { Cast } from './cast.ts';
import type { BenchDatabase } from './database.ts';
import { type Server, startServer } from './server.ts';

/** A candidate whose servers run. */
export interface Running {
  /** What tables and the connections to PostgreSQL call it. */
  name: string;
  candidate: Candidate;
  database: BenchDatabase;
  cast: Cast;
  servers: Server[];
}

/** Where the address of a picture begins, for all of them. */
const publicUrl = 'https://profiles.example.com';

export interface Start {
  name: string;
  candidate: CandidateName;
  database: BenchDatabase;
  cast: Cast;
  /** Server processes; default 1. */
  processes?: number;
  /** Where profiles of its processor time go; default nowhere. */
  profiles?: string | null;
}

/** Starts what was asked for, lets `work` have it, and stops all of it in the end, whatever happened. */
export async function withRunning<Result>(
  starts: readonly Start[],
  work: (running: Running[]) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'visage-bench-'));
  const running: Running[] = [];
  try {
    for (const start of starts) {
      const { name, candidate, database, cast, processes = 1 } = start;
      const entry: Running = { name, candidate: candidates[candidate], database, cast, servers: [] };
      running.push(entry);
      for (let number = 1; number <= processes; number++) {
        entry.servers.push(await startServer(launchOf(start, join(folder, `${name}-${number}.log`), folder)));
      }
    }
    const result = await work(running);
    await rm(folder, { recursive: true, force: true });
    return result;
  } finally {
    await Promise.all(running.flatMap(({ servers }) => servers.map((server) => server.stop())));
  }
}

/** In production and with every default: what the candidates don't know, they don't look at. */
function launchOf({ name, candidate, database, cast, profiles }: Start, log: string, folder: string) {
  const { node, program, env: ownEnv }: Candidate = candidates[candidate];
  const profileArgs = profiles ? ['--cpu-prof', `--cpu-prof-dir=${resolve(profiles)}`] : [];
  const url = new URL(database.url);
  url.searchParams.set('application_name', applicationName(name));
  const env = {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PUBLIC_URL: publicUrl,
    DATABASE_URL: url.href,
    DATA_DIR: folder,
    CLERK_JWT_KEY: cast.publicKey,
    PUBLIC_KEY: cast.publicKey,
    SCHEMA: fileURLToPath(new URL('../schema.graphql', import.meta.url)),
    ...ownEnv,
  };
  // Not the project's folder: a developer's .env is none of the bench's business.
  return { command: node(), args: [...profileArgs, program], cwd: folder, env, log };
}

/** By which PostgreSQL's processes that serve it are known. */
export const applicationName = (name: string): string => `bench ${name}`;
