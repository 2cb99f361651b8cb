import type { DeletedUsers } from '../platform/deleted-users.ts';
import type { Authenticated } from './authentication.ts';
import { createDeadline, graceMs as defaultGraceMs, farewellMs } from './deadline.ts';

type Bytes = ReadableStream<Uint8Array>;

/** How long a client may take nothing of what waits for it, until it is cut off. */
const defaultStuckAfterMs = 30_000;

/** Server-sent events that are under way. */
export interface EventStreams {
  /** The same stream, which ends with its viewer's token, or soon after its viewer is deleted; else not by itself. */
  limit(source: Bytes, authenticated: Pick<Authenticated, 'viewer' | 'expiresAtMs'>): Bytes;
  /** Ends all of them. */
  close(): void;
}

interface EventStreamsOptions {
  graceMs?: number | undefined;
  /** How long a client may take nothing of what waits for it; default 30 s. */
  stuckAfterMs?: number | undefined;
  deletedUsers: DeletedUsers;
}

interface OpenStream {
  viewerId: string | null;
  end(): void;
  /** In milliseconds since 1970; a later call counts alone. */
  endAt(atMs: number): void;
}

/**
 * A stream that is ended here is cut off, without the event that says "complete": clients take it for a lost connection
 * and come back, with a fresh token, or to another instance. `graceMs` is how long one outlives its token.
 */
export function createEventStreams(options: EventStreamsOptions): EventStreams {
  const { graceMs = defaultGraceMs, stuckAfterMs = defaultStuckAfterMs, deletedUsers } = options;
  const open = new Set<OpenStream>();
  deletedUsers.watch({
    forget(userId) {
      for (const stream of open) if (stream.viewerId === userId) stream.endAt(Date.now() + farewellMs);
    },
    heldUserIds: () => [...open].flatMap(({ viewerId }) => viewerId ?? []),
  });

  const limit: EventStreams['limit'] = (source, { viewer, expiresAtMs }) => {
    const events = source[Symbol.asyncIterator]();
    // Yoga's stream begins with the first read: cancelled before it, it would leave its subscription open.
    let first: ReturnType<typeof events.next> | null = events.next();
    // Nobody reads it where the client has left meanwhile.
    first.catch(() => {});
    let deadline: ReturnType<typeof createDeadline> | undefined;
    let stuckTimer: NodeJS.Timeout | undefined;
    const stream: OpenStream = {
      viewerId: viewer?.id ?? null,
      end: () => {},
      endAt(atMs) {
        deadline?.clear();
        deadline = createDeadline(atMs, () => stream.end());
      },
    };
    const letGo = () => {
      open.delete(stream);
      deadline?.clear();
      clearTimeout(stuckTimer);
      // Not the iterator's `return`, which would wait for the event that is being waited for.
      source.cancel().catch(() => {});
    };
    const begin = (controller: ReadableStreamDefaultController<Uint8Array>) => {
      stream.end = () => {
        letGo();
        // Whoever hasn't taken what was sent doesn't get to its end, and would keep the connection.
        if (stuckTimer) controller.error(new Error('Its time is up.'));
        else controller.close();
      };
      open.add(stream);
      if (viewer && deletedUsers.has(viewer.id)) stream.endAt(Date.now() + farewellMs);
      else if (expiresAtMs !== null) stream.endAt(expiresAtMs + graceMs);
    };
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
      // Whoever asks for more has taken all before.
      clearTimeout(stuckTimer);
      stuckTimer = undefined;
      const { done, value } = await (first ?? events.next()).catch((error) => {
        // It ends by that: what would end it later finds nothing to end.
        letGo();
        throw error;
      });
      first = null;
      if (!open.has(stream)) return;
      if (done) return stream.end();
      controller.enqueue(value);
      stuckTimer = setTimeout(() => {
        letGo();
        controller.error(new Error('Nobody takes what is sent.'));
      }, stuckAfterMs).unref();
    };
    // Nothing is made ahead, so that what waits is one state, and what comes after it the newest.
    return new ReadableStream<Uint8Array>({ start: begin, pull, cancel: letGo }, { highWaterMark: 0 });
  };

  return {
    limit,
    close() {
      for (const stream of open) stream.end();
    },
  };
}
