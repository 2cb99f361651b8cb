import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Open at the same time, and kept alive, as clients do. */
export const connections = 16;

/** Requests of one user that follow each other on one connection. */
export interface Sequence {
  token: string;
  bodies: string[];
}

export interface Job {
  /** The name of what was prepared. */
  script: string;
  /** Of the servers among which the connections are shared out. */
  ports: number[];
  connections: number;
  /** After which it ends; sequences that have begun are finished. */
  requests: number;
}

export interface Outcome {
  /** Answered. */
  requests: number;
  /** Of each request but the first on its connection: all begin at the same moment, of one who did something else before. */
  latenciesMs: number[];
  failure: string | null;
}

/** The process that plays the clients. */
export interface Load {
  /** What the job of that name sends, over and over; each goes on where the last one ended. */
  prepare(name: string, sequences: Sequence[]): void;
  /** Throws if an answer isn't one, or has errors. */
  run(job: Job): Promise<Outcome>;
  close(): void;
}

export function startLoad(): Load {
  const child = fork(fileURLToPath(new URL('load-process.ts', import.meta.url)));
  const ended = once(child, 'exit').then(() => {
    throw new Error('The process that plays the clients ended.');
  });
  // Nobody waits for it while nothing is sent.
  ended.catch(() => undefined);
  return {
    prepare: (name, sequences) => void child.send({ name, sequences }),
    async run(job) {
      const answered = Promise.race([once(child, 'message') as Promise<[Outcome]>, ended]);
      child.send({ job });
      const [outcome] = await answered;
      if (outcome.failure) throw new Error(outcome.failure);
      return outcome;
    },
    close: () => child.disconnect(),
  };
}
