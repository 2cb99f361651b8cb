import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { checkScanner } from '../src/commands/doctor/scanner-checks.ts';
import { doctor } from '../src/commands/doctor.ts';
import { inspectConfig } from '../src/config.ts';
import { createScanner, type ScannerOptions } from '../src/platform/scanner.ts';
import { storedFiles } from './support/account.ts';
import { createTestApp, type TestApp, type TestAppOptions } from './support/app.ts';
import { type Clamd, type ClamdFault, createClamd, testVirus } from './support/clamd.ts';
import { createImportFolder, importEnv } from './support/import.ts';
import { createTestLog } from './support/log.ts';
import { createPerson, type Person } from './support/person.ts';
import { photo, svg } from './support/pictures.ts';
import { type Ask, createRestClient, toForm } from './support/rest.ts';

let clamd: Clamd;
let app: TestApp;
let rest: Ask;
let picture: Buffer;
const { log, lines } = createTestLog();
beforeAll(async () => {
  [clamd, picture] = await Promise.all([createClamd(), photo([120, 100])]);
  app = await createTestApp({ env: clamd.env, parts: { log } });
  rest = await createRestClient(app);
});
beforeEach(() => {
  clamd.files = [];
  clamd.fault = null;
  lines.length = 0;
});
afterAll(async () => {
  await app.close();
  await clamd.goAway();
});

/** A picture that anybody can look at, with something behind its end. */
const infected = () => Buffer.concat([picture, Buffer.from(testVirus)]);
const refusal = 'The file was refused by the virus scanner.';
const uploadByRest = (person: Person, file: Buffer) =>
  rest(person, 'POST', '/api/profile/upload-picture', { body: toForm(file) });

const countScans = async (server: TestApp, outcome: string) => {
  const metrics = await (await server.fetch(new Request('http://visage.test/metrics'))).text();
  return Number(new RegExp(`^visage_scans_total{outcome="${outcome}"} (\\d+)$`, 'm').exec(metrics)?.[1] ?? 0);
};

/** A server of the test's own beside the other; the test closes it. */
async function withServer(options: TestAppOptions, work: (server: TestApp) => Promise<void>): Promise<void> {
  const server = await createTestApp({ ...options, beside: app });
  try {
    await work(server);
  } finally {
    await server.close();
  }
}

describe('an upload', () => {
  test('in which nothing is found is stored, and was scanned byte for byte, once', async () => {
    const ada = await createPerson(app);
    const cleanBefore = await countScans(app, 'clean');
    expect(await ada.upload(picture)).toMatchObject({ __typename: 'ProfilePicture', version: 1 });
    expect((await uploadByRest(ada, picture)).status).toBe(201);
    expect(clamd.files).toEqual([picture, picture]);
    expect(await countScans(app, 'clean')).toBe(cleanBefore + 2);
  });

  test('in which something is found is refused by GraphQL and REST, and nothing of it is stored', async () => {
    const ada = await createPerson(app);
    const before = await storedFiles(app);
    expect(await ada.upload(infected())).toMatchObject({ __typename: 'UnsupportedImageError', message: refusal });
    const { status, body } = await uploadByRest(ada, infected());
    expect([status, body]).toEqual([415, { code: 'UNSUPPORTED_MEDIA_TYPE', message: refusal }]);
    expect(await storedFiles(app)).toEqual(before);
    expect((await ada.me()).pictureRevision).toBe(0);
    // The operator is told what it was, and whose.
    const found = { userId: ada.id, signature: 'Visage.Test.UNOFFICIAL', level: 40 };
    expect(lines.filter(({ signature }) => signature)).toMatchObject([found, found]);
  });

  test('that is no picture at all is scanned before anybody looks into it', async () => {
    const ada = await createPerson(app);
    expect(await ada.upload(Buffer.concat([svg(), Buffer.from(testVirus)]))).toMatchObject({ message: refusal });
    expect(await ada.upload(svg())).toMatchObject({
      __typename: 'UnsupportedImageError',
      message: expect.not.stringContaining('scanner'),
    });
    expect(await ada.upload(Buffer.alloc(0))).toMatchObject({ __typename: 'UnsupportedImageError' });
  });

  test('that is too large is not scanned', async () => {
    const ada = await createPerson(app);
    expect(await ada.upload(Buffer.alloc(10 * 1024 * 1024 + 1))).toMatchObject({ __typename: 'FileTooLargeError' });
    expect(clamd.files).toEqual([]);
  });
});

