import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { lists, pictures } from '../src/modules/export/list-queries.ts';
import { createZip } from '../src/platform/zip.ts';
import { deleteAccount } from './support/account.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { createCuttable } from './support/cuttable.ts';
import { onDatabase } from './support/events.ts';
import { readArchive, requestExport, takeOut } from './support/export.ts';
import { createOwnerOfEverything, privateWord } from './support/export-owner.ts';
import { createTestLog } from './support/log.ts';
import { anonymous, asPerson, createPerson, type Person } from './support/person.ts';
import { createPictureOwner } from './support/picture-owner.ts';
import { explain, planModes } from './support/plans.ts';

const { log, lines } = createTestLog();
const eventually = { timeout: 60_000 };
// Archives of many megabytes take their time on a machine that has other things to do.
vi.setConfig({ testTimeout: 120_000 });
/** Of which an archive has one, at its very end, if it is whole. */
const endRecord = Buffer.from('PK\x05\x06', 'latin1');

const cutShort = 'an export was cut short';

let app: TestApp;
/** Somebody with an archive of 15 MB: more than any buffer on the way holds. */
let busy: Person;
const busyBatches = 76;
beforeAll(async () => {
  app = await createTestApp({ parts: { log } });
  busy = await createPersonWithEvents({ count: 15_000, reviewLength: 2_048 });
});
afterAll(() => app.close());

/** Somebody with reviews that don't compress well. */
async function createPersonWithEvents({ count, reviewLength }: { count: number; reviewLength: number }) {
  const person = await createPerson(app);
  await onDatabase(app, (client) =>
    client.query(
      `insert into events (id, user_id, type, movie_id, review, occurred_at)
       select gen_random_uuid(), $1, 'REVIEW', number,
         (select string_agg(md5(number || ' ' || part), '') from generate_series(1, $3::int / 32) as part),
         now() - number * interval '1 second'
       from generate_series(1, $2::int) as number`,
      [person.id, count, reviewLength],
    ),
  );
  return person;
}

