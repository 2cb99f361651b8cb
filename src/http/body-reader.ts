import type { IncomingMessage } from 'node:http';
import { cutShort, readLength, tooLarge, tooSlow } from './request-body.ts';

/** How long a body may stand still, and how long it may take in all, from when it was asked for. */
export interface BodyTimes {
  idleMs: number;
  totalMs: number;
}

/** An upload that is being read has room that others wait for. The largest is in time at 176 kB a second, a usual photo at 10. */
export const bodyTimes: BodyTimes = { idleMs: 10_000, totalMs: 60_000 };

/** What comes in chunks says not how much it is. */
const firstBytes = 16 * 1024;

/**
 * Reads a whole body into one piece of memory: put together in the end, it would need twice as much. Throws
 * PAYLOAD_TOO_LARGE past the limit, REQUEST_TIMEOUT for one that comes too slowly, and BAD_USER_INPUT for one that ends early.
 */
export function readBody(
  message: IncomingMessage,
  limitBytes: number,
  { idleMs, totalMs }: BodyTimes = bodyTimes,
): Promise<Buffer> {
  let body: Buffer = Buffer.allocUnsafe(readLength(message.headers, limitBytes) ?? firstBytes);
  let length = 0;
  return new Promise((resolve, reject) => {
    const finish = () => {
      clearTimeout(idle);
      clearTimeout(total);
      message.off('data', take).off('end', end).off('error', leave);
    };
    const refuse = (error: Error) => {
      finish();
      message.pause();
      reject(error);
    };
    const take = (chunk: Buffer) => {
      idle.refresh();
      if (length + chunk.length > limitBytes) return refuse(tooLarge(limitBytes));
      if (length + chunk.length > body.length) body = grown(body, length + chunk.length);
      length += chunk.copy(body, length);
    };
    const end = () => {
      finish();
      resolve(body.subarray(0, length));
    };
    const leave = () => {
      finish();
      reject(cutShort());
    };
    const idle = setTimeout(() => refuse(tooSlow(`some of the body every ${idleMs / 1000} seconds`)), idleMs);
    const total = setTimeout(() => refuse(tooSlow(`the whole body within ${totalMs / 1000} seconds`)), totalMs);
    message.on('data', take).on('end', end).on('error', leave);
  });
}

/**
 * A body that is there already, without waiting for it: all that was announced, though Node may not have come to its end yet.
 * Throws PAYLOAD_TOO_LARGE past the limit.
 */
export function takeWhole(message: IncomingMessage, limitBytes: number): Buffer | null {
  const { complete, readableLength } = message;
  if (!complete && (readableLength === 0 || readableLength !== readLength(message.headers, limitBytes))) return null;
  if (readableLength > limitBytes) throw tooLarge(limitBytes);
  const body: Buffer = message.read() ?? Buffer.alloc(0);
  // To its end, at which Node lets go of it.
  if (!complete) message.resume();
  return body;
}

/** Doubled, so that little is copied; what was read of it comes along. */
function grown(body: Buffer, leastBytes: number): Buffer {
  const larger = Buffer.allocUnsafe(Math.max(leastBytes, body.length * 2));
  body.copy(larger);
  return larger;
}
