import type { CandidateName } from './candidates.ts';
import type { OperationName } from './operations.ts';

/** At most so many times the processor time that another takes, and what was decided for each operation. */
export const targets: Record<OperationName, Partial<Record<CandidateName, number>>> = {
  me: { limit: 1.4, mercurius: 0.4, postgraphile: 0.3 },
  page: { limit: 1.4, mercurius: 0.45, postgraphile: 0.4 },
  events: { limit: 1.5, mercurius: 1.2, postgraphile: 0.45 },
  deepEvents: { limit: 1.5, mercurius: 1.2, postgraphile: 0.45 },
  record: { limit: 1.3, mercurius: 1.2, postgraphile: 0.4 },
  follow: { limit: 1.4, mercurius: 0.7, postgraphile: 0.25 },
};

/** The slowest request in a hundred may take so many times as long as one in the middle. */
export const maxTailRatio = 4;

/** Processor time a request, as a multiple of the smallest database's. */
export const maxGrowth = 1.3;

/** Processor time a request with several processes, as a multiple of one's. */
export const maxProcessesRatio = 1.1;

export const maxMemoryMb = 200;
