import { type FileHandle, open, rm } from 'node:fs/promises';
import { type FieldError, StartError } from '../../errors.ts';

/** What is wrong with a line. */
export interface Refusal {
  line: number;
  problems: FieldError[];
  /** The line as it stands in the file; null where it is no text. */
  text: string | null;
}

/** Collects what is refused: all of it in a file, the first of it for the person who waits. */
export interface Problems {
  /** Of all lines together. */
  readonly total: number;
  /** The first hundred, a line each. */
  readonly first: readonly string[];
  readonly path: string;
  add(refusal: Refusal): Promise<void>;
  close(): Promise<void>;
}

const maxShown = 100;

/** The file is there once something was refused; one of an earlier run is removed. Throws StartError. */
export async function createProblems(path: string): Promise<Problems> {
  const first: string[] = [];
  let total = 0;
  let file: FileHandle | undefined;
  await orExplain(path, () => rm(path, { force: true }));

  return {
    get total() {
      return total;
    },
    first,
    path,
    async add(refusal) {
      total += refusal.problems.length;
      first.push(...toLines(refusal).slice(0, maxShown - first.length));
      // As private as what it was made from is likely to be.
      file ??= await orExplain(path, () => open(path, 'a', 0o600));
      await orExplain(path, async () => file?.appendFile(`${JSON.stringify(toEntry(refusal))}\n`));
    },
    close: async () => file?.close(),
  };
}

const toLines = ({ line, problems }: Refusal) =>
  problems.map(({ path, message }) => `line ${line}${path && `, ${path}`}: ${message}`);

/** With the line as it came, so that it can be mended and imported from there. */
function toEntry({ line, problems, text }: Refusal) {
  const content = toContent(text);
  const id = (content as { id?: unknown } | null)?.id;
  return { line, id: typeof id === 'string' ? id : null, problems, content };
}

function toContent(text: string | null): unknown {
  try {
    return text && JSON.parse(text);
  } catch {
    return text;
  }
}

async function orExplain<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw new StartError(
      `What is refused goes into "${path}", which can't be written (${(error as Error).message}). --refused names another file.`,
    );
  }
}