describe('an archive', () => {
  test('has the sum and the size of every file in its manifest, and every file of every version', async () => {
    const owner = await createOwnerOfEverything(app);
    const { files, manifest, json } = await takeOut(app, owner);
    expect(manifest).toMatchObject({ userId: owner.id, exportedAt: expect.any(String), missingFiles: [] });
    expect([...files.keys()]).toEqual([...manifest.files.map(({ name }) => name), 'manifest.json']);
    for (const { name, bytes, sha256 } of manifest.files) {
      const content = files.get(name) ?? Buffer.alloc(0);
      expect([name, content.length, createHash('sha256').update(content).digest('hex')]).toEqual([name, bytes, sha256]);
    }
    const versions = await app.platform.db.prisma.picture.findMany({
      where: { userId: owner.id },
      orderBy: { version: 'desc' },
    });
    expect(json('pictures').map(({ version }: { version: number }) => version)).toEqual([3, 2, 1]);
    for (const [index, { fileKeys, variants }] of versions.entries()) {
      const picture: ExportedPicture = json('pictures')[index];
      const names = [
        picture.source,
        ...picture.variants.flatMap(({ file, stillFile }) => [file, ...(stillFile ? [stillFile] : [])]),
      ];
      const contents = names.map((name) => files.get(name));
      const stored = await Promise.all(fileKeys.map((key) => app.platform.pictures.read(key)));
      expect(new Set(contents.map(sumOf))).toEqual(new Set(stored.map(sumOf)));
      expect(picture.variants.map(({ size, bytes }) => ({ size, bytes }))).toEqual(
        (variants as { size: number; bytes: number }[]).map(({ size, bytes }) => ({ size, bytes })),
      );
      for (const { file, bytes } of picture.variants) expect(files.get(file)).toHaveLength(bytes);
    }
    expect(json('pictures')[1].variants[0].stillFile).toBe('pictures/2/64-still.webp');
  });

  test('tells nothing of others but who they are, and nothing at all of those who block its owner', async () => {
    const owner = await createOwnerOfEverything(app);
    const blockers = await Promise.all([1, 2].map(() => createPerson(app)));
    // As no API leaves it: whoever blocks somebody is no longer on their lists.
    for (const { id } of blockers) {
      await app.platform.db.prisma.follow.create({ data: { followerId: id, followeeId: owner.id } });
      await app.platform.db.prisma.block.create({ data: { blockerId: id, blockedId: owner.id } });
    }
    const { text } = await takeOut(app, owner);
    expect(text).toContain(owner.follower.id);
    expect(text).toContain(owner.blocked.id);
    expect(text).not.toContain(privateWord);
    for (const { id } of blockers) expect(text).not.toContain(id);
  });

  test('of somebody with nothing is whole, and its lists are empty', async () => {
    const ada = await createPerson(app);
    const { files, json, manifest } = await takeOut(app, ada);
    expect(json('account')).toMatchObject({
      user: { id: ada.id, username: null },
      profile: { salary: null, skills: [] },
      privacy: { profile: 'PUBLIC', ratings: 'PRIVATE' },
    });
    const lists = [...files.keys()].filter((name) => !/^(account|manifest|audit-log)/.test(name));
    expect(lists.length).toBeGreaterThan(10);
    expect(lists.map((name) => JSON.parse(String(files.get(name))))).toEqual(lists.map(() => []));
    expect(manifest.missingFiles).toEqual([]);
  });

  test('is noted in the audit log before it begins, and has the note in it', async () => {
    const ada = await createPerson(app);
    const { json } = await takeOut(app, ada);
    expect(json('audit-log')[0]).toMatchObject({ action: 'account.exported', actor: 'OWNER', changedFields: [] });
    await takeOut(app, ada);
    expect(
      await app.platform.db.prisma.auditEntry.count({ where: { userId: ada.id, action: 'account.exported' } }),
    ).toBe(2);
  });

  test('names the files that the store has lost, and has everything else', async () => {
    const owner = await createPictureOwner(app);
    await owner.uploadPhotos(2);
    const [lost] = (await keysOf(owner)) as [string];
    await rm(pathOf(lost));
    const { manifest, files } = await takeOut(app, owner);
    expect(manifest.missingFiles).toHaveLength(1);
    expect(manifest.missingFiles[0]).toMatch(/^pictures\/2\/\d+\.webp$/);
    expect(files.has(manifest.missingFiles[0] ?? '')).toBe(false);
    expect([...files.keys()].filter((name) => name.startsWith('pictures/2/')).length).toBeGreaterThan(0);
  });

  test('of 100,000 events is read in batches, and has each once', async () => {
    const count = 100_000;
    const ada = await createPersonWithEvents({ count, reviewLength: 32 });
    app.takeStatements();
    const { json } = await takeOut(app, ada);
    expect(app.takeStatements().filter(readsEvents)).toHaveLength(count / 200 + 1);
    const events: { movieId: number }[] = json('events');
    expect(events.map(({ movieId }) => movieId)).toEqual(Array.from({ length: count }, (_, at) => at + 1));
  });

  test.each(planModes)('is read by indexes alone, and a batch of events without sorting (%s)', async (mode) => {
    await onDatabase(app, async (client) => {
      await client.query('analyze; set enable_seqscan = off');
      for (const { name, statement, start } of [...lists, pictures]) {
        const steps = await explain(client, statement, [busy.id, ...start], mode);
        expect([name, steps.filter(({ type }) => type === 'Seq Scan')]).toEqual([name, []]);
        if (name !== 'events') continue;
        expect(steps.filter(({ type }) => type === 'Sort')).toEqual([]);
        expect(steps.map(({ rows, removed }) => rows + removed)).toEqual(steps.map(() => 200));
      }
    });
  });
});

