import { rateLimited } from '../errors.ts';

/** Lets only so many tasks run at once; the rest wait in line, first come, first served. */
export interface Gate {
  /** Runs the task when its turn comes, and answers as it does. Throws what `full` makes where the line is full. */
  run<Result>(task: () => Promise<Result>, turn?: Turn): Promise<Result>;
  /** Resolves when nothing runs and nothing waits. */
  drain(): Promise<void>;
}

/** What counts of a task while it waits. */
export interface Turn {
  /** How many places it takes while it runs, a whole number; all that there are where it asks for more. Default: 1. */
  places?: number;
  /** Whose it is, for `perOwner`. */
  owner?: string;
  /** Aborted while the task waits, it leaves the line, and `run` throws the signal's reason. */
  signal?: AbortSignal;
}

/** How many places there are, how many tasks may wait for one, and what a task that finds the line full gets. */
export interface GateOptions {
  concurrency: number;
  queueLimit: number;
  /** How many tasks of one owner may run at once; their next ones let those of others pass. Default: any number. */
  perOwner?: number;
  /** A task that has waited for so long gets what one gets that finds the line full. Default: it waits on. */
  waitLimitMs?: number;
  /** Told in how many seconds the line will have moved on, judging by recent tasks; default: RATE_LIMITED. */
  full?: (waitS: number) => Error;
}

interface Ticket extends Pick<Turn, 'owner'> {
  places: number;
  isIn: boolean;
  /** Called when its turn has come. */
  onTurn?: () => void;
}

/** Weight of the newest task in the moving average of durations. */
const newestWeight = 0.2;

/** For work that is bound by memory or CPU: an unbounded crowd of it would take the server down. */
export function createGate(options: GateOptions): Gate {
  const { concurrency, queueLimit, waitLimitMs } = options;
  const { full = (waitS) => rateLimited('The server is busy. Try again soon.', waitS) } = options;
  const inside = createInside(options);
  const line: Ticket[] = [];
  const drained: (() => void)[] = [];
  let averageS = 0;

  const refusal = () => full((averageS * line.length) / Math.max(1, inside.running()));

  /** Nobody passes one who only waits for more places: those who need many would wait for ever. */
  const admit = () => {
    for (let at = 0; at < line.length && inside.free() > 0; ) {
      const next = line[at] as Ticket;
      if (inside.isHeldBack(next)) at++;
      else if (next.places > inside.free()) return;
      else {
        line.splice(at, 1);
        inside.add(next);
        next.onTurn?.();
      }
    }
  };

  const leaveLine = (ticket: Ticket) => {
    line.splice(line.indexOf(ticket), 1);
    // Who stood behind may have waited for this one alone.
    admit();
  };

  const awaitTurn = (ticket: Ticket, signal: AbortSignal | undefined) =>
    new Promise<void>((resolve, reject) => {
      const giveUp = (reason: unknown) => {
        leaveLine(ticket);
        reject(reason);
      };
      const onAbort = () => {
        clearTimeout(timer);
        giveUp(signal?.reason);
      };
      const onTimeout = () => {
        signal?.removeEventListener('abort', onAbort);
        giveUp(refusal());
      };
      const timer = waitLimitMs === undefined ? undefined : setTimeout(onTimeout, waitLimitMs);
      signal?.addEventListener('abort', onAbort, { once: true });
      ticket.onTurn = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
    });

  const enter = async (ticket: Ticket, signal: AbortSignal | undefined) => {
    signal?.throwIfAborted();
    line.push(ticket);
    admit();
    if (ticket.isIn) return;
    if (line.length > queueLimit) {
      const error = refusal();
      leaveLine(ticket);
      throw error;
    }
    await awaitTurn(ticket, signal);
  };

  return {
    async run(task, { places = 1, owner, signal } = {}) {
      const ticket: Ticket = {
        places: Math.min(places, concurrency),
        isIn: false,
        ...(owner !== undefined && { owner }),
      };
      await enter(ticket, signal);
      const startedAt = performance.now();
      try {
        return await task();
      } finally {
        const tookS = (performance.now() - startedAt) / 1000;
        averageS = averageS === 0 ? tookS : averageS + newestWeight * (tookS - averageS);
        inside.remove(ticket);
        admit();
        if (inside.running() === 0) for (const resolve of drained.splice(0)) resolve();
      }
    },
    async drain() {
      if (inside.running() > 0) await new Promise<void>((resolve) => drained.push(resolve));
    },
  };
}

/** Counts who runs. */
function createInside({ concurrency, perOwner = Number.POSITIVE_INFINITY }: GateOptions) {
  const ofOwners = new Map<string, number>();
  let running = 0;
  let taken = 0;

  const count = ({ owner, places }: Ticket, change: 1 | -1) => {
    running += change;
    taken += change * places;
    if (owner === undefined) return;
    const ofOwner = (ofOwners.get(owner) ?? 0) + change;
    if (ofOwner === 0) ofOwners.delete(owner);
    else ofOwners.set(owner, ofOwner);
  };

  return {
    running: () => running,
    free: () => concurrency - taken,
    isHeldBack: ({ owner }: Ticket) => owner !== undefined && (ofOwners.get(owner) ?? 0) >= perOwner,
    add(ticket: Ticket) {
      ticket.isIn = true;
      count(ticket, 1);
    },
    remove: (ticket: Ticket) => count(ticket, -1),
  };
}
