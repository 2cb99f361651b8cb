import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { rateLimited } from '../errors.ts';

/** What is counted, for each signed-in user, or for each address where nobody is signed in. */
export type RateLimited = 'requests' | 'uploads';

/** Generous for people and their tabs, tight for scripts. Points in a time. */
const allowances: Record<RateLimited, { points: number; durationS: number }> = {
  requests: { points: 600, durationS: 60 },
  uploads: { points: 30, durationS: 60 },
};

export interface RateLimits {
  /** Counts one. Throws RATE_LIMITED, with the seconds to wait, past the allowance. */
  take(what: RateLimited, who: string): Promise<void>;
}

/** Counts in this process; off, it lets everything pass. */
export function createRateLimits(isOn: boolean): RateLimits {
  if (!isOn) return { take: async () => undefined };
  const limiters = new Map(
    Object.entries(allowances).map(([what, { points, durationS }]) => [
      what,
      new RateLimiterMemory({ keyPrefix: what, points, duration: durationS }),
    ]),
  );
  return {
    async take(what, who) {
      try {
        await limiters.get(what)?.consume(who);
      } catch (refusal) {
        if (!(refusal instanceof RateLimiterRes)) throw refusal;
        const { points, durationS } = allowances[what];
        throw rateLimited(`Expected at most ${points} ${what} in ${durationS} seconds.`, refusal.msBeforeNext / 1000);
      }
    },
  };
}