describe('the answer', () => {
  test('is a download that nobody keeps, and that an allowed page may read', async () => {
    const ada = await createPerson(app);
    const { status, headers, body } = await requestExport(app, ada, { headers: { origin: 'http://localhost:3000' } });
    expect([status, Object.fromEntries(headers)]).toMatchObject([
      200,
      {
        'content-type': 'application/zip',
        'content-disposition': expect.stringMatching(/^attachment; filename="visage-export-\d{4}-\d\d-\d\d\.zip"$/),
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'access-control-allow-origin': 'http://localhost:3000',
        'x-request-id': expect.any(String),
      },
    ]);
    await body?.cancel();
  });

  test('is 401 without a token that holds, and 405 for anything but GET', async () => {
    const ada = await createPerson(app);
    for (const person of [anonymous(app), asPerson(app, ada.id, 'nonsense')]) {
      expect(await refusalOf(requestExport(app, person))).toEqual([
        401,
        { code: 'UNAUTHENTICATED', message: expect.any(String) },
      ]);
    }
    expect(await refusalOf(requestExport(app, ada, { method: 'POST' }))).toEqual([
      405,
      { code: 'METHOD_NOT_ALLOWED', message: expect.stringContaining('GET') },
    ]);
    expect(
      await app.platform.db.prisma.auditEntry.count({ where: { userId: ada.id, action: 'account.exported' } }),
    ).toBe(0);
  });

  test('is 400 for whoever looks as others do, who get none of it', async () => {
    const ada = await createPerson(app);
    const headers = { 'visage-view-as': 'PUBLIC' };
    expect(await refusalOf(requestExport(app, ada, { headers }))).toEqual([
      400,
      { code: 'BAD_USER_INPUT', message: expect.stringContaining('Visage-View-As') },
    ]);
  });

  test('is 429 while one of the same user, or four of others, are under way', async () => {
    const server = await createTestApp({ beside: app });
    const people = await Promise.all(Array.from({ length: 5 }, () => createPerson(server)));
    const [ada, grace, ...others] = people as [Person, Person, ...Person[]];
    const underWay = [await requestExport(server, ada)];
    const refused = await requestExport(server, ada);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refusalOf(refused)).toEqual([
      429,
      { code: 'RATE_LIMITED', message: 'Expected one export at a time.' },
    ]);
    for (const other of others) underWay.push(await requestExport(server, other));
    expect(await refusalOf(requestExport(server, grace))).toEqual([
      429,
      { code: 'RATE_LIMITED', message: expect.stringContaining('busy') },
    ]);
    for (const response of underWay) await readArchive(Buffer.from(await response.arrayBuffer()));
    for (const person of [ada, grace]) await vi.waitFor(() => takeOut(server, person), eventually);
    await server.close();
  });

  test('is there for a fifth where the first of four has taken ten minutes, which gives way', async () => {
    const server = await createTestApp({ beside: app });
    const people = await Promise.all(Array.from({ length: 5 }, () => createPerson(server)));
    const [first, fifth, ...others] = people as [Person, Person, ...Person[]];
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const slow = (await requestExport(server, first)).body?.getReader();
    for (const other of others) expect((await requestExport(server, other)).status).toBe(200);
    vi.advanceTimersByTime(10 * 60_000 - 1);
    expect((await requestExport(server, fifth)).status).toBe(429);
    vi.advanceTimersByTime(1);
    expect((await requestExport(server, fifth)).status).toBe(200);
    await expect(slow?.closed).rejects.toThrow('busy');
    await server.close();
  });

  test('is 503 while the database is away', async () => {
    const link = await createCuttable(app.database.connectionString);
    const other = await createTestApp({ beside: app, parts: { connectionString: link.connectionString } });
    const ada = await createPerson(other);
    await link.cut();
    expect(await refusalOf(requestExport(other, ada))).toEqual([
      503,
      expect.objectContaining({ code: 'SERVICE_UNAVAILABLE' }),
    ]);
    await other.close();
  });
});

describe('an export that is not read to its end', () => {
  test('reads no further than its reader', async () => {
    const slow = (await requestExport(app, busy)).body?.getReader();
    await slow?.read();
    const batches = 100;
    const other = await createPersonWithEvents({ count: batches * 200 - 1, reviewLength: 32 });
    app.takeStatements();
    // In the time in which this one reads them all, the one that nobody reads on goes nowhere.
    await takeOut(app, other);
    expect(app.takeStatements().filter(readsEvents).length).toBeLessThan(batches + 20);
    await slow?.cancel();
    await untilAllIsFree();
  });

  test('frees everything when the client hangs up', async () => {
    const response = await download(await app.listen(), busy);
    await once(response, 'readable');
    response.destroy();
    await untilAllIsFree();
    app.takeStatements();
    await takeOut(app, await createPerson(app));
    expect(app.takeStatements().filter(readsEvents)).toHaveLength(1);
    expect(lines.filter(({ msg }) => msg === cutShort)).toEqual([]);
  });

  test('is cut off, and makes room, when its reader takes nothing for too long', async () => {
    const isLeft = vi.fn();
    const content = async function* () {
      try {
        for (;;) yield randomBytes(100_000);
      } finally {
        isLeft();
      }
    };
    const entries = async function* () {
      yield { name: 'endless', content: content(), isCompressed: false };
    };
    const { bytes, ended } = createZip(entries(), { stallMs: 20 });
    const reader = bytes.getReader();
    await reader.read();
    await expect(ended).rejects.toThrow('nobody read on for 20 ms');
    expect(isLeft).toHaveBeenCalledOnce();
    // Though nobody reads on: whoever passes the bytes on has to let go of its client.
    await expect(reader.closed).rejects.toThrow('nobody read on for 20 ms');
  });
});

