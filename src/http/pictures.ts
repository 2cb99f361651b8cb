import { renderInitials } from '../modules/picture/initials.ts';
import { isStoreKey, type PictureStore, signedForS } from '../platform/picture-store.ts';
import { readByteRange } from './byte-range.ts';
import { type HttpReply, type HttpRequest, header, plainReply } from './exchange.ts';

/** Anyone may show what is here, and nothing in it is run. */
const openHeaders = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; sandbox",
  'cross-origin-resource-policy': 'cross-origin',
  'access-control-allow-origin': '*',
};

/** The address of a file is the hash of its content, so that it can be kept for ever. */
const pictureHeaders = {
  ...openHeaders,
  'cache-control': 'public, max-age=31536000, immutable',
  'accept-ranges': 'bytes',
};

/** The signed address that it leads to ends some time later. */
const redirectHeaders = { ...openHeaders, 'cache-control': `public, max-age=${signedForS - 60}` };

const passing = { 'cache-control': 'no-store' };

/** `GET /pictures/…`: stored pictures and generated initials; 404 for anything odd. */
export async function servePicture(request: HttpRequest, name: string, pictures: PictureStore): Promise<HttpReply> {
  const { method } = request;
  if (method !== 'GET' && method !== 'HEAD')
    return plainReply(405, 'Expected GET.', { ...passing, allow: 'GET, HEAD' });
  const initials = findInitials(name);
  if (initials) return serve(request, name, initials);
  // Only what the store published: the private upright copies have names of their own, which this never asks for.
  const key = `public/${name}`;
  if (!isStoreKey(key)) return notFound();
  const location = await pictures.addressOf(key, method);
  if (location) return { status: 302, headers: { ...redirectHeaders, location } };
  const bytes = await pictures.read(key);
  return bytes ? serve(request, name, { type: 'image/webp', bytes }) : notFound();
}

const notFound = () => plainReply(404, 'Not found.', passing);

interface Found {
  type: string;
  bytes: Buffer;
}

function findInitials(name: string): Found | null {
  const svg = name.startsWith('initials/') ? renderInitials(name.slice('initials/'.length)) : null;
  return svg === null ? null : { type: 'image/svg+xml', bytes: Buffer.from(svg) };
}

function serve(request: HttpRequest, name: string, { type, bytes }: Found): HttpReply {
  const etag = `"${name}"`;
  const headers = { ...pictureHeaders, etag };
  if (isFresh(request, etag)) return { status: 304, headers };
  const range = readByteRange(request, { bytes: bytes.length, etag });
  if (range === 'unsatisfiable') {
    const told = { ...openHeaders, ...passing, 'content-range': `bytes */${bytes.length}` };
    return plainReply(416, `Expected a range within ${bytes.length} bytes.`, told);
  }
  const body = range ? bytes.subarray(range.first, range.last + 1) : bytes;
  return {
    status: range ? 206 : 200,
    headers: {
      ...headers,
      'content-type': type,
      'content-length': String(body.length),
      ...(range && { 'content-range': `bytes ${range.first}-${range.last}/${bytes.length}` }),
    },
    body: request.method === 'HEAD' ? null : body,
  };
}

function isFresh(request: HttpRequest, etag: string): boolean {
  const known = header(request, 'if-none-match')?.split(',') ?? [];
  return known.map((tag) => tag.trim()).some((tag) => tag === '*' || tag.replace(/^W\//, '') === etag);
}
