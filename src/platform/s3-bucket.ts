import { createHash } from 'node:crypto';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { Storage } from '../config-values.ts';
import { within } from './time-limit.ts';

/** An object as a list shows it. */
export interface StoredObject {
  name: string;
  writtenAt: Date;
}

/** The few things that are done with a bucket. They throw S3's own errors, or TimeLimitError. */
export interface Bucket {
  put(name: string, bytes: Uint8Array, headers: { type: string; cacheControl: string }): Promise<void>;
  /** Null where there is none. */
  get(name: string): Promise<Buffer | null>;
  /** When it was put last; null where there is none. */
  putAt(name: string): Promise<Date | null>;
  /** Does nothing where there is none. */
  remove(name: string): Promise<void>;
  /** Of the objects whose names begin so, those from `token` on, or the first; and the token of the next page. */
  page(prefix: string, token: string | undefined): Promise<{ objects: StoredObject[]; next: string | undefined }>;
  /** An address by which anyone can fetch it; made here, without the network. */
  sign(method: 'GET' | 'HEAD', name: string): Promise<string>;
  close(): void;
}

/** Of all objects together: beyond it they wait in line, within their time limit. */
const maxSockets = 50;
const connectMs = 2_000;
const attempts = 3;

/** S3 tells the time in whole seconds, so the time of a put stands beside the object, by the clock of who put it. */
const putAtField = 'put-at';

/** Within an hour an object has one signed address, so that browsers and caches keep what they got by it. */
const signatureChangesS = 3_600;

/**
 * Opens a bucket. Keys are looked for where Amazon's tools look for them: in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, in
 * their files, then in the role of the machine. No call takes longer than `limitMs`, new tries included.
 */
export function openBucket(storage: Extract<Storage, { kind: 's3' }>, limitMs: number): Bucket {
  const client = createClient(storage);
  const Bucket = storage.bucket;

  return {
    async put(Key, Body, { type: ContentType, cacheControl: CacheControl }) {
      const ContentMD5 = createHash('md5').update(Body).digest('base64');
      const Metadata = { [putAtField]: new Date().toISOString() };
      const command = new PutObjectCommand({ Bucket, Key, Body, ContentType, CacheControl, ContentMD5, Metadata });
      await limited(limitMs, (call) => client.send(command, call));
    },
    get: (Key) =>
      limited(limitMs, async (call) => {
        const found = await ifThere(client.send(new GetObjectCommand({ Bucket, Key }), call));
        return found?.Body ? Buffer.from(await found.Body.transformToByteArray()) : null;
      }),
    async putAt(Key) {
      const found = await limited(limitMs, (call) =>
        ifThere(client.send(new HeadObjectCommand({ Bucket, Key }), call)),
      );
      return found && toPutAt(found.Metadata?.[putAtField], found.LastModified);
    },
    async remove(Key) {
      await limited(limitMs, (call) => ifThere(client.send(new DeleteObjectCommand({ Bucket, Key }), call)));
    },
    async page(Prefix, ContinuationToken) {
      const command = new ListObjectsV2Command({ Bucket, Prefix, ContinuationToken });
      const { Contents = [], NextContinuationToken } = await limited(limitMs, (call) => client.send(command, call));
      const objects = Contents.flatMap(({ Key, LastModified }) =>
        Key && LastModified ? [{ name: Key, writtenAt: LastModified }] : [],
      );
      return { objects, next: NextContinuationToken };
    },
    sign(method, Key) {
      const command = method === 'GET' ? new GetObjectCommand({ Bucket, Key }) : new HeadObjectCommand({ Bucket, Key });
      const signingDate = new Date(Math.floor(Date.now() / 1000 / signatureChangesS) * signatureChangesS * 1000);
      return within(limitMs, getSignedUrl(client, command, { signingDate, expiresIn: 2 * signatureChangesS }));
    },
    close: () => client.destroy(),
  };
}

function createClient({ region, endpoint, pathStyle }: Extract<Storage, { kind: 's3' }>): S3Client {
  return new S3Client({
    region,
    ...(endpoint && { endpoint }),
    forcePathStyle: pathStyle,
    retryMode: 'standard',
    maxAttempts: attempts,
    // Newer kinds of checksums are refused by some servers. MD5 and the signature's SHA-256 are known to all of them.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Asked for first, larger objects would each get a connection beside those that are counted.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: connectMs,
      httpAgent: { keepAlive: true, maxSockets },
      httpsAgent: { keepAlive: true, maxSockets },
      // It would write to the console when many wait for a connection.
      logger: { debug() {}, info() {}, warn() {}, error() {} },
    },
  });
}

/** Whatever takes too long is broken off, its connection with it. */
async function limited<Result>(
  limitMs: number,
  work: (call: { abortSignal: AbortSignal }) => Promise<Result>,
): Promise<Result> {
  const abort = new AbortController();
  try {
    return await within(limitMs, work({ abortSignal: abort.signal }));
  } catch (error) {
    abort.abort();
    throw error;
  }
}

/** The answer where the object is there, null where not; that the bucket is missing is another error. */
async function ifThere<Output>(answer: Promise<Output>): Promise<Output | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof S3ServiceException && ['NoSuchKey', 'NotFound'].includes(error.name)) return null;
    throw error;
  }
}

/** Without our own note, as of an object that was copied here, the end of the second that S3 tells. */
function toPutAt(noted: string | undefined, lastModified: Date | undefined): Date {
  const time = Date.parse(noted ?? '');
  return new Date(Number.isNaN(time) ? (lastModified?.getTime() ?? 0) + 999 : time);
}