/** A scanner in trouble, and what it is about in the log. */
const faults: [string, ClamdFault, RegExp][] = [
  ['cuts the connection before it reads', 'cut while reading', /closed before it answered|ECONNRESET|EPIPE/],
  ['cuts the connection instead of an answer', 'cut', /closed before it answered|ECONNRESET/],
  ['breaks off in the middle of its answer', { answer: 'stream: OK' }, /closed before it answered/],
  ['answers with an error', { answer: "Can't create temporary file. ERROR\0" }, /temporary file/],
  ['answers with something else', { answer: '<html>stream: OK</html>\0' }, /html/],
  ['answers without an end', { answer: 'stream: '.repeat(1_000) }, /an answer without an end/],
];

describe('a scanner that', () => {
  test.each(faults)('%s lets nothing pass', async (_, fault, reason) => {
    const ada = await createPerson(app);
    clamd.fault = fault;
    await expect(ada.upload(picture)).rejects.toThrow(/503.*SERVICE_UNAVAILABLE/s);
    expect(JSON.stringify(lines.at(-1))).toMatch(reason);
    expect((await ada.me()).pictureRevision).toBe(0);
    clamd.fault = null;
    expect(await ada.upload(picture)).toMatchObject({ version: 1 });
  });

  test('takes smaller files only lets no other pass', async () => {
    const ada = await createPerson(app);
    const limitBytes = clamd.limitBytes;
    clamd.limitBytes = picture.length - 1;
    await expect(ada.upload(picture)).rejects.toThrow(/SERVICE_UNAVAILABLE/);
    clamd.limitBytes = limitBytes;
  });

  test('is away lets nothing pass until it is back', async () => {
    const ada = await createPerson(app);
    const before = await countScans(app, 'unavailable');
    await clamd.goAway();
    const { status, body } = await uploadByRest(ada, picture);
    expect([status, body.code]).toEqual([503, 'SERVICE_UNAVAILABLE']);
    expect(body.message).toContain('The virus scanner');
    expect(JSON.stringify(body)).not.toMatch(/127\.0\.0\.1|ECONN/);
    expect(await countScans(app, 'unavailable')).toBe(before + 1);
    // All else goes on.
    expect((await ada.upsertProfile({ bio: 'Still here' })).__typename).toBe('Profile');
    await clamd.comeBack();
    expect((await uploadByRest(ada, picture)).status).toBe(201);
  });

  test('is away stops nobody where uploads go on without it, and the log says so once', async () => {
    await withServer({ env: { ...clamd.env, CLAMAV_UNAVAILABLE: 'accept' }, parts: { log } }, async (server) => {
      const ada = await createPerson(server);
      await clamd.goAway();
      for (const version of [1, 2, 3]) expect(await ada.upload(picture)).toMatchObject({ version });
      const about = (text: string) => lines.filter(({ msg }) => msg.includes(text));
      expect(about('virus scanner is away')).toHaveLength(1);
      expect(await countScans(server, 'unavailable')).toBe(3);
      await clamd.comeBack();
      expect(await ada.upload(infected())).toMatchObject({ message: refusal });
      expect(about('virus scanner is back')).toHaveLength(1);
      clamd.fault = 'cut';
      expect(await ada.upload(picture)).toMatchObject({ version: 4 });
      expect(about('virus scanner is away')).toHaveLength(2);
    });
  });
});

