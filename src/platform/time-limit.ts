/** Whoever was asked didn't answer in time; what was asked may still be done. */
export class TimeLimitError extends Error {
  override name = 'TimeLimitError';
}

/** What the promise brings; throws TimeLimitError if that takes longer. */
export async function within<Value>(timeoutMs: number, promise: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeLimitError(`no answer in ${timeoutMs} ms`)), timeoutMs);
  });
  return Promise.race([promise, timeout]).finally(() => clearTimeout(timer));
}
