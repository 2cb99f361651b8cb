import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { rateLimited } from '../errors.ts';
import type { Redis } from './redis.ts';

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

export interface RateLimitsOptions {
  /** Off: everything passes. */
  isOn: boolean;
  /** Null: each process counts for itself. */
  redis: Redis | null;
}

/** Counts in Redis, for all processes together; in this one where there is none, and while it is away. */
export function createRateLimits({ isOn, redis }: RateLimitsOptions): RateLimits {
  if (!isOn) return { take: async () => undefined };
  const limiters = new Map(
    Object.entries(allowances).map(([what, { points, durationS }]) => {
      const inMemory = new RateLimiterMemory({ keyPrefix: what, points, duration: durationS });
      return [what, redis ? sharedLimiter(redis, inMemory) : inMemory];
    }),
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

/** Whoever is past the allowance is refused without asking Redis again. */
const sharedLimiter = (redis: Redis, insurance: RateLimiterMemory) =>
  new RateLimiterRedis({
    storeClient: { eval: redis.runScript },
    useRedisPackage: true,
    keyPrefix: `visage:${insurance.keyPrefix}`,
    points: insurance.points,
    duration: insurance.duration,
    inMemoryBlockOnConsumed: insurance.points,
    insuranceLimiter: insurance,
  });
