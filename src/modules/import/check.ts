import { type FieldError, InvalidInputError } from '../../errors.ts';
import type { Database } from '../../platform/database.ts';
import type { Scanner } from '../../platform/scanner.ts';
import { deletedAmong } from '../user/queries.ts';
import { takenUsernames } from '../user/username-service.ts';
import { checkPictures } from './check-pictures.ts';
import { namesOfUsers } from './check-queries.ts';
import { readImportedUser, readJson } from './input.ts';
import { inBatches, type Line, type LineFile } from './lines.ts';
import type { PictureFolder } from './picture-source.ts';
import type { Problems } from './problems.ts';
import type { ImportedUser, Kind } from './record.ts';
import { createFirstLines, createLineSet, type FirstLines, type LineSet } from './seen.ts';

export interface CheckDeps {
  db: Pick<Database, 'query'>;
  scanner: Scanner | null;
  problems: Problems;
  pictures: PictureFolder;
  /** Told how many bytes of the file were read. */
  reach(bytes: number): void;
  /** Throws where the run is to end. */
  assertGoingOn(): void;
}

/** What checking found out about a file. */
export interface Checked {
  /** Lines with something on them. */
  lineCount: number;
  refusedCount: number;
  isRefused(line: number): boolean;
  /** What the lines that weren't refused have, so that no pass over the file is in vain. */
  has: ReadonlySet<Kind>;
  ids: FirstLines;
}

/** A line whose user was read, or what is wrong with it. */
interface Candidate {
  line: Line;
  user: ImportedUser | null;
  problems: FieldError[];
}

/** Users that one statement asks for. */
export const checkedAtOnce = 500;
interface State {
  refused: LineSet;
  ids: FirstLines;
  usernames: FirstLines;
}

/** Checks each line of the file by itself, against the lines before it, and against the database. Writes nothing. */
export async function checkUsers(deps: CheckDeps, file: LineFile): Promise<Checked> {
  const state: State = { refused: createLineSet(), ids: createFirstLines(), usernames: createFirstLines() };
  const has = new Set<Kind>();
  let [lineCount, refusedCount] = [0, 0];
  for await (const lines of inBatches(file.lines(), checkedAtOnce)) {
    deps.assertGoingOn();
    const candidates = lines.map((line) => readCandidate(line, state));
    await checkAgainstDatabase(deps.db, candidates);
    await checkPictures({ folder: deps.pictures, scanner: deps.scanner }, candidates);
    refusedCount += await refuse(candidates, deps.problems, state.refused);
    for (const kind of candidates.flatMap(kindsOf)) has.add(kind);
    lineCount += lines.length;
    deps.reach(lines.at(-1)?.endsAt ?? 0);
  }
  return { lineCount, refusedCount, isRefused: state.refused.has, has, ids: state.ids };
}

/** Notes the lines that are wrong, and answers how many. */
async function refuse(candidates: Candidate[], problems: Problems, refused: LineSet): Promise<number> {
  const wrong = candidates.filter((candidate) => candidate.problems.length > 0);
  for (const { line, problems: found } of wrong) {
    refused.add(line.number);
    await problems.add({ line: line.number, problems: found, text: line.text });
  }
  return wrong.length;
}

function kindsOf({ user, problems }: Candidate): Kind[] {
  if (!user || problems.length > 0) return [];
  const kinds: [Kind, boolean][] = [
    ['follows', user.follows.length > 0],
    ['blocks', user.blocks.length > 0],
    ['pictures', user.picture !== null],
  ];
  return kinds.flatMap(([kind, isThere]) => (isThere ? [kind] : []));
}

function readCandidate(line: Line, { ids, usernames }: State): Candidate {
  if (line.text === null) return { line, user: null, problems: [{ path: '', message: line.problem ?? '' }] };
  try {
    const user = readImportedUser(readJson(line.text));
    const problems = [
      ...repeated(ids.note(user.id, line.number), line, 'id'),
      ...(user.account.username ? repeated(usernames.note(user.account.username, line.number), line, 'username') : []),
    ];
    return { line, user, problems };
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    return { line, user: null, problems: error.fields };
  }
}

const repeated = (first: number, line: Line, path: string): FieldError[] =>
  first === line.number ? [] : [{ path, message: `Expected each ${path} once, and line ${first} has the same.` }];

async function checkAgainstDatabase(db: CheckDeps['db'], candidates: Candidate[]): Promise<void> {
  const users = candidates.flatMap(({ user }) => (user ? [user] : []));
  const ids = users.map(({ id }) => id);
  const deleted = await toSet(db.query<{ userId: string }>(deletedAmong, [ids]));
  const named = users.filter(({ account }) => account.username);
  const claims = [named.map(({ account }) => account.username), named.map(({ id }) => id)];
  const taken = await toSet(db.query<{ userId: string }>(takenUsernames, claims));
  const names = await readNames(
    db,
    users.filter(({ completedAt }) => completedAt).map(({ id }) => id),
  );
  for (const { user, problems } of candidates) {
    if (!user) continue;
    if (deleted.has(user.id)) problems.push({ path: 'id', message: `The user ${user.id} was deleted here, for good.` });
    if (taken.has(user.id)) problems.push({ path: 'username', message: usernameTaken(user.account.username ?? '') });
    problems.push(...incomplete(user, names.get(user.id)));
  }
}

/** What is wrong with a username that somebody else has here. */
export const usernameTaken = (username: string): string =>
  `Expected a username that is free, and "${username}" is somebody else's here, or was within 30 days.`;

const toSet = async (rows: Promise<{ userId: string }[]>) => new Set((await rows).map(({ userId }) => userId));

export interface Names {
  id: string;
  username: string | null;
  displayName: string | null;
}

async function readNames(db: CheckDeps['db'], ids: string[]): Promise<Map<string, Names>> {
  if (ids.length === 0) return new Map();
  const rows = await db.query<Names>(namesOfUsers, [ids]);
  return new Map(rows.map((row) => [row.id, row]));
}

/** Nobody's profile is complete without the two required fields that start empty. */
function incomplete({ completedAt, account, profile }: ImportedUser, here: Names | undefined): FieldError[] {
  const missing = [
    ...((account.username ?? here?.username) ? [] : ['username']),
    ...((profile.displayName ?? here?.displayName) ? [] : ['profile.displayName']),
  ];
  if (!completedAt || missing.length === 0) return [];
  const message = `Expected it with ${missing.join(' and ')} only: without, a profile isn't complete.`;
  return [{ path: 'profile.completedAt', message }];
}