describe("an archive that can't be completed", () => {
  test('breaks off where the database goes away, and the log says so', async () => {
    const link = await createCuttable(app.database.connectionString);
    const server = await createTestApp({ beside: app, parts: { connectionString: link.connectionString, log } });
    const response = await download(await server.listen(), busy);
    await once(response, 'readable');
    await link.cut();
    expect((await untilBroken(response)).includes(endRecord)).toBe(false);
    const said = { level: 40, requestId: response.headers['x-request-id'] };
    await vi.waitFor(() => expect(lines).toContainEqual(expect.objectContaining(said)), eventually);
    await server.close();
  });

  test('breaks off where the store goes away', async () => {
    const owner = await createPictureOwner(app);
    await owner.uploadPhotos(1);
    const [unreadable = ''] = await keysOf(owner);
    await rm(pathOf(unreadable));
    await mkdir(pathOf(unreadable));
    const { body } = await requestExport(app, owner);
    await expect(readAll(body?.getReader())).rejects.toThrow('picture store');
  });

  test('breaks off at once where its owner is deleted meanwhile, at another server too', async () => {
    const other = await createTestApp({ beside: app });
    for (const server of [app, other]) {
      const ada = await createPersonWithEvents({ count: 2_000, reviewLength: 2_048 });
      const reader = (await requestExport(server, ada)).body?.getReader();
      await reader?.read();
      await deleteAccount(ada);
      await expect(reader?.closed).rejects.toThrow('was deleted');
    }
    await other.close();
  });
});

interface ExportedPicture {
  source: string;
  variants: { size: number; bytes: number; file: string; stillFile?: string }[];
}

const sumOf = (bytes: Buffer | null | undefined): string =>
  createHash('sha256')
    .update(bytes ?? '')
    .digest('hex');

/** Files that the newest version of somebody's picture is made of. */
async function keysOf({ id: userId }: Person): Promise<string[]> {
  const newest = await app.platform.db.prisma.picture.findFirstOrThrow({
    where: { userId },
    orderBy: { version: 'desc' },
  });
  return newest.fileKeys.filter((key) => key.startsWith('public/'));
}

/** Where the store of the test has a file. */
function pathOf(key: string): string {
  const [namespace = '', name = ''] = key.split('/');
  return join(app.folder, namespace, name.slice(0, 2), name);
}

const readsEvents = (sql: string) => sql.includes('from events event where event.user_id');

/** The status and the body of an answer that has no archive. */
async function refusalOf(answer: Response | Promise<Response>): Promise<[number, unknown]> {
  const response = await answer;
  return [response.status, await response.json()];
}

async function readAll(reader: ReadableStreamDefaultReader<Uint8Array> | undefined): Promise<void> {
  while (!(await reader?.read())?.done);
}

/** Asks over a socket, and reads nothing of the body yet. */
async function download(url: string, { token }: Person): Promise<IncomingMessage> {
  const request = get(`${url}/api/export`, { headers: { authorization: `Bearer ${token}` } });
  const [response] = await once(request, 'response');
  return response;
}

/** What came of an answer until it broke off; fails the test where it ended as it should. */
async function untilBroken(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  response.on('data', (chunk) => chunks.push(chunk));
  await new Promise<void>((resolve, reject) => {
    response.on('error', () => resolve());
    response.on('end', () => reject(new Error('Expected an answer that breaks off, and got a whole one.')));
  });
  return Buffer.concat(chunks);
}

/** Waits until the busy person can export again, and nothing of what was under way is read any more. */
async function untilAllIsFree(): Promise<void> {
  await vi.waitFor(async () => {
    app.takeStatements();
    await takeOut(app, busy);
    expect(app.takeStatements().filter(readsEvents)).toHaveLength(busyBatches);
    const sql = `select from pg_stat_activity where datname = current_database() and state <> 'idle'
      and pid <> pg_backend_pid()`;
    expect(await onDatabase(app, async (client) => (await client.query(sql)).rowCount)).toBe(0);
  }, eventually);
}