describe('many files at once', () => {
  const scanner = (options: Partial<ScannerOptions> = {}) => {
    const [host = '', port] = clamd.env.CLAMAV_HOST?.split(':') ?? [];
    return createScanner({ host, port: Number(port), whenUnavailable: 'refuse', log, ...options });
  };
  const file = { userId: 'user_1', bytes: Buffer.from('any file') };
  const away = { code: 'SERVICE_UNAVAILABLE' };

  test('are scanned four at a time, and one too many is refused', async () => {
    const { assertClean } = scanner();
    const release = clamd.hold();
    const scans = Array.from({ length: 68 }, () => assertClean(file));
    await vi.waitFor(() => expect(clamd.files).toHaveLength(4));
    await expect(assertClean(file)).rejects.toMatchObject({ code: 'RATE_LIMITED', retryAfter: expect.any(Number) });
    expect(clamd.scans.open).toBe(4);
    release();
    await Promise.all(scans);
    expect(clamd.files).toHaveLength(68);
    expect(clamd.scans.most).toBe(4);
  });

  // One after the other, each with a time limit of its own, they would need 17 s.
  test('wait for a scanner that says nothing no longer than one does', { timeout: 12_000 }, async () => {
    const { assertClean } = scanner({ timeoutMs: 1_000 });
    clamd.fault = 'silence';
    const scans = await Promise.allSettled(Array.from({ length: 68 }, () => assertClean(file)));
    expect(scans.map((scan) => scan.status === 'rejected' && scan.reason)).toEqual(
      scans.map(() => expect.objectContaining(away)),
    );
  });
});

describe('an import', () => {
  test('names infected pictures before it writes anything, in a dry run too', async () => {
    const folder = await createImportFolder(app);
    await folder.add('bad.jpg', infected());
    const users = [{ id: 'user_scanned_1', picture: { path: 'bad.jpg' } }, { id: 'user_scanned_2' }];
    for (const flags of [[], ['--dry-run']]) {
      const { exitCode, output } = await folder.run(users, { env: clamd.env, flags });
      expect([exitCode, output]).toEqual([1, expect.stringContaining(`picture.path: ${refusal}`)]);
    }
    expect(await app.platform.db.prisma.user.count({ where: { id: { startsWith: 'user_scanned_' } } })).toBe(0);
  });

  test('stops where the scanner is away, and goes on where it stopped', async () => {
    const folder = await createImportFolder(app);
    await folder.add('good.jpg', picture);
    const users = [{ id: 'user_scanned_3', picture: { path: 'good.jpg' } }];
    clamd.fault = 'cut';
    const { exitCode, output } = await folder.run(users, { env: clamd.env });
    expect([exitCode, output]).toEqual([1, expect.stringMatching(/The virus scanner can't be reached.*same command/)]);
    clamd.fault = null;
    const { counts } = await folder.run(users, { env: clamd.env });
    expect(counts.pictures).toEqual([1, 0, 0, 0]);
  });
});

describe('the doctor', () => {
  const toEnv = (env: Record<string, string>) => inspectConfig({ ...importEnv(app), ...env });
  const examine = async (env = clamd.env) => {
    const { status, found, advice } = await checkScanner(toEnv(env).config.clamav);
    return `${status}: ${found}. ${advice ?? ''}`;
  };

  test('knows the scanner that is there, and whether it is up to date', async () => {
    const printed: string[] = [];
    const report = toEnv(clamd.env);
    await doctor({ print: (line) => printed.push(line), inspectConfig: () => report }).catch(() => undefined);
    expect(printed).toContainEqual(
      expect.stringMatching(/^ok +scanner +ClamAV 1\.4\.3, signatures of .*uploads are refused\.$/),
    );
    expect(clamd.files.map(({ length }) => length)).toEqual([10 * 1024 * 1024]);
    const { version } = clamd;
    clamd.version = 'ClamAV 0.103.8/26899/Thu May 11 07:25:10 2023';
    expect(await examine()).toMatch(/^warning: .*May 11.*freshclam/);
    clamd.version = 'ClamAV 1.4.3';
    expect(await examine()).toMatch(/^warning: .*none of ClamAV's own.*freshclam/);
    clamd.version = version;
  });

  test('tells of one that is away, or too small, and of none', async () => {
    clamd.fault = { answer: 'INSTREAM size limit exceeded. ERROR\0' };
    expect(await examine()).toMatch(/^failed: .*10 MiB.*size limit exceeded.*every upload.*StreamMaxLength/);
    expect(await examine({ ...clamd.env, CLAMAV_UNAVAILABLE: 'accept' })).toMatch(/^warning: .*without it/);
    expect(await examine({ CLAMAV_HOST: '127.0.0.1:9' })).toMatch(/^failed: .*ECONNREFUSED.*every upload/);
    expect(await examine({})).toMatch(/^skipped: no CLAMAV_HOST/);
  });
});
