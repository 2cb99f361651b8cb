/**
 * Like `Promise.all`, but where one fails, it waits for the others too: what they take is still taken. Throws what the first of
 * them threw.
 */
export async function allSettled<Results extends readonly unknown[]>(
  work: {
    [At in keyof Results]: Promise<Results[At]>;
  },
): Promise<Results> {
  await Promise.allSettled(work);
  return (await Promise.all(work)) as unknown as Results;
}
