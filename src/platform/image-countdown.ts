import { TimeLimitError } from './time-limit.ts';

/** Whole seconds that are left, at least 1, counted since it was first asked. Throws TimeLimitError where none is left. */
export type Countdown = () => number;

/** libvips takes whole seconds, and 0 for any time. */
export function createCountdown(seconds: number): Countdown {
  let endsAt: number | undefined;
  return () => {
    endsAt ??= performance.now() + seconds * 1000;
    const left = Math.ceil((endsAt - performance.now()) / 1000);
    if (left < 1) throw new TimeLimitError(`not done in ${seconds} s`);
    return left;
  };
}
