import { StartError } from '../../errors.ts';
import type { Platform } from '../../platform/platform.ts';
import { type Checked, checkUsers, usernameTaken } from './check.ts';
import { checkReferences } from './check-references.ts';
import { toEventRows } from './event-rows.ts';
import { readImportedUser, readJson, readTies } from './input.ts';
import { inBatches, type LineFile } from './lines.ts';
import type { PictureFolder } from './picture-source.ts';
import type { Problems } from './problems.ts';
import { type Counts, type ImportedTies, type Kind, kinds, type Outcome } from './record.ts';
import { writePictures } from './write-pictures.ts';
import { type KindOfRow, type Row, writeRows } from './write-rows.ts';
import { writeUsers } from './write-users.ts';

export interface ImportOptions {
  /** Where a user is here already, the file wins. */
  overwrite: boolean;
  /** Lines that are wrong are left out; else nothing is written where one is. */
  skipInvalid: boolean;
  /** Checks, and writes nothing. */
  dryRun: boolean;
}

export interface ImportDeps
  extends Pick<Platform, 'db' | 'images' | 'pictures' | 'scanner' | 'mirrors' | 'pictureRetention'> {
  file: LineFile;
  source: PictureFolder;
  problems: Problems;
  /** Begins a step of so many bytes; what it answers is told how many are done, and ends it without. */
  step(what: string, bytes: number): { reach(done: number): void; end(): void };
  /** Ends the run between two batches. */
  signal: AbortSignal;
}

/** What came of a run. */
export interface ImportReport {
  lineCount: number;
  refusedCount: number;
  /** References to users who are nowhere, left out of lines that were written. */
  danglingCount: number;
  /** Null where nothing was to be written. */
  counts: Counts | null;
}

/** Users of a transaction: as many as are locked at once. */
const usersAtOnce = 250;

/**
 * Brings users from another system: checks the whole file, and then, unless a line is wrong, writes them batch by batch.
 * Interrupted at any moment, or run again, it ends in the same state: each batch finds out what is there.
 */
export async function importUsers(deps: ImportDeps, options: ImportOptions): Promise<ImportReport> {
  const checked = await inStep(deps, 'checking', (step) => checkUsers({ ...toCheckDeps(deps), ...step }, deps.file));
  const hasReferences = checked.has.has('follows') || checked.has.has('blocks');
  const danglingCount = hasReferences
    ? await inStep(deps, 'checking references', (step) =>
        checkReferences({ ...toCheckDeps(deps), ...step }, deps.file, checked),
      )
    : 0;
  const report = { lineCount: checked.lineCount, refusedCount: checked.refusedCount, danglingCount };
  const isWrong = deps.problems.total > 0 && !options.skipInvalid;
  if (isWrong || options.dryRun) return { ...report, counts: null };
  return { ...report, counts: await writeAll(deps, checked, options) };
}

const toCheckDeps = ({ db, scanner, problems, source, signal }: ImportDeps) => ({
  db,
  scanner,
  problems,
  pictures: source,
  assertGoingOn: () => assertGoingOn(signal),
});

function assertGoingOn(signal: AbortSignal): void {
  if (signal.aborted) throw new StartError('Stopped before the end. The same command goes on where it stopped.');
}

async function inStep<Result>(
  deps: ImportDeps,
  what: string,
  work: (step: { reach(done: number): void }) => Promise<Result>,
): Promise<Result> {
  const step = deps.step(what, deps.file.bytes);
  try {
    return await work(step);
  } finally {
    step.end();
  }
}

type Count = (kind: Kind, outcomes: Partial<Record<Outcome, number>>) => void;

interface Writing {
  checked: Checked;
  options: ImportOptions;
  count: Count;
}

async function writeAll(deps: ImportDeps, checked: Checked, options: ImportOptions): Promise<Counts> {
  const counts = createCounts();
  const count: Count = (kind, outcomes) => {
    for (const [outcome, times] of Object.entries(outcomes)) counts[kind][outcome as Outcome] += times;
  };
  const writing = { checked, options, count };
  await writeUsersAndTheirs(deps, writing);
  // A block ends follows: made first, it keeps those from being made at all.
  if (checked.has.has('blocks')) await writePairs(deps, writing, 'blocks');
  if (checked.has.has('follows')) await writePairs(deps, writing, 'follows');
  if (checked.has.has('pictures')) await writeAllPictures(deps, writing);
  return counts;
}

