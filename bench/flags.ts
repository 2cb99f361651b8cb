import { parseArgs } from 'node:util';
import { type Candidate, type CandidateName, candidates } from './candidates.ts';
import { type OperationName, operations } from './operations.ts';

/** What was asked for on the command line. */
export interface Flags {
  mode: 'peers' | 'growth' | 'processes' | 'soak';
  quick: boolean;
  only: OperationName[];
  candidates: CandidateName[];
  /** Server processes to compare with one. */
  processes: number;
  /** Requests to survive. */
  soak: number;
  /** Where each server leaves a profile of its processor time. */
  profiles: string | null;
}

export const usage = `npm run bench -- [--quick] [--only me,page] [--candidates limit,visage] [--profiles folder]
npm run bench -- --growth [--quick] [--only me,page]
npm run bench -- --processes 2 [--quick] [--only me,page]
npm run bench -- --soak 1000000 [--quick]

operations: ${Object.keys(operations).join(', ')}
candidates: ${Object.keys(candidates).join(', ')}`;

/** Throws for anything that isn't as `usage` has it. */
export function readFlags(args: string[]): Flags {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args,
    options: { quick: flag, growth: flag, processes: text, soak: text, only: text, candidates: text, profiles: text },
  });
  const mode = values.growth ? 'growth' : values.processes ? 'processes' : values.soak ? 'soak' : 'peers';
  return {
    mode,
    quick: values.quick,
    only: readNames(values.only, Object.keys(operations) as OperationName[]),
    candidates: readNames(values.candidates, Object.keys(candidates) as CandidateName[], isUsual),
    processes: readCount(values.processes ?? '2'),
    soak: readCount(values.soak ?? '1000000'),
    profiles: values.profiles ?? null,
  };
}

const isUsual = (name: CandidateName) => !(candidates[name] as Candidate).isExtra;

/** In their own order; where none is named, those that are usual. */
function readNames<Name extends string>(
  text: string | undefined,
  known: Name[],
  isUsual: (name: Name) => boolean = () => true,
): Name[] {
  if (text === undefined) return known.filter(isUsual);
  const asked = text.split(',');
  const unknown = asked.filter((name) => !known.includes(name as Name));
  if (unknown.length > 0) throw new Error(`Expected some of ${known.join(', ')}, and got ${unknown.join(', ')}.`);
  return known.filter((name) => asked.includes(name));
}

function readCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`Expected a whole number, and got "${text}".`);
  return Number(text);
}
