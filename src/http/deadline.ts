/**
 * A machine that slept, or whose clock was set, has another time, and timers that know nothing of it. Shorter than what
 * Node's timers hold, too: one of more than 31 bits would fire at once.
 */
const lookEveryMs = 10_000;

/** How long an open stream outlives its token, at most 5 minutes: less what timers may be late. */
export const graceMs = 5 * 60_000 - lookEveryMs;

/** How long what is open of a deleted user stays so, for the answer that says so to get through; at most 5 seconds. */
export const farewellMs = 1_000;

/**
 * Calls back at an instant, in milliseconds since 1970, however far away it is; 10 s after it at the latest, where the time
 * jumped over it. Doesn't keep the process alive.
 */
export function createDeadline(atMs: number, onReached: () => void): { clear(): void } {
  let timer: NodeJS.Timeout;
  const wait = () => {
    const leftMs = atMs - Date.now();
    if (leftMs <= 0) return onReached();
    timer = setTimeout(wait, Math.min(leftMs, lookEveryMs)).unref();
  };
  timer = setTimeout(wait, 0).unref();
  return { clear: () => clearTimeout(timer) };
}
