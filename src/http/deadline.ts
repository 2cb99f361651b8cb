/** How long an open stream outlives its token, at most 5 minutes: less what clocks and timers may be off. */
export const graceMs = 5 * 60_000 - 10_000;

/** How long what is open of a deleted user stays so, for the answer that says so to get through; at most 5 seconds. */
export const farewellMs = 1_000;

/** Node's timers hold 31 bits; a longer one would fire at once. */
const longestTimerMs = 2 ** 31 - 1;

/** Calls back at an instant, in milliseconds since 1970, however far away it is. Doesn't keep the process alive. */
export function createDeadline(atMs: number, onReached: () => void): { clear(): void } {
  let timer: NodeJS.Timeout;
  const wait = () => {
    const leftMs = atMs - Date.now();
    if (leftMs <= 0) return onReached();
    timer = setTimeout(wait, Math.min(leftMs, longestTimerMs)).unref();
  };
  timer = setTimeout(wait, 0).unref();
  return { clear: () => clearTimeout(timer) };
}
