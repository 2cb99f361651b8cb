import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** A request as it came over the wire. */
export interface SignedRequest {
  method: string;
  /** Percent-encoded as it came, without the query. */
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface SigningKeys {
  accessKeyId: string;
  secretAccessKey: string;
  region: string;
}

/** What S3 calls a request that it doesn't believe; null where signature, time, region and content are right. */
export function findForgery(request: SignedRequest, keys: SigningKeys): string | null {
  const claim = readClaim(request);
  if (!claim) return 'AccessDenied';
  const { credential, signedHeaders, signature, date, expiresS, payloadHash } = claim;
  const [accessKeyId, day, region, service, terminator] = credential.split('/');
  if (accessKeyId !== keys.accessKeyId) return 'InvalidAccessKeyId';
  if (region !== keys.region || service !== 's3' || terminator !== 'aws4_request')
    return 'AuthorizationHeaderMalformed';
  const time = toTime(date);
  const ageS = (Date.now() - time) / 1000;
  if (!date.startsWith(`${day}T`) || Number.isNaN(time)) return 'AuthorizationHeaderMalformed';
  if (expiresS === null && Math.abs(ageS) > 900) return 'RequestTimeTooSkewed';
  // Expired, or not valid yet, or valid for more than a week.
  if (expiresS !== null && !(ageS >= -900 && ageS < expiresS && expiresS <= 604_800)) return 'AccessDenied';
  if (!signedHeaders.includes('host')) return 'AccessDenied';

  const text = [
    request.method,
    request.path,
    canonicalQuery(request.query),
    ...signedHeaders.map((name) => `${name}:${String(request.headers[name] ?? '').trim()}`),
    '',
    signedHeaders.join(';'),
    payloadHash,
  ].join('\n');
  const scope = [day, region, service, terminator].join('/');
  const expected = hmac(
    ['s3', 'aws4_request'].reduce(hmac, hmac(hmac(`AWS4${keys.secretAccessKey}`, day ?? ''), region)),
    ['AWS4-HMAC-SHA256', date, scope, sha256(text)].join('\n'),
  );
  const given = Buffer.from(signature, 'hex');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return 'SignatureDoesNotMatch';
  return findDamage(request, payloadHash);
}

interface Claim {
  credential: string;
  signedHeaders: string[];
  signature: string;
  /** As 20261121T180000Z. */
  date: string;
  /** Of an address that was signed for others; null: of the sender's own request. */
  expiresS: number | null;
  payloadHash: string;
}

function readClaim({ headers, query }: SignedRequest): Claim | null {
  const pattern = /^AWS4-HMAC-SHA256 Credential=(\S+?), ?SignedHeaders=(\S+?), ?Signature=([0-9a-f]{64})$/;
  const [, credential, signedHeaders, signature] = pattern.exec(headers.authorization ?? '') ?? [];
  if (credential && signedHeaders && signature) {
    const [date, payloadHash] = [headers['x-amz-date'], headers['x-amz-content-sha256']].map(String);
    const own = { credential, signedHeaders: signedHeaders.split(';'), signature, expiresS: null };
    return { ...own, date: date ?? '', payloadHash: payloadHash ?? '' };
  }
  if (query.get('X-Amz-Algorithm') !== 'AWS4-HMAC-SHA256') return null;
  return {
    credential: query.get('X-Amz-Credential') ?? '',
    signedHeaders: (query.get('X-Amz-SignedHeaders') ?? '').split(';'),
    signature: query.get('X-Amz-Signature') ?? '',
    date: query.get('X-Amz-Date') ?? '',
    expiresS: Number(query.get('X-Amz-Expires') ?? Number.NaN),
    payloadHash: query.get('X-Amz-Content-Sha256') ?? 'UNSIGNED-PAYLOAD',
  };
}

/** The content isn't what was signed, or what its sender counted. */
function findDamage({ body, headers }: SignedRequest, payloadHash: string): string | null {
  if (payloadHash !== 'UNSIGNED-PAYLOAD' && payloadHash !== sha256(body)) return 'XAmzContentSHA256Mismatch';
  const md5 = headers['content-md5'];
  return md5 !== undefined && md5 !== createHash('md5').update(body).digest('base64') ? 'BadDigest' : null;
}

const canonicalQuery = (query: URLSearchParams): string =>
  [...query]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');

/** RFC 3986, stricter than encodeURIComponent. */
const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

const toTime = (date: string) =>
  Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
