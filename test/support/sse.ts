/** One operation over server-sent events, whose results wait until the test asks for them. */
export interface EventStream {
  /** The next result; null once the stream is complete. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever was asked for.
  next(): Promise<any>;
  /** Goes away, as a closed tab does. */
  close(): void;
}

const open = new Set<AbortController>();

/** Closes whatever the test left open. */
export function closeEventStreams(): void {
  for (const gone of open) gone.abort();
  open.clear();
}

/** Starts an operation at a real address. */
export async function openEventStream(
  address: string,
  { token, query, variables }: { token: string | null; query: string; variables?: object },
): Promise<EventStream> {
  const gone = new AbortController();
  open.add(gone);
  const response = await fetch(new URL('/graphql', address), {
    method: 'POST',
    signal: gone.signal,
    headers: {
      accept: 'text/event-stream',
      'content-type': 'application/json',
      ...(token && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ query, variables }),
  });
  if (response.status !== 200 || !response.body) throw new Error(`Expected a stream, and got ${response.status}.`);
  const events = readEvents(response.body);
  return {
    async next() {
      const { value } = await events.next();
      return value?.event === 'next' ? JSON.parse(value.data) : null;
    },
    close: () => gone.abort(),
  };
}

interface ServerSentEvent {
  event: string;
  data: string;
}

/** Events of a stream, comments aside. */
async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    yield* blocks.map(toEvent).filter(({ event }) => event !== '');
  }
}

function toEvent(block: string): ServerSentEvent {
  const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1] ?? '';
  return { event: field('event'), data: field('data') };
}
