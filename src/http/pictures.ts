import { renderInitials } from '../modules/picture/initials.ts';
import { isStoreKey, type PictureStore } from '../platform/picture-store.ts';
import { type HttpReply, type HttpRequest, header, plainReply } from './exchange.ts';

/** The address of a file is the hash of its content, so that it can be kept for ever. */
const pictureHeaders = {
  'cache-control': 'public, max-age=31536000, immutable',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; sandbox",
  'cross-origin-resource-policy': 'cross-origin',
  'access-control-allow-origin': '*',
};

/** `GET /pictures/…`: stored pictures and generated initials; 404 for anything odd. */
export async function servePicture(request: HttpRequest, name: string, pictures: PictureStore): Promise<HttpReply> {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (!isRead) return plainReply(405, 'Expected GET.', { allow: 'GET, HEAD' });
  const found = findInitials(name) ?? (await findPicture(name, pictures));
  if (!found) return plainReply(404, 'Not found.', { 'cache-control': 'no-store' });
  const headers = { ...pictureHeaders, etag: `"${name}"` };
  if (isFresh(request, headers.etag)) return { status: 304, headers };
  return {
    status: 200,
    headers: { ...headers, 'content-type': found.type, 'content-length': String(found.bytes.length) },
    body: request.method === 'HEAD' ? null : found.bytes,
  };
}

interface Found {
  type: string;
  bytes: Buffer;
}

function findInitials(name: string): Found | null {
  const svg = name.startsWith('initials/') ? renderInitials(name.slice('initials/'.length)) : null;
  return svg === null ? null : { type: 'image/svg+xml', bytes: Buffer.from(svg) };
}

/** Only what the store published: the private upright copies have names of their own, which this never asks for. */
async function findPicture(name: string, pictures: PictureStore): Promise<Found | null> {
  const key = `public/${name}`;
  const bytes = isStoreKey(key) ? await pictures.read(key) : null;
  return bytes && { type: 'image/webp', bytes };
}

function isFresh(request: HttpRequest, etag: string): boolean {
  const known = header(request, 'if-none-match')?.split(/,\s*/) ?? [];
  return known.some((tag) => tag === '*' || tag.replace(/^W\//, '') === etag);
}
