import { isDeepStrictEqual } from 'node:util';
import type { Viewer } from './cast.ts';
import { type Ask, type OperationName, operations, toBody } from './operations.ts';
import type { Running } from './running.ts';
import { rowsBehindThousandthPage } from './sizes.ts';

/** The data of an answer, as Visage would give them. Throws for errors. */
export async function ask({ candidate, servers: [server] }: Running, question: Ask): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${server?.port}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${question.viewer.token}` },
    body: toBody(question, candidate.documents),
  });
  const { data, errors } = (await response.json()) as { data?: unknown; errors?: unknown };
  if (errors || !data) throw new Error(`Expected an answer, and got ${JSON.stringify(errors)} (${response.status}).`);
  return candidate.translate(data);
}

/** How an operation is asked of a server, with cursors of its own where it goes on from one. */
export const asksOf =
  (name: OperationName) =>
  async (entry: Running): Promise<Ask[][]> =>
    operations[name].asks(entry.cast, name === 'deepEvents' ? await thousandthPages(entry) : new Map());

/** For each heavy user the cursor behind which their 1,000th page begins. */
async function thousandthPages(running: Running): Promise<Map<Viewer, string>> {
  const variables = { last: rowsBehindThousandthPage };
  const cursorOf = async (viewer: Viewer) => {
    const data = await ask(running, { viewer, document: 'lastEvents', variables });
    return (data as { me: { events: { pageInfo: { startCursor: string } } } }).me.events.pageInfo.startCursor;
  };
  return new Map(
    await Promise.all(running.cast.heavy.map(async (viewer) => [viewer, await cursorOf(viewer)] as const)),
  );
}

/** Asks each of them the same, by cursors of its own. Throws where one answers anything else than the first. */
export async function assertSameAnswers(
  running: readonly Running[],
  asksOf: (entry: Running) => Promise<Ask[][]>,
): Promise<void> {
  const asked = await Promise.all(running.map(async (entry) => ({ entry, asks: await asksOf(entry) })));
  for (const index of asked[0]?.asks.keys() ?? []) {
    const answers: Answered[] = [];
    for (const { entry, asks } of asked) {
      const steps = asks[index] ?? [];
      answers.push({ name: entry.name, steps, answer: await answerAll(entry, steps) });
    }
    const [first, ...others] = answers;
    const other = others.find(({ answer }) => !isDeepStrictEqual(answer, first?.answer));
    if (first && other) throw new Error(differenceText(first, other));
  }
}

async function answerAll(running: Running, steps: Ask[]): Promise<unknown[]> {
  const answers = [];
  for (const step of steps) answers.push(comparable(await ask(running, step), isMutation(step)));
  return answers;
}

const isMutation = ({ document }: Ask) => ['record', 'follow', 'unfollow'].includes(document);

/** What is a server's own by nature: how it writes a cursor or an instant, and what a mutation makes anew each time. */
function comparable(value: unknown, isNew: boolean, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => comparable(item, isNew));
  if (isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, comparable(field, isNew, name)]));
  }
  if (typeof value !== 'string') return value;
  if (/^(start|end)Cursor$/.test(key) || (isNew && /^(id|since|occurredAt)$/.test(key))) return key;
  return /^(since|occurredAt)$/.test(key) ? Date.parse(value) : value;
}

function differenceText(first: Answered, other: Answered): string {
  const [here, there] = firstDifference(first.answer, other.answer);
  const asked = first.steps.map(
    ({ viewer, document, variables }) => `${document} of ${viewer.id} ${JSON.stringify(variables)}`,
  );
  return [
    `The answers to ${asked.join(', ')} differ.`,
    `${first.name}: ${JSON.stringify(here)}`,
    `${other.name}: ${JSON.stringify(there)}`,
  ].join('\n');
}

interface Answered {
  name: string;
  steps: Ask[];
  answer: unknown;
}

/** The smallest parts that differ, each below the name of its field. */
function firstDifference(here: unknown, there: unknown): [unknown, unknown] {
  if (!isObject(here) || !isObject(there)) return [here, there];
  const names = [...new Set([...Object.keys(here), ...Object.keys(there)])];
  const name = names.find((name) => !isDeepStrictEqual(here[name], there[name])) ?? '';
  const [smallerHere, smallerThere] = firstDifference(here[name], there[name]);
  return [{ [name]: smallerHere }, { [name]: smallerThere }];
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
