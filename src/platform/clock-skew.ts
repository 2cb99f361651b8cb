/**
 * By how many milliseconds a clock is certainly off: what was asked for between two moments of this machine's clock was told
 * some time between them.
 */
export function certainSkewMs(told: { fromMs: number; toMs: number }, asked: { fromMs: number; toMs: number }): number {
  return Math.max(0, told.fromMs - asked.toMs, asked.fromMs - told.toMs);
}

/**
 * By how many milliseconds a server's clock is certainly off from this machine's; null where it doesn't tell the time. Throws
 * where the server can't be reached.
 */
export async function readClockSkew(url: string, timeoutMs: number): Promise<number | null> {
  const fromMs = Date.now();
  const response = await fetch(url, { method: 'HEAD', redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) });
  const toldMs = Date.parse(response.headers.get('date') ?? '');
  // In whole seconds.
  return Number.isNaN(toldMs)
    ? null
    : certainSkewMs({ fromMs: toldMs, toMs: toldMs + 1_000 }, { fromMs, toMs: Date.now() });
}
