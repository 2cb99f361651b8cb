import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { RequestError, StartError } from '../errors.ts';
import { openLineFile } from '../modules/import/lines.ts';
import { createProblems, type Problems } from '../modules/import/problems.ts';
import { type Counts, kinds } from '../modules/import/record.ts';
import { type ImportDeps, type ImportReport, importUsers } from '../modules/import/service.ts';
import { prepareFolder } from '../platform/data-folder.ts';
import { createDatabase } from '../platform/database.ts';
import { takeDatabaseLock } from '../platform/database-lock.ts';
import { createImageProcessor } from '../platform/images.ts';
import { createLog } from '../platform/log.ts';
import { openPictureStore } from '../platform/open-picture-store.ts';
import { createScanner } from '../platform/scanner.ts';
import type { CommandContext } from './command.ts';
import { openDatabase, type Running, stopAll } from './open-database.ts';
import { createProgress } from './progress.ts';

const usage =
  'npm run users:import -- FILE.ndjson [--dry-run] [--skip-invalid] [--overwrite] [--allow-any-path] [--refused FILE]';

/** A statement writes at most some thousand rows; on a busy server it may have to wait for others. */
const statementTimeoutMs = 60_000;

/** Brings users with all that is theirs from another system. docs/importing.md describes the file. */
export async function importUsersFromFile(context: CommandContext): Promise<void> {
  const { path, refusedPath, allowAnyPath, ...options } = readArgs(context.args);
  const file = await openLineFile(path);
  const problems = await createProblems(refusedPath);
  const running: Running = { stops: [() => problems.close()], lost: [] };
  const stopping = new AbortController();
  context.onceAskedToStop(() => stopping.abort());
  try {
    const platform = await openPlatform(context, running);
    const progress = createProgress(context);
    const report = await importUsers(
      {
        ...platform,
        file,
        source: { folder: dirname(path), allowAnyPath },
        problems,
        step: progress.step,
        signal: stopping.signal,
      },
      options,
    );
    for (const line of toLines(report, problems)) context.print(line);
    if (problems.total > 0) throw new StartError(toVerdict(report, problems));
  } catch (error) {
    throw toStartError(error);
  } finally {
    await stopAll(running);
  }
}

async function openPlatform(
  { config }: CommandContext,
  running: Running,
): Promise<Pick<ImportDeps, 'db' | 'images' | 'pictures' | 'scanner' | 'mirrors' | 'pictureRetention'>> {
  if (config.storage.kind === 'disk') await prepareFolder(config.storage.folder);
  const connectionString = await openDatabase(config, running);
  const lock = await takeDatabaseLock(connectionString, 'users:import');
  if (!lock) throw new StartError('Another users:import is at work on this database. Wait until it ends, or stop it.');
  running.stops.push(lock.release);
  const log = createLog(config.logLevel);
  const announcesByRedis = config.redisUrl !== null;
  const db = createDatabase({ connectionString, log, statementTimeoutMs, announcesByRedis });
  running.stops.push(() => db.close());
  const images = createImageProcessor();
  running.stops.push(() => images.close());
  const scanner = config.clamav && createScanner({ ...config.clamav, log });
  const pictures = openPictureStore(config.storage);
  running.stops.push(() => pictures.close());
  const { mirrors } = config.clerk;
  return { db, images, pictures, scanner, mirrors, pictureRetention: config.pictures };
}

/** The database or the picture store was lost on the way. */
function toStartError(error: unknown): unknown {
  if (!(error instanceof RequestError) || error.code !== 'SERVICE_UNAVAILABLE') return error;
  return new StartError(`${error.message} The same command goes on where it stopped.`);
}

const flag = { type: 'boolean', default: false } as const;

function readArgs(args: string[]) {
  const { values, positionals } = parseOrThrow(args);
  const [file, ...others] = positionals;
  if (!file || others.length > 0) throw new StartError(`Expected one file. ${usage}`);
  const path = resolve(file);
  const refusedPath = resolve(values.refused ?? `${path.replace(/\.ndjson$/, '')}.refused.ndjson`);
  if (refusedPath === path) throw new StartError(`--refused: expected another file than the imported one. ${usage}`);
  return {
    path,
    refusedPath,
    allowAnyPath: values['allow-any-path'],
    overwrite: values.overwrite,
    skipInvalid: values['skip-invalid'],
    dryRun: values['dry-run'],
  };
}

function parseOrThrow(args: string[]) {
  try {
    const options = {
      overwrite: flag,
      'skip-invalid': flag,
      'dry-run': flag,
      'allow-any-path': flag,
      refused: { type: 'string' },
    } as const;
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new StartError(`${(error as Error).message} ${usage}`);
  }
}

function toLines({ lineCount, refusedCount, danglingCount, counts }: ImportReport, problems: Problems): string[] {
  const hidden = problems.total - problems.first.length;
  return [
    ...problems.first,
    ...(hidden > 0 ? [`and ${format(hidden)} more`] : []),
    `${format(lineCount)} users read, ${format(refusedCount)} refused`,
    ...(danglingCount > 0 ? [`${format(danglingCount)} references to users who are nowhere`] : []),
    ...(counts ? toTable(counts) : problems.total === 0 ? ['All of it is right. Nothing was written.'] : []),
  ];
}

const columns = ['created', 'changed', 'unchanged', 'left out'] as const;

function toTable(counts: Counts): string[] {
  const row = (name: string, cells: string[]) => name.padEnd(14) + cells.map((cell) => cell.padStart(12)).join('');
  const used = kinds.filter((kind) => columns.some((column) => counts[kind][column] > 0));
  return [
    row('', [...columns]),
    ...used.map((kind) =>
      row(
        kind,
        columns.map((column) => format(counts[kind][column])),
      ),
    ),
  ];
}

const format = (count: number) => count.toLocaleString('en');

function toVerdict({ counts }: ImportReport, { total, path }: Problems): string {
  const found = `${format(total)} ${total === 1 ? 'problem' : 'problems'}, all of them in ${path}.`;
  return counts
    ? `${found} What they are about was left out; mended, the same command brings it.`
    : `${found} Nothing was written. --skip-invalid writes the rest.`;
}
