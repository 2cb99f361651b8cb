import { connections, type Load, type Outcome } from './load.ts';
import { type Ask, toSequences } from './operations.ts';
import { backendsOf, processorTimes, spentBetween } from './processor-time.ts';
import { applicationName, type Running } from './running.ts';
import { median, quantile } from './statistics.ts';

/** How much is measured. Counted in requests, so that a slow server gets as warm as a fast one, on any machine. */
export interface Pace {
  rounds: number;
  requestsPerSlice: number;
  warmUpRequests: number;
}

/** What one candidate took for one operation in one round, a request. */
export interface Slice {
  serverMs: number;
  postgresMs: number;
  p50Ms: number;
  p99Ms: number;
  requests: number;
}

/** The slices of an operation, by the name of who was measured, in the order of the rounds. */
export type Slices = ReadonlyMap<string, Slice[]>;

/** What is measured, and how much of it. */
export interface Measurement {
  asksOf: (entry: Running) => Promise<Ask[][]>;
  pace: Pace;
  /** In a slice, where fewer users than usual ask, each of whom may ask only so often. */
  maxRequests?: number | undefined;
}

/**
 * Measures one operation. The candidates take turns, in each round another one begins, and what happens to the machine
 * meanwhile happens to all of them.
 */
export async function measure(load: Load, running: readonly Running[], options: Measurement): Promise<Slices> {
  const { asksOf, pace, maxRequests = Number.POSITIVE_INFINITY } = options;
  for (const entry of running) {
    load.prepare(entry.name, toSequences(await asksOf(entry), entry.candidate.documents));
    await warmUp(load, entry, Math.min(pace.warmUpRequests, maxRequests));
  }
  const slices = new Map(running.map(({ name }) => [name, [] as Slice[]]));
  for (let round = 0; round < pace.rounds; round++) {
    const first = round % running.length;
    for (const entry of [...running.slice(first), ...running.slice(0, first)]) {
      const slice = await measureSlice(load, entry, Math.min(pace.requestsPerSlice, maxRequests));
      slices.get(entry.name)?.push(slice);
    }
  }
  return slices;
}

/** Each process by itself: half of the requests would leave two of them half as warm as one. */
async function warmUp(load: Load, { name, servers }: Running, requests: number): Promise<void> {
  for (const { port } of servers) await load.run({ script: name, ports: [port], connections, requests });
}

async function measureSlice(load: Load, entry: Running, requests: number): Promise<Slice> {
  const ports = entry.servers.map(({ port }) => port);
  const before = await look(entry);
  // Whoever starts another process has more clients than before: each has as many as one alone, and as many requests.
  const outcome = await load.run({
    script: entry.name,
    ports,
    connections: connections * ports.length,
    requests: requests * ports.length,
  });
  const after = await look(entry);
  return toSlice(outcome, {
    serverNs: spentBetween(before.servers, after.servers),
    postgresNs: spentBetween(before.backends, after.backends),
  });
}

async function look({ name, servers, database: { client } }: Running) {
  const backends = await backendsOf(client, applicationName(name));
  return {
    servers: await processorTimes(servers.map(({ pid }) => pid)),
    backends: await processorTimes(backends),
  };
}

function toSlice(
  { requests, latenciesMs }: Outcome,
  { serverNs, postgresNs }: { serverNs: number; postgresNs: number },
): Slice {
  return {
    serverMs: serverNs / 1e6 / requests,
    postgresMs: postgresNs / 1e6 / requests,
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
    requests,
  };
}

export const totalMs = ({ serverMs, postgresMs }: Slice): number => serverMs + postgresMs;

/** How many times as much one takes as another: the median of the rounds' own ratios, since a busy machine slows both. */
export function ratioOf(slices: Slices, name: string, base: string): number {
  const bases = slices.get(base) ?? [];
  return median((slices.get(name) ?? []).map((slice, round) => totalMs(slice) / totalMs(bases[round] as Slice)));
}
