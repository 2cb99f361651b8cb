import { type HttpRequest, header } from './exchange.ts';

/** Positions of the first and last byte, both included; `unsatisfiable` where none of those asked for are there. */
export type ByteRange = { first: number; last: number } | 'unsatisfiable';

/**
 * The part of a file of so many bytes that a request asks for (RFC 9110, 14.1.2); null for all of it. Several parts at once
 * are answered by the whole, as are ranges that can't be read: a server may, and no picture is worth taking apart twice.
 */
export function readByteRange(
  request: Pick<HttpRequest, 'method' | 'headers'>,
  { bytes, etag }: { bytes: number; etag: string },
): ByteRange | null {
  const asked = header(request, 'range');
  // A part is of use only to who has another part of the same content; a date says too little about that.
  const condition = header(request, 'if-range');
  if (request.method !== 'GET' || asked === undefined || (condition !== undefined && condition !== etag)) return null;
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/i.exec(asked) ?? [];
  if (from === '') return to === '' ? null : toSuffix(Number(to), bytes);
  const [first, last] = [Number(from), to === '' ? Number.POSITIVE_INFINITY : Number(to)];
  if (last < first) return null;
  return first < bytes ? { first, last: Math.min(last, bytes - 1) } : 'unsatisfiable';
}

const toSuffix = (length: number, bytes: number): ByteRange =>
  length > 0 && bytes > 0 ? { first: Math.max(0, bytes - length), last: bytes - 1 } : 'unsatisfiable';
