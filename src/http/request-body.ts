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
