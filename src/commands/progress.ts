import { type Options, Presets, SingleBar } from 'cli-progress';
import type { CommandContext } from './command.ts';

/** Shows how far a long command has come: as a bar in a terminal, as a line from time to time in a log. */
export interface Progress {
  /** Begins a step; the one before has ended. */
  step(what: string, total: number): ProgressStep;
}

export interface ProgressStep {
  /** Says how much of the total is done. */
  reach(done: number): void;
  end(): void;
}

const lineEveryMs = 10_000;

export const createProgress = ({ print, terminal }: Pick<CommandContext, 'print' | 'terminal'>): Progress => ({
  step: (what, total) => (terminal ? drawBar(terminal, what, total) : printLines(print, what, total)),
});

function drawBar(stream: NodeJS.WritableStream, what: string, total: number): ProgressStep {
  const format: Options = { stream, format: `${what} {bar} {percentage} %  {eta_formatted} left`, hideCursor: true };
  const bar = new SingleBar(format, Presets.shades_classic);
  bar.start(Math.max(1, total), 0);
  return {
    reach: (done) => bar.update(done),
    end: () => bar.stop(),
  };
}

function printLines(print: (line: string) => void, what: string, total: number): ProgressStep {
  let saidAt = performance.now();
  let percentage = 0;
  return {
    reach(done) {
      percentage = total > 0 ? Math.floor((100 * done) / total) : 100;
      if (performance.now() - saidAt < lineEveryMs) return;
      saidAt = performance.now();
      print(`${what}: ${percentage} %`);
    },
    end: () => print(`${what}: ${percentage} %`),
  };
}
