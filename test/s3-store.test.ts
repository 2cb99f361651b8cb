import dns from 'node:dns';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type PictureStore, toPictureKey, toSourceKey } from '../src/platform/picture-store.ts';
import { createS3Shelf, openBucketStore, type S3Shelf, stubKeys } from './support/picture-shelves.ts';
import type { S3Server } from './support/s3-server.ts';

const bytes = Buffer.from('a picture');
const key = toPictureKey(bytes);
const away = { code: 'SERVICE_UNAVAILABLE', status: 503 };

let shelf: S3Shelf;
let s3: S3Server;
let store: PictureStore;
beforeEach(async () => {
  shelf = await createS3Shelf();
  ({ s3, store } = shelf);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await shelf.close();
});

/** Opens another store on the same bucket, for the time of the test. */
async function withStore<Result>(
  work: (store: PictureStore) => Promise<Result>,
  { limitMs = 30_000, ...settings }: Parameters<S3Server['url']>[0] & { limitMs?: number } = {},
): Promise<Result> {
  const other = openBucketStore(s3.url({ prefix: 'some/pictures', ...settings }), limitMs);
  try {
    return await work(other);
  } finally {
    await other.close();
  }
}

const causeOf = async (work: Promise<unknown>): Promise<Error> => {
  const error = await work.then(
    () => Promise.reject(new Error('It did not fail.')),
    (thrown) => thrown,
  );
  expect(error).toMatchObject(away);
  return error.cause;
};

const settled = async (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error) => error.code,
  );

describe('a bucket', () => {
  test('has published files with all that a browser needs to keep them, and private ones that nobody keeps', async () => {
    await store.put(key, bytes);
    await store.put(toSourceKey(bytes), bytes);
    expect(s3.objects.get(`some/pictures/${key}`)?.headers).toMatchObject({
      'content-type': 'image/webp',
      'cache-control': 'public, max-age=31536000, immutable',
    });
    expect(s3.objects.get(`some/pictures/${toSourceKey(bytes)}`)?.headers).toMatchObject({
      'cache-control': 'private, no-store',
    });
  });

  test('needs no prefix', async () => {
    await withStore(
      async (plain) => {
        await plain.put(key, bytes);
        expect([...s3.objects.keys()]).toEqual([key]);
        for await (const found of plain.list()) expect(found.key).toBe(key);
      },
      { prefix: '' },
    );
  });

  test('that has its name before the host is found too', async () => {
    // Not every machine knows that names below localhost are its own (RFC 6761, 6.3).
    type Done = (error: null, found: string | dns.LookupAddress[], family?: number) => void;
    const toOwn = (_: string, { all }: dns.LookupOptions, done: Done) =>
      all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4);
    const lookup = vi.spyOn(dns, 'lookup').mockImplementation(toOwn as never);
    await withStore(
      async (virtual) => {
        await virtual.put(key, bytes);
        expect(await virtual.read(key)).toEqual(bytes);
        for await (const found of virtual.list()) expect(found.key).toBe(key);
        await virtual.check();
      },
      { pathStyle: false },
    );
    expect(lookup.mock.calls[0]?.[0]).toBe('visage-pictures.localhost');
  });

  test('is listed to its end, however many thousands it has', async () => {
    const keys = Array.from({ length: 2_500 }, (_, at) => toPictureKey(Buffer.from(String(at))));
    for (const name of keys) await shelf.place(name, '');
    const listed: string[] = [];
    for await (const found of store.list()) listed.push(found.key);
    expect(listed).toEqual(keys.sort());
    expect(s3.requests).toHaveLength(26);
  });

  test('that is read page by page is not read further than somebody asks', async () => {
    for (let at = 0; at < 250; at++) await shelf.place(toPictureKey(Buffer.from(String(at))), '');
    for await (const _ of store.list()) break;
    expect(s3.requests).toEqual(['GET visage-pictures']);
  });

  test('gets no more connections than fifty, whatever is asked at once', async () => {
    let release = () => {};
    s3.failWith({
      until: new Promise<void>((resolve) => {
        release = resolve;
      }),
    });
    const files = Array.from({ length: 120 }, (_, at) => Buffer.from(`picture ${at}`));
    const puts = Promise.all(files.map((file) => store.put(toPictureKey(file), file)));
    await vi.waitFor(() => expect(s3.connections.open).toBe(50), { timeout: 20_000 });
    release();
    await puts;
    expect([s3.objects.size, s3.connections.most]).toEqual([120, 50]);
  });

  test('is rid of what an interrupted check left, when it is old enough', async () => {
    await shelf.place('.probe-1', '');
    await shelf.place('.probe-2', '');
    await shelf.makeOld('.probe-2');
    await store.put(key, bytes);
    expect(await store.sweepTemporary(3_600_000)).toBe(1);
    expect(await shelf.names()).toEqual(['.probe-1', key]);
  });

  test('judges by the end of its second an object that came there another way', async () => {
    await shelf.place(key, bytes);
    const object = s3.objects.get(`some/pictures/${key}`);
    if (!object) throw new Error('It is not there.');
    object.lastModified = new Date('2026-01-01T00:00:00.900Z');
    await store.delete(key, new Date('2026-01-01T00:00:00.500Z'));
    expect(await store.read(key)).toEqual(Buffer.from(bytes));
    await store.delete(key, new Date('2026-01-01T00:00:01.000Z'));
    expect(await store.read(key)).toBeNull();
  });
});