function createCounts(): Counts {
  const none = () => ({ created: 0, changed: 0, unchanged: 0, 'left out': 0 });
  return Object.fromEntries(kinds.map((kind) => [kind, none()])) as Counts;
}

/** Every line that wasn't refused, some at a time, with what is read from it. */
async function* readBatches<Value>(
  { file, signal }: ImportDeps,
  { isRefused }: Checked,
  { read, size }: { read(json: object): Value; size: number },
) {
  for await (const lines of inBatches(file.lines(), size)) {
    assertGoingOn(signal);
    const right = lines.flatMap(({ number, text }) => (text === null || isRefused(number) ? [] : [{ number, text }]));
    yield {
      items: right.map(({ number, text }) => ({ line: number, text, value: read(readJson(text)) })),
      endsAt: lines.at(-1)?.endsAt ?? 0,
    };
  }
}

async function writeUsersAndTheirs(deps: ImportDeps, { checked, options, count }: Writing): Promise<void> {
  await inStep(deps, 'users', async ({ reach }) => {
    const batches = readBatches(deps, checked, { read: readImportedUser, size: usersAtOnce });
    for await (const { items, endsAt } of batches) {
      const users = items.map(({ value }) => value);
      for (const [at, { outcome, lostUsername }] of (await writeUsers(deps, users, options)).entries()) {
        count('users', { [outcome]: 1 });
        const item = items[at];
        if (!lostUsername || !item) continue;
        const problems = [{ path: 'username', message: usernameTaken(lostUsername) }];
        await deps.problems.add({ line: item.line, problems, text: item.text });
      }
      count('events', await writeRows(deps, 'events', users.flatMap(toEventRows)));
      count('crew members', await writeRows(deps, 'crew members', users.flatMap(toCatalogueRows('crewMembers'))));
      count('studios', await writeRows(deps, 'studios', users.flatMap(toCatalogueRows('studios'))));
      reach(endsAt);
    }
  });
}

const toCatalogueRows =
  (list: 'crewMembers' | 'studios') =>
  (user: ImportedTies): Row[] =>
    user[list].map(({ tmdbId, since }) => ({ user_id: user.id, tmdb_id: tmdbId, since }));

const toPairRows =
  (list: 'follows' | 'blocks') =>
  (user: ImportedTies): Row[] =>
    user[list].map(({ userId, since }) => ({ user_id: user.id, other_id: userId, since }));

async function writePairs(
  deps: ImportDeps,
  { checked, count }: Writing,
  kind: KindOfRow & ('follows' | 'blocks'),
): Promise<void> {
  await inStep(deps, kind, async ({ reach }) => {
    for await (const { items, endsAt } of readBatches(deps, checked, { read: readTies, size: usersAtOnce })) {
      count(kind, await writeRows(deps, kind, items.map(({ value }) => value).flatMap(toPairRows(kind))));
      reach(endsAt);
    }
  });
}

/** A picture takes about a tenth of a second, and whoever waits wants to see it move. */
const picturesAtATime = 20;

async function writeAllPictures(deps: ImportDeps, { checked, options, count }: Writing): Promise<void> {
  await inStep(deps, 'pictures', async ({ reach }) => {
    for await (const { items, endsAt } of readBatches(deps, checked, { read: readTies, size: picturesAtATime })) {
      const withPicture = items.filter(({ value }) => value.picture);
      const written = await writePictures(
        deps,
        withPicture.map(({ value }) => value),
        options,
      );
      for (const { line, text, value } of withPicture) {
        const { outcome, problems } = written.get(value.id) ?? { outcome: 'left out', problems: [] };
        count('pictures', { [outcome]: 1 });
        if (problems.length > 0) await deps.problems.add({ line, problems, text });
      }
      reach(endsAt);
    }
  });
}
