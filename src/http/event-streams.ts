import type { DeletedUsers } from '../platform/deleted-users.ts';
import type { Authenticated } from './authentication.ts';
import { createDeadline, graceMs as defaultGraceMs, farewellMs } from './deadline.ts';

type Bytes = ReadableStream<Uint8Array>;

/** Server-sent events that are under way. */
export interface EventStreams {
  /** The same stream, which ends with its viewer's token, or soon after its viewer is deleted; else not by itself. */
  limit(source: Bytes, authenticated: Pick<Authenticated, 'viewer' | 'expiresAtMs'>): Bytes;
  /** Ends all of them. */
  close(): void;
}

interface EventStreamsOptions {
  graceMs?: number | undefined;
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
export function createEventStreams({ graceMs = defaultGraceMs, deletedUsers }: EventStreamsOptions): EventStreams {
  const open = new Set<OpenStream>();
  deletedUsers.watch({
    forget(userId) {
      for (const stream of open) if (stream.viewerId === userId) stream.endAt(Date.now() + farewellMs);
    },
    heldUserIds: () => [...open].flatMap(({ viewerId }) => viewerId ?? []),
  });

  const limit: EventStreams['limit'] = (source, { viewer, expiresAtMs }) => {
    const events = source[Symbol.asyncIterator]();
    let deadline: ReturnType<typeof createDeadline> | undefined;
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
      // Not the iterator's `return`, which would wait for the event that is being waited for.
      source.cancel().catch(() => {});
    };
    return new ReadableStream<Uint8Array>({
      start(controller) {
        stream.end = () => {
          letGo();
          controller.close();
        };
        open.add(stream);
        if (viewer && deletedUsers.has(viewer.id)) stream.endAt(Date.now() + farewellMs);
        else if (expiresAtMs !== null) stream.endAt(expiresAtMs + graceMs);
      },
      async pull(controller) {
        const { done, value } = await events.next();
        if (!open.has(stream)) return;
        if (done) stream.end();
        else controller.enqueue(value);
      },
      cancel: letGo,
    });
  };

  return {
    limit,
    close() {
      for (const stream of open) stream.end();
    },
  };
}
