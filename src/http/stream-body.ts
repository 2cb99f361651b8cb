import type { ServerResponse } from 'node:http';

/**
 * Sends a body that is made while it is sent, each part once the kernel took the one before: whoever makes it makes nothing
 * ahead, and knows by being asked for more that all before was taken. A client that leaves cancels it; a body that fails
 * cuts its client off.
 */
export async function sendStream(body: ReadableStream<Uint8Array>, response: ServerResponse): Promise<void> {
  const reader = body.getReader();
  // Also while a part is on its way to somebody who takes nothing.
  reader.closed.catch(() => response.destroy());
  response.once('close', () => void reader.cancel().catch(() => undefined));
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return void response.end();
      await write(response, value);
    }
  } catch {
    response.destroy();
  }
}

const write = (response: ServerResponse, part: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    response.write(part, (error) => (error ? reject(error) : resolve()));
  });
