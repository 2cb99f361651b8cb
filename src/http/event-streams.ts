import { createDeadline, graceMs as defaultGraceMs } from './deadline.ts';

type Bytes = ReadableStream<Uint8Array>;

/** Server-sent events that are under way. */
export interface EventStreams {
  /** The same stream, which ends with its token's time; null: never by itself. */
  limit(source: Bytes, expiresAtMs: number | null): Bytes;
  /** Ends all of them. */
  close(): void;
}

/**
 * A stream that is ended here is cut off, without the event that says "complete": clients take it for a lost connection
 * and come back, with a fresh token, or to another instance. `graceMs` is how long one outlives its token.
 */
export function createEventStreams({ graceMs = defaultGraceMs }: { graceMs?: number | undefined } = {}): EventStreams {
  const ends = new Set<() => void>();

  const limit: EventStreams['limit'] = (source, expiresAtMs) => {
    const events = source[Symbol.asyncIterator]();
    let deadline: ReturnType<typeof createDeadline> | undefined;
    let end = () => {};
    const letGo = () => {
      ends.delete(end);
      deadline?.clear();
      // Not the iterator's `return`, which would wait for the event that is being waited for.
      source.cancel().catch(() => {});
    };
    return new ReadableStream<Uint8Array>({
      start(controller) {
        end = () => {
          letGo();
          controller.close();
        };
        ends.add(end);
        if (expiresAtMs !== null) deadline = createDeadline(expiresAtMs + graceMs, end);
      },
      async pull(controller) {
        const { done, value } = await events.next();
        if (!ends.has(end)) return;
        if (done) end();
        else controller.enqueue(value);
      },
      cancel: letGo,
    });
  };

  return {
    limit,
    close() {
      for (const end of ends) end();
    },
  };
}
