import { createHash } from 'node:crypto';
import type { SignedRequest } from './s3-signature.ts';

export interface S3Object {
  bytes: Buffer;
  lastModified: Date;
  /** Those that come back with it. */
  headers: Record<string, string>;
}

export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/** The one that is there. */
export const bucket = 'visage-pictures';

/** The object's name; empty for the bucket itself, and null for another bucket. */
export function nameOf({ path, headers }: SignedRequest): string | null {
  if (headers.host?.startsWith(`${bucket}.`)) return decodeURIComponent(path.slice(1));
  const [name, ...rest] = path.slice(1).split('/');
  return name === bucket ? decodeURIComponent(rest.join('/')) : null;
}

const toReply = (status: number, headers: Record<string, string> = {}, body: string | Buffer = ''): Reply => ({
  status,
  headers,
  body: Buffer.from(body),
});
const toXml = (content: string) => `<?xml version="1.0" encoding="UTF-8"?>\n${content}`;
const xml = { 'content-type': 'application/xml' };

/** An error in S3's own form, by default with the status that belongs to its code. */
export const toError = (code: string, status = statuses[code] ?? 403): Reply =>
  toReply(status, xml, toXml(`<Error><Code>${code}</Code><Message>The stand-in says ${code}.</Message></Error>`));
const statuses: Record<string, number> = {
  AuthorizationHeaderMalformed: 400,
  BadDigest: 400,
  MethodNotAllowed: 405,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  XAmzContentSHA256Mismatch: 400,
};

interface Shelf {
  objects: Map<string, S3Object>;
  pageSize: number;
}

/** Does what was asked for with an object, or with the bucket where `name` is empty. */
export function route({ method, query, headers, body }: SignedRequest, name: string, shelf: Shelf): Reply {
  const { objects } = shelf;
  if (!name) return method === 'GET' ? list(query, shelf) : toError('MethodNotAllowed');
  if (method === 'PUT') {
    const kept = Object.entries(headers).filter(([field]) =>
      /^(content-type|cache-control|x-amz-meta-.+)$/.test(field),
    );
    objects.set(name, { bytes: body, lastModified: new Date(), headers: Object.fromEntries(kept) as never });
    return toReply(200, { etag: etagOf(body) });
  }
  if (method === 'DELETE') {
    objects.delete(name);
    return toReply(204);
  }
  const found = objects.get(name);
  if (!found) return toError('NoSuchKey');
  const { bytes, lastModified } = found;
  const told = { ...found.headers, etag: etagOf(bytes), 'last-modified': lastModified.toUTCString() };
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? [];
  if (first === undefined) return toReply(200, told, bytes);
  const part = bytes.subarray(Number(first), last ? Number(last) + 1 : undefined);
  const range = `bytes ${first}-${Number(first) + part.length - 1}/${bytes.length}`;
  return toReply(206, { ...told, 'content-range': range }, part);
}

function list(query: URLSearchParams, { objects, pageSize }: Shelf): Reply {
  const after = query.get('continuation-token') ?? '';
  const names = [...objects.keys()].filter((name) => name.startsWith(query.get('prefix') ?? '') && name > after).sort();
  const page = names.slice(0, pageSize);
  const contents = page.map((name) => {
    // S3 tells whole seconds.
    const at = objects
      .get(name)
      ?.lastModified.toISOString()
      .replace(/\d{3}Z$/, '000Z');
    return `<Contents><Key>${name}</Key><LastModified>${at}</LastModified></Contents>`;
  });
  const next = names.length > page.length ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '';
  return toReply(
    200,
    xml,
    toXml(`<ListBucketResult>${contents.join('')}<IsTruncated>${next !== ''}</IsTruncated>${next}</ListBucketResult>`),
  );
}

const etagOf = (bytes: Buffer) => `"${createHash('md5').update(bytes).digest('hex')}"`;
