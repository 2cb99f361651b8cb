import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { StartError } from '../src/errors.ts';
import { prepareFolder } from '../src/platform/data-folder.ts';
import { startEmbeddedPostgres } from '../src/platform/embedded-postgres.ts';
import { findPostmaster, stopPostmaster } from '../src/platform/postmaster.ts';

const settings = { fsync: 'off' };
const eventually = { timeout: 20_000, interval: 20 };

/** A folder for a PostgreSQL of the test's own; whatever still runs there after the test is stopped. */
async function createFolder({ mode = 0o711 } = {}): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'visage ü-'));
  await chmod(parent, mode);
  const folder = join(parent, 'postgres');
  onTestFinished(async () => {
    const state = await findPostmaster(join(folder, 'data'));
    if (state.is === 'running') process.kill(state.pid, 'SIGKILL');
    await vi.waitFor(() => rm(parent, { recursive: true, force: true }), eventually);
  });
  return folder;
}

async function start(folder: string) {
  const postgres = await startEmbeddedPostgres({ folder, settings });
  onTestFinished(() => postgres.close());
  return postgres;
}

interface Answer {
  connectionString?: string;
  message?: string;
}

/** Another Visage, in a process of its own. */
function startElsewhere(folder: string) {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', join(import.meta.dirname, 'support/postgres-holder.ts'), folder],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  onTestFinished(() => kill(child));
  const lines = on(createInterface(child.stdout), 'line');
  const nextAnswer = async (): Promise<Answer> => JSON.parse((await lines.next()).value[0]);
  return { child, nextAnswer };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

async function query(connectionString: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 20_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query(sql)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function serverPid(folder: string): Promise<number> {
  const state = await findPostmaster(join(folder, 'data'));
  return state.is === 'running' ? state.pid : 0;
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StartError);
  const { message } = error as StartError;
  expect(message).not.toContain('\n');
  return message;
}

/** `postmaster.pid` as a server on a free port would have left it. */
function pidFile(pid: number, data: string): string {
  return [pid, data, 1_700_000_000, 1, '', '127.0.0.1', '', 'ready   ', ''].join('\n');
}

describe('an embedded PostgreSQL', () => {
  test('keeps its data from one start to the next, and is gone in between', async () => {
    const folder = await createFolder();
    const first = await start(folder);
    await query(first.connectionString, `CREATE TABLE a AS SELECT 'kept' AS word`);
    const pid = await serverPid(folder);
    await first.close();
    // It is nobody's child any more: until the system has cleared it away, it has ended and still has its number.
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'), { timeout: 10_000 });
    expect(await findPostmaster(join(folder, 'data'))).toEqual({ is: 'absent' });

    const second = await start(folder);
    expect(await query(second.connectionString, 'SELECT word FROM a')).toEqual([{ word: 'kept' }]);
    await second.close();
    await second.close();
  });

  test('runs in UTC, on 127.0.0.1 alone, without a socket file, and with the settings it was given', async () => {
    const { connectionString } = await start(await createFolder());
    const names = ['TimeZone', 'listen_addresses', 'unix_socket_directories', 'fsync'];
    const [row] = await query(
      connectionString,
      `SELECT ${names.map((name) => `current_setting('${name}') AS "${name}"`)}`,
    );
    expect(row).toEqual({ TimeZone: 'UTC', listen_addresses: '127.0.0.1', unix_socket_directories: '', fsync: 'off' });
  });

  test.runIf(process.platform === 'linux')('asks for its password, which no other user can read', async () => {
    const folder = await createFolder();
    const { connectionString } = await start(folder);
    const { password } = new URL(connectionString);
    const command = await readFile(`/proc/${await serverPid(folder)}/cmdline`, 'utf8');
    expect(command).not.toContain(password);
    expect((await stat(join(folder, 'data'))).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, 'data/visage.password'))).mode & 0o777).toBe(0o600);
    const wrong = connectionString.replace(password, 'wrong');
    await expect(query(wrong, 'SELECT 1')).rejects.toThrow('password authentication failed');
  });

  test('starts below a folder that is locked for all other users', async () => {
    const { connectionString } = await start(await createFolder({ mode: 0o700 }));
    expect(await query(connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('comes back at the same address when it was killed', async () => {
    const folder = await createFolder();
    const { connectionString } = await start(folder);
    await query(connectionString, 'CREATE TABLE a (id int)');
    process.kill(await serverPid(folder), 'SIGKILL');
    await vi.waitFor(() => query(connectionString, 'SELECT id FROM a'), eventually);
  });
});

describe('a folder that another Visage uses', () => {
  test('is refused in one line, in this process and in another', async () => {
    const folder = await createFolder();
    const { connectionString } = await start(folder);
    expect(await refusal(startEmbeddedPostgres({ folder }))).toMatch(/^DATA_DIR: .*another Visage uses ".*postgres"/);
    expect(await startElsewhere(folder).nextAnswer()).toMatchObject({
      message: expect.stringContaining('another Visage uses'),
    });
    expect(await query(connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('goes to exactly one of four that start there for the first time at once', async () => {
    const folder = await createFolder();
    const all = Array.from({ length: 4 }, () => startElsewhere(folder));
    const answers = await Promise.all(all.map(({ nextAnswer }) => nextAnswer()));
    const served = answers.filter(({ connectionString }) => connectionString);
    expect(served).toHaveLength(1);
    const refused = answers.filter(({ message }) => message?.includes('another Visage uses'));
    expect(refused, JSON.stringify(answers)).toHaveLength(3);
    expect(await query(served[0]?.connectionString ?? '', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('stays theirs when the session with the lock is cut', async () => {
    const folder = await createFolder();
    const { connectionString } = await start(folder);
    const holders = `FROM pg_stat_activity WHERE application_name = 'visage owner'`;
    const before = await query(connectionString, `SELECT pid ${holders}`);
    await query(connectionString, `SELECT pg_terminate_backend(pid) ${holders}`);
    await vi.waitFor(async () => {
      const after = await query(connectionString, `SELECT pid ${holders}`);
      expect(after).toHaveLength(1);
      expect(after).not.toEqual(before);
    }, eventually);
    expect(await refusal(startEmbeddedPostgres({ folder }))).toContain('another Visage uses');
  });

  test('stays theirs when somebody removes postmaster.pid', async () => {
    const folder = await createFolder();
    const { connectionString } = await start(folder);
    const path = join(folder, 'data/postmaster.pid');
    await rename(path, `${path}.aside`);
    expect(await refusal(startEmbeddedPostgres({ folder }))).toContain('shared memory block');
    await rename(`${path}.aside`, path);
    expect(await query(connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('is lost to the one that starts PostgreSQL again while they sleep, and they hear of it', async () => {
    const folder = await createFolder();
    const { child, nextAnswer } = startElsewhere(folder);
    await nextAnswer();
    const pid = await serverPid(folder);
    child.kill('SIGSTOP');
    process.kill(pid, 'SIGKILL');
    const { connectionString } = await start(folder);
    child.kill('SIGCONT');
    expect(await nextAnswer()).toMatchObject({ message: expect.stringContaining('another Visage uses') });
    child.kill('SIGTERM');
    await once(child, 'exit');
    expect(await query(connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('is free as soon as they have stopped', async () => {
    const folder = await createFolder();
    const { child, nextAnswer } = startElsewhere(folder);
    await nextAnswer();
    child.kill('SIGTERM');
    const { connectionString } = await start(folder);
    expect(await query(connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('after a crash', () => {
  test('a PostgreSQL that a killed Visage left behind is taken over and stopped at the end', async () => {
    const folder = await createFolder();
    const { child, nextAnswer } = startElsewhere(folder);
    const { connectionString = '' } = await nextAnswer();
    await query(connectionString, `CREATE TABLE a AS SELECT 'kept' AS word`);
    const pid = await serverPid(folder);
    await kill(child);

    const postgres = await start(folder);
    expect(postgres.connectionString).toBe(connectionString);
    expect(await serverPid(folder)).toBe(pid);
    expect(await query(connectionString, 'SELECT word FROM a')).toEqual([{ word: 'kept' }]);
    await postgres.close();
    expect(await serverPid(folder)).toBe(0);
  });

  test('of Visage and PostgreSQL both, everything is there again', async () => {
    const folder = await createFolder();
    const { child, nextAnswer } = startElsewhere(folder);
    const { connectionString = '' } = await nextAnswer();
    await query(connectionString, `CREATE TABLE a AS SELECT 'kept' AS word`);
    const pid = await serverPid(folder);
    await kill(child);
    process.kill(pid, 'SIGKILL');

    const postgres = await start(folder);
    expect(await query(postgres.connectionString, 'SELECT word FROM a')).toEqual([{ word: 'kept' }]);
  });

  test.each([
    ['in the midst of making the data', /^tmp-[\w-]+$/],
    ['with the data in place and PostgreSQL not yet up', /^data$/],
  ])('%s, the next start begins anew and leaves nothing behind', async (_, sign) => {
    const folder = await createFolder();
    const { child } = startElsewhere(folder);
    await vi.waitFor(async () => expect((await readdir(folder)).some((name) => sign.test(name))).toBe(true), {
      ...eventually,
      interval: 1,
    });
    await kill(child);

    const postgres = await start(folder);
    expect(await query(postgres.connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await postgres.close();
    await vi.waitFor(async () => {
      await (await start(folder)).close();
      expect((await readdir(folder)).filter((name) => name.startsWith('tmp-'))).toEqual([]);
    }, eventually);
  });

  test('a postmaster.pid of a dead process does not keep PostgreSQL from starting', async () => {
    const folder = await createFolder();
    await (await start(folder)).close();
    const dead = execFile(process.execPath, ['--version']);
    await once(dead, 'exit');
    await writeFile(join(folder, 'data/postmaster.pid'), pidFile(dead.pid ?? 0, join(folder, 'data')));
    const { connectionString } = await start(folder);
    expect(await query(connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test("a postmaster.pid whose number is somebody else's by now does not either, and they live on", async () => {
    const folder = await createFolder();
    await (await start(folder)).close();
    const stranger = spawn('sleep', ['600']);
    onTestFinished(() => void stranger.kill('SIGKILL'));
    await writeFile(join(folder, 'data/postmaster.pid'), pidFile(stranger.pid ?? 0, join(folder, 'data')));
    const postgres = await start(folder);
    expect(await query(postgres.connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await stopPostmaster(stranger.pid ?? 0, join(folder, 'data'), { initdb: '', postgres: '', pg_ctl: '' });
    expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
  });
});

describe('a folder that can not be used', () => {
  test.each(['/proc/visage/data', '/dev/null/data'])('%s is refused in one line', async (folder) => {
    expect(await refusal(prepareFolder(folder))).toMatch(
      /^DATA_DIR: expected a folder that can be written, and got ".*" \(E/,
    );
    expect(await refusal(startEmbeddedPostgres({ folder }))).toMatch(/^DATA_DIR: /);
  });

  test('a folder without the right to write is refused in one line', async () => {
    const folder = process.getuid?.() === 0 ? '/proc' : await createFolder();
    if (folder !== '/proc') await mkdir(folder, { mode: 0o500 });
    expect(await refusal(prepareFolder(folder))).toMatch(/^DATA_DIR: /);
  });

  test("somebody's other data is left alone", async () => {
    const folder = await createFolder();
    await mkdir(join(folder, 'data'), { recursive: true });
    await writeFile(join(folder, 'data/diary.txt'), 'mine');
    expect(await refusal(startEmbeddedPostgres({ folder }))).toMatch(
      /^DATA_DIR: expected PostgreSQL's data or nothing/,
    );
    expect(await readdir(join(folder, 'data'))).toEqual(['diary.txt']);
  });
});
