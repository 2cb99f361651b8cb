import { hideSecrets } from '../../platform/log.ts';
import { within } from '../../platform/time-limit.ts';

/** What came of a check. */
export interface Finding {
  /** Nothing but `failed` makes the whole fail. */
  status: 'ok' | 'warning' | 'failed' | 'skipped';
  /** A sentence. */
  found: string;
  /** What to do about it. */
  advice?: string;
}

export const ok = (found: string): Finding => ({ status: 'ok', found });
export const skipped = (found: string): Finding => ({ status: 'skipped', found });
export const warning = (found: string, advice: string): Finding => ({ status: 'warning', found, advice });
export const failed = (found: string, advice: string): Finding => ({ status: 'failed', found, advice });

export interface Check {
  name: string;
  /** Variables without which there is nothing to look at. */
  needs?: string[];
  /** Checks without whose `ok` there is nothing to look at. */
  after?: string[];
  /** One that throws has failed. */
  run(): Finding | Finding[] | Promise<Finding>;
}

interface ExaminationOptions {
  /** Names of variables that are wrong or missing. */
  wrongVariables: ReadonlySet<string>;
  print(line: string): void;
}

/** No check takes longer, whatever it waits for. */
const checkLimitMs = 20_000;

/** Runs the checks one after the other, a line for each finding, and answers the names of those that failed. */
export async function examine(checks: Check[], { wrongVariables, print }: ExaminationOptions): Promise<string[]> {
  const fine = new Set<string>();
  const failures: string[] = [];
  for (const { name, needs = [], after = [], run } of checks) {
    const wrong = needs.filter((variable) => wrongVariables.has(variable));
    const open = after.filter((earlier) => !fine.has(earlier));
    const findings =
      wrong.length > 0
        ? [skipped(`not looked at without ${wrong.join(' and ')}`)]
        : open.length > 0
          ? [skipped(`not looked at before ${open.join(' and ')}`)]
          : await settled(run);
    for (const finding of findings) print(toLine(name, finding));
    if (findings.every(({ status }) => status === 'ok')) fine.add(name);
    if (findings.some(({ status }) => status === 'failed')) failures.push(name);
  }
  return failures;
}

async function settled(run: Check['run']): Promise<Finding[]> {
  try {
    return [await within(checkLimitMs, Promise.resolve(run()))].flat();
  } catch (error) {
    return [{ status: 'failed', found: (error as Error).message }];
  }
}

function toLine(name: string, { status, found, advice = '' }: Finding): string {
  const sentences = [found, advice].filter(Boolean).map((sentence) => sentence.replace(/\.?\s*$/, '.'));
  return hideSecrets(`${status.padEnd(8)} ${name.padEnd(14)} ${sentences.join(' ').replace(/\s+/g, ' ')}`);
}