describe('an address of a published file', () => {
  const withRedirect = <Result>(work: (store: PictureStore) => Promise<Result>) =>
    withStore(work, { delivery: 'redirect' });

  test('is not given where files go through this server', async () => {
    expect(await store.addressOf(key, 'GET')).toBeNull();
  });

  test('gives the file to anyone, and is made without the network', async () => {
    await store.put(key, bytes);
    s3.requests.length = 0;
    const [get, head] = await withRedirect((redirecting) =>
      Promise.all([redirecting.addressOf(key, 'GET'), redirecting.addressOf(key, 'HEAD')]),
    );
    expect(s3.requests).toEqual([]);
    const response = await fetch(get ?? '');
    expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'image/webp',
      'cache-control': 'public, max-age=31536000, immutable',
    });
    const part = await fetch(get ?? '', { headers: { range: 'bytes=2-5' } });
    expect([part.status, await part.text()]).toEqual([206, 'pict']);
    expect((await fetch(head ?? '', { method: 'HEAD' })).status).toBe(200);
  });

  test('is good for this file, this way and some hours only', async () => {
    await store.put(key, bytes);
    await store.put(toSourceKey(bytes), bytes);
    const address = (await withRedirect((redirecting) => redirecting.addressOf(key, 'GET'))) ?? '';
    expect((await fetch(address.replace('/public/', '/source/'))).status).toBe(403);
    expect((await fetch(address, { method: 'DELETE' })).status).toBe(403);
    expect((await fetch(address.replace(/X-Amz-Expires=\d+/, 'X-Amz-Expires=604800'))).status).toBe(403);
    expect((await fetch(address)).status).toBe(200);
    vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 2 * 3_600_000);
    expect((await fetch(address)).status).toBe(403);
  });

  test('stays the same for a while, and holds for at least an hour from whenever it was given', async () => {
    const now = vi.spyOn(Date, 'now');
    const addresses = await withRedirect(async (redirecting) => {
      const given: string[] = [];
      for (const time of ['12:00:00.000', '12:30:00.000', '12:59:59.999', '13:00:00.000']) {
        now.mockReturnValue(Date.parse(`2026-11-21T${time}Z`));
        given.push((await redirecting.addressOf(key, 'GET')) ?? '');
      }
      return given;
    });
    expect(new Set(addresses).size).toBe(2);
    const asked = addresses.map((address) => new URL(address).searchParams);
    expect(asked.map((settings) => settings.get('X-Amz-Date'))).toEqual([
      ...Array(3).fill('20261121T120000Z'),
      '20261121T130000Z',
    ]);
    expect(asked[0]?.get('X-Amz-Expires')).toBe('7200');
  });
});

