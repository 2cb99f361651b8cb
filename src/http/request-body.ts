import type { IncomingHttpHeaders } from 'node:http';
import { RequestError } from '../errors.ts';
import { type HttpRequest, header } from './exchange.ts';

/** Bytes of a body by its type. A file may have 10 MiB; what surrounds it in a multipart body has 64 kB. */
export const bodyLimits = {
  'application/json': 100_000,
  'application/x-www-form-urlencoded': 100_000,
  'multipart/form-data': 10 * 1024 * 1024 + 64 * 1024,
} as const;

export type MediaType = keyof typeof bodyLimits;
const mediaTypes = Object.keys(bodyLimits) as MediaType[];

/** The body's type, without parameters. Throws for one that isn't accepted: 415. */
export function readMediaType(request: HttpRequest, accepted: readonly MediaType[] = mediaTypes): MediaType {
  const given = header(request, 'content-type')?.split(';')[0]?.trim().toLowerCase() ?? '';
  const mediaType = accepted.find((type) => type === given);
  if (mediaType) return mediaType;
  const message = `Expected a content type of ${accepted.join(', ')}, and got ${given.slice(0, 60) || 'none'}.`;
  throw new RequestError('UNSUPPORTED_MEDIA_TYPE', message, { status: 415 });
}

/** The body's length as its client announced it; null where it comes in chunks. Throws PAYLOAD_TOO_LARGE past the limit. */
export function readLength(headers: IncomingHttpHeaders, limitBytes: number): number | null {
  const announced = headers['content-length'];
  if (announced === undefined) return null;
  if (Number(announced) > limitBytes) throw tooLarge(limitBytes);
  return Number(announced);
}

/** The error of a body that is larger than its kind may be. */
export const tooLarge = (limitBytes: number) =>
  new RequestError('PAYLOAD_TOO_LARGE', `Expected a body of at most ${limitBytes} bytes.`, { status: 413 });

/** The client left before its body was whole: nothing of ours is wrong, and nobody reads the answer. */
export const cutShort = () => new RequestError('BAD_USER_INPUT', 'Expected the whole body.', { status: 400 });

/** The body came too slowly. */
export const tooSlow = (expected: string) =>
  new RequestError('REQUEST_TIMEOUT', `Expected ${expected}.`, { status: 408 });
