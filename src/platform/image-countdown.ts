import { TimeLimitError } from './time-limit.ts';

/** The time in which work is to be done, counted since it was first asked for. */
export interface Countdown {
  /** Less than 0 where it is over. */
  msLeft(): number;
  /** At least 1, since libvips takes whole seconds, and 0 for any time. Throws TimeLimitError where none is left. */
  secondsLeft(): number;
}

export function createCountdown(seconds: number): Countdown {
  let endsAt: number | undefined;
  const msLeft = () => {
    endsAt ??= performance.now() + seconds * 1000;
    return endsAt - performance.now();
  };
  return {
    msLeft,
    secondsLeft() {
      const left = Math.ceil(msLeft() / 1000);
      if (left < 1) throw new TimeLimitError(`not done in ${seconds} s`);
      return left;
    },
  };
}
