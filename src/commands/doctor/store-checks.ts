import { stat, statfs } from 'node:fs/promises';
import type { Storage } from '../../config-values.ts';
import type { PictureStore } from '../../platform/picture-store.ts';
import { type Finding, failed, ok, skipped, warning } from './examination.ts';

/** Below it an afternoon of uploads fills the disk. */
const scarceBytes = 1024 ** 3;

/** Whether files can be written, read and removed, and how much room a folder has. Leaves nothing behind. */
export const checkStore = (pictures: PictureStore, storage: Storage): Promise<Finding> =>
  storage.kind === 'disk' ? checkFolder(pictures, storage.folder) : checkBucket(pictures, storage);

async function checkFolder(pictures: PictureStore, folder: string): Promise<Finding> {
  if (!(await isThere(folder))) {
    const advice = 'The server makes it when it starts; a volume that should be mounted there is not';
    return warning(`"${folder}" is not there yet`, advice);
  }
  try {
    await pictures.check();
  } catch (error) {
    const { code, message } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
    const advice = 'The user that runs the server has to be able to write there, and the disk must not be full';
    return failed(`"${folder}" can't be written and read (${code ?? message})`, advice);
  }
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const found = `"${folder}" can be written and read, ${(free / 1024 ** 3).toFixed(1)} GiB are free`;
  return free < scarceBytes ? warning(found, 'Make room') : ok(found);
}

async function checkBucket(pictures: PictureStore, { bucket }: Extract<Storage, { kind: 's3' }>): Promise<Finding> {
  try {
    await pictures.check();
    for await (const _ of pictures.list()) break;
    return ok(`bucket "${bucket}" can be written, read and listed`);
  } catch (error) {
    const { code, name, message } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
    const found = `bucket "${bucket}" can't be written, read and listed (${code ?? name}: ${message.replace(/\.$/, '')})`;
    const [, advice] = bucketAdvice.find(([names]) => names.test(name)) ?? [];
    return failed(found, advice ?? 'Look at bucket, endpoint and pathStyle in STORAGE_URL, at DNS and at the firewall');
  }
}

/** What to do about errors of S3's and of its client's, by their names. */
const bucketAdvice: [names: RegExp, advice: string][] = [
  [/^CredentialsProviderError$/, 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role'],
  [
    /^(InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|ExpiredToken)$/,
    'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY have to be keys for where STORAGE_URL leads',
  ],
  [
    /^(AccessDenied|Forbidden)$/,
    'The keys need s3:ListBucket on the bucket, and s3:GetObject, s3:PutObject and s3:DeleteObject on what is in it',
  ],
  [/^NoSuchBucket$/, 'Make it, or correct its name in STORAGE_URL'],
  [
    /^(PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraintException)$/,
    "region in STORAGE_URL has to be the bucket's",
  ],
  [/^RequestTimeTooSkewed$/, 'Set the clock of this machine'],
];

async function isThere(folder: string): Promise<boolean> {
  try {
    return (await stat(folder)) !== null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Whether the files that the database names are in this store. */
export async function checkFiles(pictures: PictureStore, keys: string[]): Promise<Finding> {
  if (keys.length === 0) return skipped('no picture was uploaded yet');
  const missing: string[] = [];
  for (const key of keys) if (!(await pictures.read(key))) missing.push(key);
  if (missing.length === 0) return ok(`all ${keys.length} files of the newest versions are there`);
  const advice =
    'STORAGE_URL or DATA_DIR names another folder or bucket than they were stored in, or a volume is missing';
  return failed(`${missing.length} of ${keys.length} files of the newest versions are missing`, advice);
}