describe('a bucket that is away', () => {
  const work = (one: PictureStore): Record<string, () => Promise<unknown>> => ({
    put: () => one.put(key, bytes),
    read: () => one.read(key),
    delete: () => one.delete(key),
    deleteOld: () => one.delete(key, new Date()),
    list: () => one.list()[Symbol.asyncIterator]().next(),
    check: () => one.check(),
    sweepTemporary: () => one.sweepTemporary(0),
  });
  const outcomes = async (one: PictureStore) => {
    const all = Object.entries(work(one)).map(async ([name, run]) => [name, await settled(run())]);
    return Object.fromEntries(await Promise.all(all));
  };
  const everything = (outcome: string) => Object.fromEntries(Object.keys(work(store)).map((name) => [name, outcome]));

  test('since it refuses connections says so, and works again when it is back', async () => {
    await s3.goAway();
    expect(await outcomes(store)).toEqual(everything('SERVICE_UNAVAILABLE'));
    expect(await causeOf(store.read(key))).toMatchObject({ code: 'ECONNREFUSED' });
    await s3.comeBack();
    expect(await outcomes(store)).toEqual(everything('done'));
  });

  test.each([
    ['InternalError', 500],
    ['AccessDenied', 403],
    ['NoSuchBucket', 404],
    ['PermanentRedirect', 301],
  ])('since it answers %s says so, and works again when it does not', async (code, status) => {
    await store.put(key, bytes);
    s3.failWith({ status, code });
    // A bucket that is missing can't say so of a question whose answer has no body: an old file's deletion finds nothing.
    const unheard = code === 'NoSuchBucket' ? { deleteOld: 'done' } : {};
    expect(await outcomes(store)).toEqual({ ...everything('SERVICE_UNAVAILABLE'), ...unheard });
    s3.recover();
    expect(await store.read(key)).toEqual(bytes);
  });

  test.each([
    ['SlowDown', { status: 503, code: 'SlowDown' }],
    ['an error of its own', { status: 500, code: 'InternalError' }],
    ['a connection that ends', 'reset'],
  ] as const)('for a moment with %s is asked again', async (_, fault) => {
    s3.failWith(fault, { times: 1 });
    await store.put(key, bytes);
    expect(s3.requests).toEqual([`PUT some/pictures/${key}`, `PUT some/pictures/${key}`]);
  });

  test('is not asked again and again', async () => {
    s3.failWith({ status: 500, code: 'InternalError' });
    await causeOf(store.read(key));
    expect(s3.requests).toHaveLength(3);
  });

  test.each(['hanging', 'stall'] as const)('since its answer is %s is given up', async (fault) => {
    await store.put(key, bytes);
    s3.failWith(fault);
    await withStore(
      async (hasty) => {
        expect(await causeOf(hasty.read(key))).toMatchObject({ name: 'TimeLimitError' });
        s3.recover();
      },
      { limitMs: 300 },
    );
    expect(await store.read(key)).toEqual(bytes);
  });

  test('in the middle of a list says so, and keeps what was told', async () => {
    for (let at = 0; at < 150; at++) await shelf.place(toPictureKey(Buffer.from(String(at))), '');
    const keys: string[] = [];
    const listing = (async () => {
      for await (const found of store.list()) {
        if (keys.push(found.key) === 1) s3.failWith({ status: 403, code: 'AccessDenied' });
      }
    })();
    expect(await causeOf(listing)).toMatchObject({ name: 'AccessDenied' });
    expect(keys).toHaveLength(100);
  });

  test('in the middle of a file gives nothing of it', async () => {
    await store.put(key, bytes);
    s3.failWith('cut', { method: 'GET' });
    await causeOf(store.read(key));
  });

  test('refuses a file that was damaged on its way, and keeps none of it', async () => {
    s3.failWith('damage', { method: 'PUT' });
    expect((await causeOf(store.put(key, bytes))).name).toMatch(/XAmzContentSHA256Mismatch|BadDigest/);
    expect(await shelf.names()).toEqual([]);
  });

  test('says it in no words of its own, which may tell of keys and names', async () => {
    s3.failWith({ status: 403, code: 'AccessDenied' });
    const error = await store.read(key).catch((thrown) => thrown);
    expect(error.message).toBe("The picture store can't be reached at the moment. Try again soon.");
  });
});

describe('keys', () => {
  test('that are wrong are refused', async () => {
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'another');
    expect(await withStore((other) => causeOf(other.put(key, bytes)))).toMatchObject({ name: 'SignatureDoesNotMatch' });
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDNOBODY');
    expect(await withStore((other) => causeOf(other.check()))).toMatchObject({ name: 'InvalidAccessKeyId' });
  });

  test('that are missing are told at the first use, at once and for redirects too', async () => {
    stubKeys({ ...s3, env: { ...s3.env, AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' } });
    const missing = { name: 'CredentialsProviderError' };
    expect(await withStore((other) => causeOf(other.read(key)))).toMatchObject(missing);
    expect(await withStore((other) => causeOf(other.addressOf(key, 'GET')), { delivery: 'redirect' })).toMatchObject(
      missing,
    );
    expect(s3.requests).toEqual([]);
  });
});

test('a store that is closed leaves no connection, and one that was never used has none to leave', async () => {
  await store.check();
  expect(s3.connections.open).toBe(1);
  await store.close();
  await withStore(async () => undefined);
  await vi.waitFor(() => expect(s3.connections.open).toBe(0), { timeout: 10_000 });
});
