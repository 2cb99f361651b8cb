import type { FieldError } from '../../errors.ts';
import { type CheckDeps, type Checked, checkedAtOnce, type Names } from './check.ts';
import { namesOfUsers } from './check-queries.ts';
import { readJson, readTies } from './input.ts';
import { inBatches, type Line, type LineFile } from './lines.ts';

/** What of a line refers to a user who is neither in the file nor here. */
interface Dangling {
  line: Line;
  /** By the path of the reference, whom it refers to. */
  references: { path: string; id: string }[];
}

/** Checks that whoever is followed or blocked is in the file, on a line that isn't refused, or here. */
export async function checkReferences(deps: CheckDeps, file: LineFile, checked: Checked): Promise<number> {
  let danglingCount = 0;
  for await (const lines of inBatches(file.lines(), checkedAtOnce)) {
    deps.assertGoingOn();
    const open = lines.flatMap((line) => readReferences(line, checked));
    const ids = [...new Set(open.flatMap(({ references }) => references.map(({ id }) => id)))];
    const here = new Set((await deps.db.query<Names>(namesOfUsers, [ids])).map(({ id }) => id));
    for (const { line, references } of open) {
      const problems = references.filter(({ id }) => !here.has(id)).map(toDanglingProblem);
      danglingCount += problems.length;
      if (problems.length > 0) await deps.problems.add({ line: line.number, problems, text: line.text });
    }
    deps.reach(lines.at(-1)?.endsAt ?? 0);
  }
  return danglingCount;
}

const toDanglingProblem = ({ path, id }: Dangling['references'][number]): FieldError => ({
  path,
  message: `Expected a user of the file or of this server, and "${id}" is neither.`,
});

/** The references of a line that the file alone doesn't answer. */
function readReferences(line: Line, { isRefused, ids }: Checked): Dangling[] {
  if (line.text === null || isRefused(line.number)) return [];
  const { follows, blocks } = readTies(readJson(line.text));
  const isInFile = (id: string) => {
    const first = ids.find(id);
    return first !== 0 && !isRefused(first);
  };
  const toReferences = (what: string, ties: { userId: string }[]) =>
    ties.flatMap(({ userId: id }, at) => (isInFile(id) ? [] : [{ path: `${what}.${at}.userId`, id }]));
  const references = [...toReferences('follows', follows), ...toReferences('blocks', blocks)];
  return references.length > 0 ? [{ line, references }] : [];
}
