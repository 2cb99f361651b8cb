import type { Config } from '../config.ts';

/** What a command gets from the process that it runs in. */
export interface CommandContext {
  config: Config;
  args: string[];
  print(line: string): void;
  /** Where a progress bar can be drawn; left out where nobody watches. */
  terminal?: NodeJS.WritableStream | undefined;
  /** Calls back the first time that the process is asked to stop. */
  onceAskedToStop(stop: () => void): void;
}
